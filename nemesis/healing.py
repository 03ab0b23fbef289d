"""Undo everything, and prove it; whatever fails, go on with the rest and say so at the end.

    cure    one fault, tried for a while: a node that another fault holds down needs its time
    sweep   what no journal lists: nodes frozen or down, links not as new, controls still set
    heal    both, from what a killed suite left in its journal

The order of a sweep is that of spec/toxiproxy.md, A6: first let frozen nodes run, for a proxy
whose node does not read can wedge the whole proxy server; then heal links; then start nodes.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from dataclasses import replace

from nemesis.catalogue import KINDS
from nemesis.catalogue.links import prove_healed
from nemesis.faults import Act, Fault, Proof
from nemesis.journal import Journal
from nemesis.targets import Controls, Targets

__all__ = ["NemesisError", "attempt", "cure", "heal", "sweep"]

ACT_MS_MAX = 45_000
"""An injection or a cure that takes longer has failed; a node may need long to recover."""

CURE_MS_MAX = 10_000
"""How long a cure is tried again; a healed link answers only when its node has come up."""

SWEEPS = 3
PAUSE_MS = 300


class NemesisError(Exception):
    """Something could not be cured: the world is not as it was, and the run proves nothing."""


async def attempt(act: Act, targets: Targets, fault: Fault) -> Proof:
    """Carry an injection or a cure out; what goes wrong is a proof that it did not take effect."""
    try:
        async with asyncio.timeout(ACT_MS_MAX / 1000):
            return await act(targets, fault)
    except TimeoutError:
        return Proof(bit=False, text=f"not done within {ACT_MS_MAX} ms")
    except Exception as error:  # noqa: BLE001 - whatever it is, the other faults need their cures
        return Proof(bit=False, text=f"{type(error).__name__}: {error}")


async def cure(targets: Targets, fault: Fault) -> Proof:
    """Cure a fault, trying again until it is proven or the time is up."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CURE_MS_MAX / 1000
    while True:
        proof = await attempt(KINDS[fault.kind].cure, targets, fault)
        if proof.bit or loop.time() > deadline:
            return proof
        await asyncio.sleep(PAUSE_MS / 1000)


async def sweep(targets: Targets) -> list[str]:
    """Put every node and link in order, and return what could not be put in order."""
    problems: list[str] = []
    for tries_left in range(SWEEPS, 0, -1):
        problems = await _sweep_once(targets)
        if not problems or tries_left == 1:
            break
        await asyncio.sleep(PAUSE_MS / 1000)
    return problems


async def _sweep_once(targets: Targets) -> list[str]:
    problems = []
    for what, effect in _sweeping(targets):
        try:
            async with asyncio.timeout(ACT_MS_MAX / 1000):
                await effect
        except Exception as error:  # noqa: BLE001 - as above
            problems.append(f"{what}: {type(error).__name__}: {error}")
    proof = await attempt(_prove_links, targets, Fault("sweep", "sweep", tuple(targets.links)))
    return problems if proof.bit else [*problems, proof.text]


async def heal(journal: Journal, targets: Targets) -> list[Proof]:
    """Cure what the journal lists, the youngest first, then sweep; ``NemesisError`` at the end."""
    proofs = []
    for number, fault in reversed(list(journal.active().items())):
        proof = await cure(targets, fault)
        proofs.append(replace(proof, text=f"{fault.name}: {proof.text}"))
        if proof.bit:
            journal.strike(number)
    problems = [proof.text for proof in proofs if not proof.bit] + await sweep(targets)
    if problems:
        raise NemesisError(f"not cured: {'; '.join(problems)}")
    return proofs


def _sweeping(targets: Targets) -> Iterator[tuple[str, Awaitable[None]]]:
    """Yield the effects that put everything in order; each does nothing where nothing is wrong."""
    for name, node in targets.nodes.items():
        if node.paused():
            yield f"resume {name}", node.resume()
    for name, link in targets.links.items():
        yield f"heal {name}", link.heal()
    for name, controls in targets.controls.items():
        yield f"controls of {name}", controls.set(Controls())
    for name, settings in targets.settings.items():
        yield f"settings of {name}", settings.override({})
    for name, node in targets.nodes.items():
        if node.pid() is None:
            yield f"start {name}", node.start()


async def _prove_links(targets: Targets, fault: Fault) -> Proof:
    return await prove_healed(targets, fault.targets)
