"""The real world: sockets of the running event loop, files of the machine, its clock.

``live_ports`` makes the ports of one node; the rest of the package is what it is made of.
"""

from random import Random

from broker.live.crash import kill_at
from broker.live.disk import LiveDisk
from broker.live.limits import raise_open_files
from broker.live.network import LiveClock, LiveNetwork
from broker.live.volatile import VolatileDisk
from broker.ports import Disk, Ports

__all__ = [
    "LiveClock",
    "LiveDisk",
    "LiveNetwork",
    "VolatileDisk",
    "kill_at",
    "live_ports",
    "raise_open_files",
]


def live_ports(rng: Random, *, volatile: bool = False, crash_at: str = "") -> Ports:
    """Give a node the real world.

    With ``volatile`` a SIGKILL is a power cut: what was not synced is gone. ``crash_at`` names a
    crash point, perhaps with a count (``in-mid-recovery``, ``after-append-before-flush:3``).
    """
    disk: Disk = VolatileDisk(LiveDisk()) if volatile else LiveDisk()
    return Ports(LiveNetwork(), disk, LiveClock(), rng, kill_at(crash_at))
