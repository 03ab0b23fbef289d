"""Which calls of toxiproxy's API turn one proxy into another, and in which order: pure.

    off first, on last           a half-changed proxy serves nobody
    the end of a chain first     the real server hangs on a toxic that waits for one behind it

The server's ``/reset`` keeps neither (spec/toxiproxy.md, A2), so nothing here or elsewhere uses it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from nemesis.toxiproxy_client import ProxySpec, ToxicSpec

__all__ = ["Step", "Verb", "in_order", "plan"]


class Verb(StrEnum):
    """What is done to a proxy."""

    DISABLE = "disable"
    REMOVE = "remove"
    ADD = "add"
    ENABLE = "enable"


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the API."""

    verb: Verb
    name: str = ""
    toxic: ToxicSpec | None = None


def plan(before: ProxySpec, after: ProxySpec, *, while_disabled: bool = False) -> list[Step]:
    """List the calls that turn one proxy into another: off first, on last.

    A toxic cannot be changed by the library, so it is removed and added again. The last of the
    chain goes first: toxiproxy hangs on a toxic that waits for one behind it which holds
    everything, as ``slow_close`` does before ``bandwidth`` 0. Only enabled and toxics are looked
    at: a proxy does not move.
    """
    removed = [
        name
        for name, toxic in reversed([*before.toxics.items()])
        if after.toxics.get(name) != toxic
    ]
    added = [name for name, toxic in after.toxics.items() if before.toxics.get(name) != toxic]
    changes = bool(removed or added)
    off_meanwhile = while_disabled and changes

    steps = []
    if before.enabled and (off_meanwhile or not after.enabled):
        steps.append(Step(Verb.DISABLE))
    steps += [Step(Verb.REMOVE, name) for name in removed]
    steps += [Step(Verb.ADD, name, after.toxics[name]) for name in added]
    if after.enabled and (off_meanwhile or not before.enabled):
        steps.append(Step(Verb.ENABLE))
    return steps


def in_order(before: ProxySpec, after: ProxySpec) -> ProxySpec:
    """Put what is wanted into the order that the server's chain has once the plan is done.

    What was added comes last, also if it has the name of one that was there and is now another.
    """
    stays = [name for name, toxic in before.toxics.items() if after.toxics.get(name) == toxic]
    return replace(after, toxics={name: after.toxics[name] for name in (*stays, *after.toxics)})
