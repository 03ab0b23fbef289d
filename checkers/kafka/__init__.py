"""Jepsen's kafka workload, judged by the definitions of jepsen.tests.kafka (spec/checking.md 2.2).

    tables   what each op sent and polled, and the log of each key: all as columns
    steps    skips and regressions, inside one op and from one op to the next
    cycles   G0 and G1c, with and without real time, and Elle's levels
    verdict  everything by Jepsen's names and by ours

A million ops are a few sorts.
"""

from checkers.kafka.tables import Tables, tables_of
from checkers.kafka.verdict import jepsen_anomalies, kafka

__all__ = ["Tables", "jepsen_anomalies", "kafka", "tables_of"]
