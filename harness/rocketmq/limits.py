"""What cannot be done to the real RocketMQ: it has fewer handles than a broker made for this suite.

    controls      it has no hooks, so no full disk, no failing fsync, no clock, no crash point
    volatile      its files are mapped into memory, so a SIGKILL is never a power cut
    short-files   it refuses to start on a log file that is shorter than the others
    reload        it writes what it is told into its own file, so that it stays after a restart
    ha-address    its slave is given the address of the proxy, and asks its master for none

And a slave's second connection to its master, for topics and offsets, goes to the address that the
name server tells it, which is the master's own: no proxy can be put there. So a partition that
would have to take it is not offered, rather than made by half.
"""

from nemesis.topology import LINKS, Topology

__all__ = ["ROCKETMQ_OFFERS", "ROCKETMQ_TOPOLOGY"]

ROCKETMQ_OFFERS = ("stores", "settings", "clients")

UNPROXIED = ("slave->master",)
NOBODY = ("foreign->master", "foreign->slave")  # its brokers advertise themselves

ROCKETMQ_TOPOLOGY = Topology(
    tuple(link for link in LINKS if link not in (*UNPROXIED, *NOBODY)), UNPROXIED
)
