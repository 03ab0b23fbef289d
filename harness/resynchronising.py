"""The operator's command that makes two diverged logs one, as ops of the history.

It is no fault, but like one it changes what a node holds, at a known moment. So it is written down
like one: before and after, with the proof, and what was cut names the node that lost it. Checkers
need that to tell what was *discarded* from what was lost (``checkers/discarded.py``).
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from msgspec import structs

from broker.errors import MqError
from harness.interpreter import RecordsOps
from harness.quiesce import ends_of
from harness.world import Operator, World
from histories.op import NEMESIS, FaultRecord

__all__ = ["COMMAND", "resynchronise"]

COMMAND = FaultRecord(
    id=0,  # faults are counted from 1
    name="resynchronise",
    fault_class="other",
    phase="inject",
    targets=["slave"],
)
PATIENCE_S = 30.0
AGAIN_S = 0.5


async def resynchronise(world: World, operator: Operator, recorder: RecordsOps) -> str:
    """Tell the slave to take the master's log; the answer is empty, or says why it does not."""
    begun = structs.replace(COMMAND, ends=await _ends(world))
    _record(recorder, begun)
    proof, problem = await _command(operator)
    done = structs.replace(begun, bit=not problem, proof=proof or problem, ends=await _ends(world))
    cured = structs.replace(done, phase="cure")  # by being done: there is nothing to take back
    for record in (done, structs.replace(cured, bit=None, proof=""), cured):
        _record(recorder, record)
    return problem


async def _command(operator: Operator) -> tuple[str, str]:
    """Give the command until it is obeyed: a slave may not know yet who its master is.

    The answer is what was done and no problem, or nothing and the last problem.
    """
    problem = ""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await operator.resynchronise(), ""
                except MqError as error:
                    problem = f"resynchronise: {type(error).__name__}: {error}"
                await asyncio.sleep(AGAIN_S)
    except Exception as error:  # noqa: BLE001 - whatever it is, the logs are still two
        return "", problem or f"resynchronise: {type(error).__name__}: {error}"


def _record(recorder: RecordsOps, record: FaultRecord) -> None:
    recorder.record(process=NEMESIS, type="info", f=record.name, fault=record)


async def _ends(world: World) -> Mapping[str, Any]:
    ends = await ends_of(world)
    return {
        name: {"end": found.end, "flushed": found.flushed}
        for name, found in ends.items()
        if found.end is not None
    }
