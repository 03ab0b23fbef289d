"""When exactly something shall happen: a sentence about the cluster that becomes true.

    slave-lag >= 1MB        bytes of the master's log that the slave does not have
    unflushed >= 4KB        bytes of the master's log that are not fsynced
    master-end, slave-end   how long a log is
    master down, slave up   whether a node serves

Sizes are B, KB and MB of 1000. The figures are the nodes' own, asked past every proxy. What
cannot be asked is not true.
"""

import asyncio
import re
from dataclasses import dataclass
from difflib import get_close_matches

from nemesis.targets import NodeEnds, Targets

__all__ = ["Condition", "await_condition", "parse_condition"]

LOOK_AGAIN_MS = 20

QUANTITIES = ("slave-lag", "unflushed", "master-end", "slave-end")
NODES = ("master", "slave", "nameserver")
UNITS = {"": 1, "B": 1, "KB": 1000, "MB": 1_000_000}

_AT_LEAST = re.compile(r"(?P<quantity>[\w-]+)\s*>=\s*(?P<number>\d+)\s*(?P<unit>[KM]?B?)")
_STATE = re.compile(r"(?P<node>\w+)\s+(?P<state>up|down)")


@dataclass(frozen=True, slots=True)
class Condition:
    """A quantity that is at least so many bytes, or a node that is up or down."""

    subject: str
    at_least: int = 0
    state: str = ""

    async def holds(self, targets: Targets) -> bool:
        """Whether it is true right now."""
        if self.state:
            return (targets.nodes[self.subject].pid() is not None) is (self.state == "up")
        found = await self._measure(targets)
        return found is not None and found >= self.at_least

    async def _measure(self, targets: Targets) -> int | None:
        master, slave = await _ends(targets, "master"), await _ends(targets, "slave")
        if self.subject == "slave-lag":
            return _difference(master.end, slave.end)
        if self.subject == "unflushed":
            return _difference(master.end, master.flushed)
        return master.end if self.subject == "master-end" else slave.end


def parse_condition(text: str) -> Condition:
    """Read a sentence of the table above; ``ValueError`` says what was expected.

    >>> parse_condition("slave-lag >= 1MB")
    Condition(subject='slave-lag', at_least=1000000, state='')
    >>> parse_condition("master down").state
    'down'
    """
    if match := _STATE.fullmatch(text.strip()):
        return Condition(_known(match["node"], NODES), state=match["state"])
    if match := _AT_LEAST.fullmatch(text.strip()):
        subject = _known(match["quantity"], QUANTITIES)
        if match["unit"] in UNITS:
            return Condition(subject, int(match["number"]) * UNITS[match["unit"]])
    raise ValueError(f"expected a condition such as 'slave-lag >= 1MB', found {text!r}")


async def await_condition(targets: Targets, condition: Condition) -> None:
    """Look again and again until it is true."""
    while not await condition.holds(targets):  # noqa: ASYNC110 - nobody in the world tells us
        await asyncio.sleep(LOOK_AGAIN_MS / 1000)


def _known(word: str, words: tuple[str, ...]) -> str:
    if word in words:
        return word
    near = get_close_matches(word, words, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"expected one of {', '.join(words)}, found {word!r}{hint}")


async def _ends(targets: Targets, name: str) -> NodeEnds:
    node = targets.nodes[name]
    if node.pid() is None or node.paused():
        return NodeEnds(None, None)
    return await node.ends()


def _difference(greater: int | None, less: int | None) -> int | None:
    return None if greater is None or less is None else greater - less
