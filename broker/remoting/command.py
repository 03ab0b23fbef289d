"""A command: what travels between two ends of a connection, in either direction.

    request    flag 0    expects one reply with the same opaque
    reply      flag 1    ``code`` says how the request was answered
    one-way    flag 2    a request that nobody answers

``opaque`` pairs a reply with its request and is the requester's to choose. ``ext_fields`` are
strings only, numbers and booleans too. ``codec`` is the header's form, and a reply takes the
form of its request.
"""

from enum import IntEnum
from typing import Final

import msgspec

from broker.remoting.codes import VERSION, Language

__all__ = ["Codec", "Command"]

REPLY_BIT: Final = 1
ONEWAY_BIT: Final = 2


class Codec(IntEnum):
    """The form of a header: the top byte of a frame's second word."""

    JSON = 0
    ROCKETMQ = 1


class Command(msgspec.Struct, frozen=True):
    """One frame, decoded. ``language`` is a member of ``Language`` or what the peer wrote.

    >>> ask = Command(105, opaque=7, ext_fields={"topic": "T"})
    >>> answer = ask.reply(17, "no such topic")
    >>> answer.opaque, answer.is_reply
    (7, True)
    """

    code: int
    opaque: int = 0
    flag: int = 0
    remark: str | None = None
    ext_fields: dict[str, str] = {}
    body: bytes = b""
    language: Language = Language.PYTHON
    version: int = VERSION
    codec: Codec = Codec.JSON

    @property
    def is_reply(self) -> bool:
        """Whether this answers a request."""
        return bool(self.flag & REPLY_BIT)

    @property
    def is_oneway(self) -> bool:
        """Whether nobody waits for an answer."""
        return bool(self.flag & ONEWAY_BIT)

    def reply(
        self,
        code: int = 0,
        remark: str | None = None,
        ext_fields: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> "Command":
        """Answer this request, in kind: same opaque, same form of header."""
        return Command(
            code, self.opaque, REPLY_BIT, remark, ext_fields or {}, body, codec=self.codec
        )

    def numbered(self, opaque: int) -> "Command":
        """Return the same request under a number of its connection."""
        return Command(
            self.code,
            opaque,
            self.flag,
            self.remark,
            self.ext_fields,
            self.body,
            self.language,
            self.version,
            self.codec,
        )

    def oneway(self) -> "Command":
        """Return the same request, wanting no answer."""
        return msgspec.structs.replace(self, flag=self.flag | ONEWAY_BIT)
