"""One HTML file that says what happened in a run, opens offline, and prints well.

points    every completed op as a dot: when, how long, how it ended
rates     ops a second by outcome, in buckets that fit the run
windows   from when to when each fault was on, in its package's colour
diagram   the few ops that prove an anomaly, as bars over time
page      all of it poured into page.html.j2 with its style and its script
"""

from harness.report.page import write_report

__all__ = ["write_report"]
