"""A header as JSON, the form that every client speaks unless told otherwise.

    {"code":105,"extFields":{"topic":"T"},"flag":0,"language":"JAVA","opaque":2,
     "serializeTypeCurrentRPC":"JSON","version":399}

RocketMQ sorts the keys and leaves out what is null; so do we. Values of ``extFields`` are
strings, but a client of another language may write bare numbers or booleans: they are read as
Java would print them. Keys that nobody needs are skipped.
"""

import msgspec

from broker.errors import RemoteProtocolError
from broker.remoting.codes import Language
from broker.remoting.command import Codec, Command

__all__ = ["decode_json_header", "encode_json_header"]


class _Written(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    code: int
    ext_fields: dict[str, str] | None = None
    flag: int
    language: str
    opaque: int
    remark: str | None = None
    serialize_type: str = msgspec.field(name="serializeTypeCurrentRPC")
    version: int


class _Read(msgspec.Struct, rename="camel"):
    code: int
    opaque: int
    flag: int = 0
    remark: str | None = None
    ext_fields: dict[str, str] | None = None
    language: str | int = "OTHER"
    version: int = 0


_NAMES = {language: name for name, language in Language.__members__.items()}
_LANGUAGES: dict[str | int, Language] = {
    written: language for language, name in _NAMES.items() for written in (name, int(language))
}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Read).decode
_decode_loosely = msgspec.json.Decoder(dict[str, object]).decode


def encode_json_header(command: Command) -> bytes:
    """Write a command's header, keys in RocketMQ's order."""
    return _encode(
        _Written(
            code=command.code,
            ext_fields=command.ext_fields or None,
            flag=command.flag,
            language=_NAMES[command.language],
            opaque=command.opaque,
            remark=command.remark,
            serialize_type="JSON",
            version=command.version,
        )
    )


def decode_json_header(header: bytes, body: bytes) -> Command:
    """Read a header; ``RemoteProtocolError`` if it is not one."""
    try:
        read = _decode(header)
    except (ValueError, RecursionError):
        read = _read_loosely(header)
    return Command(
        read.code,
        read.opaque,
        read.flag,
        read.remark,
        read.ext_fields or {},
        body,
        _LANGUAGES.get(read.language, Language.OTHER),
        read.version,
        Codec.JSON,
    )


def _read_loosely(header: bytes) -> _Read:
    try:
        fields = _decode_loosely(header)
        extra = fields.get("extFields")
        if isinstance(extra, dict):
            fields["extFields"] = {
                name: _printed(value) for name, value in extra.items() if value is not None
            }
        return msgspec.convert(fields, _Read, strict=False)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(
            f"expected a JSON header with code and opaque, got {header[:80]!r}: {error}"
        ) from error


def _printed(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
