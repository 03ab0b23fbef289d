"""What one run is asked to do: a value, stored in ``test.json``, from which it can be repeated.

Everything that is drawn in a run (payloads, queues, pauses, the fault schedule) is drawn from
``seed``. What the machine adds, such as which toxiproxy was found or how long a set-up took, is
recorded beside the options and never in them.
"""

import shlex
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

__all__ = ["MODES", "MODE_DEFAULT", "NEMESES_DEFAULT", "WORLDS", "RunOptions", "nemeses_of"]

WORLDS = ("local", "simulated", "rocketmq")

MODES = (
    "ASYNC_MASTER+ASYNC_FLUSH",
    "ASYNC_MASTER+SYNC_FLUSH",
    "SYNC_MASTER+ASYNC_FLUSH",
    "SYNC_MASTER+SYNC_FLUSH",
)
MODE_DEFAULT = "SYNC_MASTER+SYNC_FLUSH"
NEMESES_DEFAULT = ("kill-master", "partition", "delay-replication")
NAME_LENGTH_MAX = 150
"""A folder's name may not be longer than 255 bytes, and nobody reads so many."""


def nemeses_of(text: str) -> tuple[str, ...]:
    """Read what ``--nemesis`` says: names with commas between them, or ``none``.

    >>> nemeses_of("kill-master, partition"), nemeses_of("none")
    (('kill-master', 'partition'), ())
    """
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    return () if words == ("none",) else words or ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of one run."""

    seed: int
    workload: str = "queue"
    nemeses: tuple[str, ...] = NEMESES_DEFAULT
    scenario: str = ""  # a name or a file, in place of nemeses
    mode: str = MODE_DEFAULT
    world: str = "local"
    rocketmq: str = ""  # the folder of a distribution, for the world of that name
    time_limit_s: float = 60.0
    rate: float = 400.0  # operations a second, all processes together
    concurrency: int = 10
    queues: int = 4
    volatile: bool = False  # un-fsynced bytes die with the process: a kill is a power cut
    toxiproxy: str = "auto"  # auto | real | embedded
    out: str = "runs"
    ports: int = 0  # the first of the cluster's ports; 0 leases a free block
    node_command: tuple[str, ...] = ()  # starts a node in place of ours, for controls
    mutant: str = ""  # a planted bug, in a simulated run

    @property
    def broker_role(self) -> str:
        """The master's brokerRole."""
        return self.mode.split("+")[0]

    @property
    def flush_disk_type(self) -> str:
        """The master's flushDiskType."""
        return self.mode.split("+")[1]

    @property
    def name(self) -> str:
        """The family of runs it belongs to: its folder under ``out``."""
        faults = self.faults.replace(",", "+")
        if len(faults) > NAME_LENGTH_MAX and self.nemeses:
            faults = f"{self.nemeses[0]}+{len(self.nemeses) - 1}-others"
        return f"{self.workload}-{faults}"

    @property
    def faults(self) -> str:
        """What is to be broken, in words of the command line."""
        return Path(self.scenario).stem or ",".join(self.nemeses) or "none"

    @property
    def has_faults(self) -> bool:
        """Whether anything is to be broken."""
        return bool(self.nemeses or self.scenario)

    @property
    def out_folder(self) -> Path:
        """Where run folders go."""
        return Path(self.out)

    def to_json(self) -> dict[str, Any]:
        """Return a map of plain values; ``from_json`` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "RunOptions":
        """Read options back; keys of a later version are left out."""
        known = {field.name for field in fields(cls)}
        values = {key: value for key, value in stored.items() if key in known}
        for key in ("nemeses", "node_command"):
            if key in values:
                values[key] = tuple(values[key])
        return cls(**values)

    def command(self) -> str:
        """Spell the command that repeats the run, with whatever differs from the defaults."""
        plain = RunOptions(seed=self.seed)
        words = ["mqhavoc", "run", "--seed", str(self.seed)]
        for option, value, usual in (
            ("--workload", self.workload, plain.workload),
            ("--mode", self.mode, plain.mode),
            *self._fault_options(plain),
            ("--world", self.world, plain.world),
            ("--rocketmq", self.rocketmq, plain.rocketmq),
            ("--rate", f"{self.rate:g}", f"{plain.rate:g}"),
            ("--concurrency", str(self.concurrency), str(plain.concurrency)),
            ("--queues", str(self.queues), str(plain.queues)),
            ("--toxiproxy", self.toxiproxy, plain.toxiproxy),
            ("--out", self.out, plain.out),
            ("--ports", str(self.ports), str(plain.ports)),
            ("--node-command", shlex.join(self.node_command), ""),
        ):
            if value != usual:
                words += [option, shlex.quote(value)]
        return " ".join([*words, *(["--volatile"] if self.volatile else [])])

    def _fault_options(self, plain: "RunOptions") -> list[tuple[str, str, str]]:
        """Spell which faults there are; a scenario says itself how long they take."""
        if self.scenario:
            return [("--scenario", self.scenario, "")]
        return [
            ("--nemesis", ",".join(self.nemeses) or "none", ",".join(plain.nemeses)),
            ("--time-limit", f"{self.time_limit_s:g}", f"{plain.time_limit_s:g}"),
        ]
