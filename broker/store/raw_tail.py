"""The end of a slave's log: a master's bytes come cut anywhere, and make records bit by bit."""

import msgspec

from broker.errors import RecordError
from broker.store.scan import Dispatch, Reading, walk

__all__ = ["RawTail"]


class RawTail(msgspec.Struct, frozen=True):
    """Up to where records have been entered, and the bytes behind that are no whole one yet."""

    entered: int = 0
    partial: bytearray = msgspec.field(default_factory=bytearray)

    def joined(
        self, offset: int, data: bytes | bytearray | memoryview, file_size: int, read: Reading
    ) -> tuple[list[Dispatch], "RawTail"]:
        """Give the records that more bytes make whole, and the tail then.

        ``RecordError`` if the bytes are no log.
        """
        begin = max(self.entered, offset - len(self.partial))
        skipped = min(max(0, begin - offset), len(data))  # behind a blank nothing is entered
        pending = self.partial + data[skipped:]
        found = walk(pending, begin, file_size, read)
        if found.problem is not None or found.over:
            what = found.problem or "zeros"
            raise RecordError(f"expected a record at offset {found.end}, found {what}")
        del pending[: found.end - begin]
        return found.records, RawTail(found.end, pending)
