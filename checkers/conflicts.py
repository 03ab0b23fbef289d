"""Two claims that differ on an offset are a conflict, which a fault between them may explain.

So does a flipped bit in the record of either, which then stands where its head says.

Of the claims at an offset each is compared with the next, in the order in which their sends began.
"""

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.claims import Claims
from checkers.durability import Records, fold
from checkers.messages import NEVER
from histories.history import NONE

__all__ = ["excused"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def excused(case: Case, claims: Claims, first: Ints, second: Ints) -> Bools:
    """Tell which conflicts a fault between the two explains, in either order."""
    if not len(first):
        return np.zeros(0, np.bool_)
    lost_at = _lost_at(case, claims)
    bad = np.append(case.struck, False)[claims.message]
    explained = _explained(case, claims, lost_at, first, second)
    explained |= _explained(case, claims, lost_at, second, first)
    explained |= bad[first] | bad[second]
    return explained


def _explained(case: Case, claims: Claims, lost_at: Ints, freed: Ints, reuser: Ints) -> Bools:
    """Tell where ``freed`` may have left the master's log before ``reuser`` came."""
    message = claims.message[reuser]
    last_ns = np.where(message == NONE, NONE, np.append(case.messages.settled_ns, 0)[message])
    # A send in doubt may land ever after, hence the second condition is not in the first.
    explained: Bools = (lost_at[freed] <= last_ns) & (lost_at[freed] != NEVER)
    explained &= claims.message[freed] != NONE
    begun = np.append(case.messages.begin_ns, 0)[claims.message[freed]]
    for window in case.windows:
        if window.resync:
            explained |= (begun <= window.cured_ns) & (last_ns >= window.inject_ns)
    return explained


def _lost_at(case: Case, claims: Claims) -> Ints:
    """Give when each claimed record may first have left the master's log, else NEVER."""
    messages, contract = case.messages, case.contract
    sent = claims.message != NONE
    message = np.where(sent, claims.message, 0)
    begin = messages.begin_ns[message] if len(messages) else claims.known_ns
    nothing = np.zeros(len(sent), np.bool_)
    acked = claims.acked & sent
    status = messages.status[message] if len(messages) else message
    weak = np.isin(
        status,
        [
            case.history.status_code(name)
            for name in ("FLUSH_DISK_TIMEOUT", "FLUSH_SLAVE_TIMEOUT", "SLAVE_NOT_AVAILABLE")
        ],
    )
    records = Records(
        begin_ns=np.where(sent, begin, claims.known_ns),
        sure_ns=claims.known_ns,
        physical_offset=np.full(len(sent), NONE),
        next_physical=np.full(len(sent), NEVER),
        master_disk=(claims.read | (acked & ~weak)) & contract.sync_flush,
        slave_cache=nothing,
    )
    place = fold(case, records).master_at
    return np.array([*(window.inject_ns for window in case.windows), NEVER], np.int64)[place]
