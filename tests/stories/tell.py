"""Tell a story: find a run, make it small, keep it: ``python -m tests.stories.tell MUTANT``.

With a mutant, seeds are tried until its bug is found, and the run is shrunk. With ``--valid SEED``
the correct broker's run is kept as it is, for what happens in it; ``--title`` says what that is.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from harness.replay import player
from harness.shrinking.case import Case
from harness.shrinking.shrinker import Shrinker
from harness.shrinking.story import Story
from harness.simulated.run import simulate
from harness.simulated.swarm import options_of_seed
from tests.quality.mutants.mutant import Mutant
from tests.quality.mutants.registry import MUTANTS

HERE = Path(__file__).parent
SEEDS = range(200)
TRIES_MAX = 150


def find(mutant: Mutant) -> tuple[Case, str] | None:
    """Find a seed whose run shows one of the mutant's own anomalies."""
    for seed in SEEDS:
        run = simulate(options_of_seed(seed, mutant=mutant.name))
        for name in mutant.finds:
            found = run.judgement.anomalies.get(name)
            if found is not None and found.validity == 2:
                return Case(run.options, run.planned), name
    return None


def tell_of_bug(mutant: Mutant) -> Story | None:
    """Shrink the first run that shows the bug."""
    play = player(HERE)
    found = find(mutant)
    if found is None:
        return None
    case, name = found
    smallest = Shrinker(
        case,
        lambda case: name in play(case.options, case.schedule).broken,
        TRIES_MAX,
        on_smaller=lambda case: print(" ", case.describe()),  # noqa: T201 -- a tool's progress
    ).run()
    return Story(mutant.breaks.rstrip("."), smallest, "invalid", name)


def tell_of_seed(seed: int, title: str, nemeses: str, mode: str) -> Story:
    """Keep the run of a seed on the correct broker."""
    given = {"nemeses": tuple(nemeses.split(",")), "mode": mode, "time_limit_s": 8.0, "rate": 60.0}
    options = replace(options_of_seed(seed, **given), volatile="power" in nemeses)
    run = simulate(options)
    return Story(title, Case(run.options, run.planned), run.judgement.validity.word)


def main() -> int:
    """Write one story file beside this one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mutant", nargs="?", choices=sorted(MUTANTS), metavar="MUTANT")
    parser.add_argument("--valid", type=int, metavar="SEED")
    parser.add_argument("--title", default="")
    parser.add_argument("--nemesis", default="kill-master")
    parser.add_argument("--mode", default="SYNC_MASTER+SYNC_FLUSH")
    asked = parser.parse_args()
    if asked.mutant is not None:
        story, name = tell_of_bug(MUTANTS[asked.mutant]), asked.mutant
    else:
        story = tell_of_seed(asked.valid, asked.title, asked.nemesis, asked.mode)
        name = asked.title.lower().replace(" ", "-")
    if story is None:
        print(f"not found within {len(SEEDS)} seeds", file=sys.stderr)  # noqa: T201 -- a tool
        return 1
    (HERE / f"{name}.json").write_bytes(story.to_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
