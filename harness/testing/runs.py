"""One run of a test that is marked with chaos: what it came to, its proof, and how to repeat it."""

from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from checkers.proof import explain
from checkers.suite import Judgement
from checkers.verdict import Validity
from harness.local import run_local
from harness.options import RunOptions
from harness.simulated.run import simulate
from harness.simulated.swarm import command_of_seed, options_of_seed
from harness.testing.marker import Chaos
from harness.validation import option_problems
from histories.formats import read_history
from histories.history import History

__all__ = ["ChaosRun", "proof_of", "run_chaos"]

PROOFS_MAX = 2
"""How often one promise is shown to be broken: once may be an accident, more is noise."""


@dataclass(frozen=True, slots=True)
class ChaosRun:
    """What one seed came to."""

    options: RunOptions
    judgement: Judgement
    history: History
    command: str  # that repeats the run

    @property
    def seed(self) -> int:
        """From which everything was drawn."""
        return self.options.seed

    @property
    def valid(self) -> bool:
        """Whether everything was seen, and every promise held."""
        return self.judgement.validity is Validity.VALID

    @property
    def verdict(self) -> str:
        """``valid``, ``invalid`` or ``unknown``."""
        return self.judgement.validity.word

    @property
    def anomalies(self) -> tuple[str, ...]:
        """Names of the anomalies that break a promise, sorted."""
        found = self.judgement.anomalies.values()
        return tuple(sorted(one.name for one in found if one.validity is Validity.INVALID))

    @property
    def proof(self) -> str:
        """Each broken promise with the few ops that show it; else why nothing is known."""
        return proof_of(self.judgement, self.history) or "\n".join(self.judgement.why)

    def check(self) -> None:
        """Fail with the proof unless the run is valid."""
        __tracebackhide__ = True  # the proof is what people want to see
        if not self.valid:
            raise AssertionError(self.text)

    @property
    def text(self) -> str:
        """Seed, options, verdict, proof and command: what a failed test shows."""
        options = self.options
        disk = "volatile disks" if options.volatile else "disks"
        nemeses = ",".join(options.nemeses) or "none"
        return (
            f"seed {self.seed}: {self.verdict} {', '.join(self.anomalies)}\n"
            f"{options.world}, {options.mode}, {disk}, nemesis {nemeses}, "
            f"{options.time_limit_s:g} s at {options.rate:g} ops/s\n\n"
            f"{self.proof}\n\nreproduce: {self.command}"
        )


def proof_of(judgement: Judgement, history: History) -> str:
    """Write each anomaly that breaks a promise with the few ops that show it."""
    return "\n\n".join(
        f"{found.name} breaks {found.promise or 'a promise'}\n{explain(history, found, PROOFS_MAX)}"
        for found in judgement.anomalies.values()
        if found.validity is Validity.INVALID
    )


def run_chaos(asked: Chaos, seed: int, folder: Path) -> ChaosRun:
    """Run once; ``ValueError`` if the options ask for what there is not."""
    if asked.world == "simulated":
        return _simulated(asked, seed)
    given = {name: value for name, value in asked.given.items() if value is not None}
    options = _checked(RunOptions(seed=seed, world=asked.world, out=str(folder), **given))
    result = run_local(options, Console(quiet=True))
    if result.judgement is None:
        raise KeyboardInterrupt  # stopped at once, and so are the tests
    history = read_history(result.folder.history)
    return ChaosRun(options, result.judgement, history, replace(options, out="runs").command())


def _simulated(asked: Chaos, seed: int) -> ChaosRun:
    options = _checked(options_of_seed(seed, **asked.given))
    run = simulate(options)
    command = command_of_seed(seed, asked.given)
    return ChaosRun(options, run.judgement, History.from_ops(run.ops), command)


def _checked(options: RunOptions) -> RunOptions:
    if problems := option_problems(options):
        raise ValueError("; ".join(problems))
    return options
