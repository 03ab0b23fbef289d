"""A slave that is more than a copy to read from."""

from typing import Any

from msgspec.structs import replace

from broker.errors import BrokerError
from broker.ha.slave import Following
from broker.processors import pull, send
from broker.remoting.codes import ResponseCode, SendStatus
from broker.store.reading import Got
from tests.quality.mutants.mutant import Plant, mutant

__all__ = ["MUTANTS"]


@mutant(finds=("slave-wrote",), nemeses=("delay-replication", "pause-nameserver"))
def slave_accepts_writes(plant: Plant) -> None:
    """The slave stores what is sent to it."""
    settle = send.settle

    def settle_anywhere(state: Any, end: int, then: Any) -> None:
        then(SendStatus.SEND_OK) if state.config.is_slave else settle(state, end, then)

    plant(send, refuse_on_slave=lambda _state, _what: None, settle=settle_anywhere)


@mutant(finds=("unserved", "hole", "watermark-regressed"), nemeses=("kill-master", "pause-master"))
def slave_serves_beyond_its_log(plant: Plant) -> None:
    """The slave says that its queues go on behind the end of its log."""
    get = pull._get

    def get_beyond(state: Any, request: Any, codes: Any) -> Got:
        got = get(state, request, codes)
        beyond = state.config.is_slave and got.max_offset > 0
        return replace(got, max_offset=got.max_offset + 1) if beyond else got

    plant(pull, _get=get_beyond)


@mutant(finds=("unserved",), nemeses=("kill-master",))
def slave_refuses_when_alone(plant: Plant) -> None:
    """The slave refuses readers when it cannot hear its master."""
    check = pull._check

    def check_when_alone(state: Any, request: Any) -> Any:
        if state.slave is not None and state.slave.core.state is not Following.COPYING:
            raise BrokerError(ResponseCode.SERVICE_NOT_AVAILABLE, "no master")
        return check(state, request)

    plant(pull, _check=check_when_alone)


MUTANTS = (slave_accepts_writes, slave_serves_beyond_its_log, slave_refuses_when_alone)
