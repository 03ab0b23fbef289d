"""What a nemesis op says of its fault: what was to happen, to whom, and how far each log had got.

The ends of the logs are asked past every proxy, before and after: which records a fault may have
taken is judged by them (``checkers/losses.py``).
"""

import asyncio
from typing import Any

from msgspec import structs

from histories.op import FaultRecord
from nemesis.catalogue import KINDS
from nemesis.faults import Fault, Proof, class_of
from nemesis.targets import NodeEnds, Targets

__all__ = ["described", "proven"]

ENDS_MS_MAX = 1000
"""How long a node may take to say where its log ends."""


async def described(targets: Targets, number: int, fault: Fault, phase: str) -> FaultRecord:
    """Describe a fault before its phase, ``inject`` or ``cure``, begins."""
    kind = KINDS[fault.kind]
    nodes = [targets.nodes[name] for name in fault.targets if name in targets.nodes]
    volatile = any(node.volatile for node in nodes)
    figures = {"volatile": volatile, "down": kind.stills}
    return FaultRecord(
        id=number,
        name=fault.name,
        fault_class=class_of(kind, volatile=volatile),
        phase=phase,
        targets=list(fault.targets),
        options={**fault.options, **(figures if nodes else {})},
        stops_writes=fault.stops_writes,
        ends=await _ends(targets),
    )


async def proven(targets: Targets, before: FaultRecord, proof: Proof) -> FaultRecord:
    """Describe it again when the phase is over, with its proof and what was learned by it."""
    return structs.replace(
        before,
        bit=proof.bit,
        proof=proof.text,
        options={**before.options, **proof.learned},
        ends=await _ends(targets),
    )


async def _ends(targets: Targets) -> dict[str, Any]:
    """Ask every node that can answer how long its log is."""
    names = list(targets.nodes)
    ends = await asyncio.gather(*(_ends_of(targets, name) for name in names))
    return {
        name: {"end": found.end, "flushed": found.flushed}
        for name, found in zip(names, ends, strict=True)
        if found.end is not None
    }


async def _ends_of(targets: Targets, name: str) -> NodeEnds:
    node = targets.nodes[name]
    if node.pid() is None or node.paused():
        return NodeEnds(None, None)
    try:
        async with asyncio.timeout(ENDS_MS_MAX / 1000):
            return await node.ends()
    except TimeoutError:
        return NodeEnds(None, None)
