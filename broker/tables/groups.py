"""The consumer groups that a broker knows, and how it treats each."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from broker.nameserver.topics import DataVersion, from_json, to_json

__all__ = ["SYSTEM_GROUPS", "GroupTable", "SubscriptionGroup"]

SYSTEM_GROUPS = (
    "TOOLS_CONSUMER",
    "FILTERSRV_CONSUMER",
    "SELF_TEST_C_GROUP",
    "ONS_HTTP_PROXY",
    "CID_ONSAPI_PULL",
    "CID_ONSAPI_PERMISSION",
    "CID_ONSAPI_OWNER",
)


class SubscriptionGroup(msgspec.Struct, frozen=True, rename="camel"):
    """One consumer group's settings (Java's ``SubscriptionGroupConfig``)."""

    group_name: str
    consume_enable: bool = True
    consume_from_min_enable: bool = True
    consume_broadcast_enable: bool = True
    retry_queue_nums: int = 1
    retry_max_times: int = 16
    broker_id: int = 0
    which_broker_when_consume_slowly: int = 1
    notify_consumer_ids_changed_enable: bool = True


class _Wrapper(msgspec.Struct, rename="camel"):
    """Java's ``SubscriptionGroupWrapper``, on the wire and in subscriptionGroup.json."""

    data_version: DataVersion = DataVersion()
    subscription_group_table: dict[str, SubscriptionGroup] = {}


@dataclass(slots=True)
class GroupTable:
    """Every group; unknown ones are made when they first consume, if that is allowed."""

    now_ms: Callable[[], int]
    auto_create: bool = True
    groups: dict[str, SubscriptionGroup] = field(
        default_factory=lambda: {name: SubscriptionGroup(name) for name in SYSTEM_GROUPS}
    )
    version: DataVersion = DataVersion()  # noqa: RUF009 - frozen
    on_changed: list[Callable[[], None]] = field(default_factory=list)

    def find(self, name: str) -> SubscriptionGroup | None:
        """Give a group, making it if it is unknown and that is allowed."""
        group = self.groups.get(name)
        if group is None and self.auto_create:
            group = SubscriptionGroup(name)
            self.put(group)
        return group

    def put(self, group: SubscriptionGroup) -> None:
        """Make a group, or change it."""
        self.groups[group.group_name] = group
        self._changed()

    def remove(self, name: str) -> bool:
        """Remove a group; say whether it was there."""
        if self.groups.pop(name, None) is None:
            return False
        self._changed()
        return True

    def to_json(self) -> bytes:
        """Write the table as it travels, and as subscriptionGroup.json keeps it."""
        return to_json(_Wrapper(self.version, self.groups))

    def replace(self, data: bytes) -> bool:
        """Take over another broker's table whole, if it is another version; one step."""
        wrapper = from_json(data, _Wrapper)
        if wrapper.data_version == self.version:
            return False
        self.groups, self.version = wrapper.subscription_group_table, wrapper.data_version
        return True

    def _changed(self) -> None:
        self.version = self.version.next(self.now_ms())
        for callback in self.on_changed:
            callback()
