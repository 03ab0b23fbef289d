"""Routes and addresses that are no longer true."""

from typing import Any

from broker.ha.slave import SlaveReplication
from broker.nameserver.routes import RouteTable
from broker.registrar import Registrar
from tests.quality.mutants.mutant import SCENARIOS, Plant, mutant

__all__ = ["MUTANTS"]


@mutant(finds=("stale-route",), scenario=str(SCENARIOS / "gone-for-long.toml"), volatile=False)
def route_kept_after_death(plant: Plant) -> None:
    """The name server keeps a broker whose connection ended or that fell silent."""
    plant(
        RouteTable,
        channel_lost=lambda _self, _channel: [],
        expire=lambda _self, _now_ms, _silence_ms: [],
    )


@mutant(finds=("unconverged",), nemeses=("wrong-ha-address", "kill-slave"), time_limit_s=12.0)
def stale_master_address(plant: Plant) -> None:
    """The slave keeps the first address of its master that it was told."""
    on_master = SlaveReplication.on_master

    def keep_the_first(self: Any, master: Any, now_ms: float) -> Any:
        return on_master(self, None if self.master else master, now_ms)

    plant(SlaveReplication, on_master=keep_the_first)


@mutant(finds=("unconverged",), nemeses=("kill-nameserver", "power-cut-master"), volatile=True)
def registers_when_changed_only(plant: Plant) -> None:
    """A broker does not renew its registration, and so a new name server never hears of it."""

    async def when_changed(self: Any) -> None:
        while True:
            await self._soon.wait()
            self._soon.clear()
            await self.register()

    plant(Registrar, keep_registered=when_changed)


MUTANTS = (route_kept_after_death, stale_master_address, registers_when_changed_only)
