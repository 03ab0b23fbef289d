"""What a bare seed stands for: every option of a short run is drawn from it.

Swarm testing (Groce et al., 2012): each run draws not only when faults happen but which kinds
exist at all, and so visits combinations that an all-on mix never shows. The draws are those that
found most planted bugs in a second of a processor: what finds a bug is another fault at another
moment, and hardly ever one more message.
"""

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.draws import stream
from harness.fault_plan import able_packages
from harness.options import MODES, RunOptions
from harness.planting import mutant_of
from harness.simulated.run import simulate

__all__ = ["SHORT", "SeedResult", "command_of_seed", "options_of_seed", "run_seed"]

KINDS_MAX = 4  # of faults in one run

SHORT: Mapping[str, Any] = {"time_limit_s": 6.0, "rate": 20.0, "concurrency": 3, "queues": 1}
"""The options of a short story: many more runs a minute, each with fewer chances."""


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What is kept of one run of many."""

    seed: int
    options: RunOptions
    validity: str
    anomalies: tuple[str, ...]  # names of those that are not valid
    why: tuple[str, ...]
    ops: int  # of clients, each with its completion
    virtual_s: float
    cpu_s: float
    digest: str


def options_of_seed(seed: int, **given: Any) -> RunOptions:
    """Draw the options of a seed; what is given is not drawn, but changes no other draw.

    A mutant brings the options in which it matters; what else is given goes before them.

    >>> options_of_seed(7) == options_of_seed(7)
    True
    >>> options_of_seed(7, mode="ASYNC_MASTER+SYNC_FLUSH").rate == options_of_seed(7).rate
    True
    """
    given = {key: value for key, value in given.items() if value is not None}
    if given.get("mutant"):
        given = {**mutant_of(given["mutant"]).options, **given}
    rng = stream(seed, "swarm")
    drawn = RunOptions(
        seed=seed,
        world="simulated",
        mode=rng.choice(MODES),
        time_limit_s=float(rng.randint(6, 15)),
        rate=float(rng.randint(10, 30)),
        concurrency=rng.randint(3, 8),
        queues=rng.randint(1, 4),
        volatile=rng.random() < 0.5,
    )
    options = replace(drawn, **given)
    if "nemeses" in given:
        return options
    able = [package.name for package in able_packages(options)]
    return replace(options, nemeses=tuple(rng.sample(able, rng.randint(1, KINDS_MAX))))


def command_of_seed(seed: int, given: Mapping[str, Any]) -> str:
    """Spell the command that repeats the run of a seed with what was given.

    >>> command_of_seed(7, {"mode": None, "nemeses": (), "volatile": True})
    'mqhavoc simulate --seed 7 --nemesis none --volatile'
    >>> command_of_seed(7, {"scenario": "my own.toml"})
    "mqhavoc simulate --seed 7 --scenario 'my own.toml'"
    """
    if given.get("scenario"):
        given = {**given, "nemeses": None, "time_limit_s": None}  # it says them itself
    words = ["mqhavoc", "simulate", "--seed", str(seed)]
    for option, key in (
        ("--mutant", "mutant"),
        ("--scenario", "scenario"),
        ("--mode", "mode"),
        ("--time-limit", "time_limit_s"),
        ("--rate", "rate"),
        ("--concurrency", "concurrency"),
        ("--queues", "queues"),
    ):
        if given.get(key):
            words += [option, f"{given[key]}"]
    if given.get("nemeses") is not None:
        words += ["--nemesis", ",".join(given["nemeses"]) or "none"]
    if given.get("volatile") is not None:
        words.append("--volatile" if given["volatile"] else "--disk")
    return shlex.join(words)


def run_seed(seed: int, **given: Any) -> SeedResult:
    """Run one seed from beginning to end."""
    began = time.process_time()
    options = options_of_seed(seed, **given)
    run = simulate(options)
    judgement = run.judgement
    bad = [name for name, found in judgement.anomalies.items() if found.validity]
    return SeedResult(
        seed,
        options,
        judgement.validity.word,
        tuple(bad),
        judgement.why,
        sum(op.type == "invoke" for op in run.ops),
        run.virtual_s,
        time.process_time() - began,
        run.digest,
    )
