"""A `.properties` file becomes one frozen dataclass, or one error with everything wrong in it.

The dataclass is the schema: each field made with ``setting`` is a key, its annotation says how the
text is read, its default is RocketMQ's. ``broker_ip1`` would be the key ``brokerIp1``; where
RocketMQ spells a key otherwise, the setting names it.

    annotation          text
    str, int, float     as it stands, without the blanks around it
    bool                true | false
    a StrEnum           one of its values
    tuple[str, ...]     a;b;c
    dict[str, str]      a=b;c=d

A key that is not in the schema is a mistake (RocketMQ ignores it without a word), unless it is one
of RocketMQ's own that has no effect here. The last of two equal keys wins, as in Java.
"""

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeVar, get_origin

from broker.errors import ConfigError

__all__ = ["Properties", "key_of", "read_properties", "setting", "to_properties"]

INT_MAX = (1 << 31) - 1
"""Java's: RocketMQ's own settings are no greater, and nor are ours unless they say so."""

T = TypeVar("T")
Reader = Callable[[str], object]


def setting(
    default: T, *, key: str = "", least: float | None = None, most: float | None = None
) -> T:
    """Declare one key: its default, its spelling where it is irregular, and its bounds."""
    metadata = {"key": key, "least": least, "most": most}
    if isinstance(default, dict):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def key_of(setting_field: Field[Any]) -> str:
    """Give the key of a field, as the file spells it.

    >>> from broker.config import BrokerConfig
    >>> [key_of(f) for f in fields(BrokerConfig) if f.name in ("broker_ip1", "listen_port")]
    ['brokerIP1', 'listenPort']
    """
    head, *rest = setting_field.name.split("_")
    return setting_field.metadata["key"] or head + "".join(word.capitalize() for word in rest)


@dataclass(slots=True)
class Properties:
    """What one file said: a value for each field it set, the line of each key, and its problems."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    without_effect: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def complain(self, key: str, problem: str) -> None:
        """Note a problem with a key, at its line if the file has it."""
        where = f"line {self.lines[key]}: " if key in self.lines else ""
        self.problems.append(f"{where}{key}: {problem}")

    def raise_problems(self, source: str) -> None:
        """Raise all problems at once, if there are any."""
        if self.problems:
            raise ConfigError("\n".join(f"{source}: {problem}" for problem in self.problems))


def read_properties(text: str, schema: type, ignored: Collection[str] = ()) -> Properties:
    """Read the text of a file by a schema; problems are collected, not raised."""
    by_key = {key_of(f): f for f in fields(schema)}
    found = Properties()
    for key, value, line in _entries(text, found):
        found.lines[key] = line
        if key in by_key:
            _read_value(found, key, by_key[key], value.strip())
        elif key in ignored:
            found.without_effect.append(key)
        else:
            found.complain(key, _unknown(key, [*by_key, *ignored]))
    return found


def to_properties(config: object) -> dict[str, str]:
    """Give every key with its value as text, in the schema's order: what GET_BROKER_CONFIG says."""
    return {key_of(f): _as_text(getattr(config, f.name)) for f in fields(config)}  # type: ignore[arg-type]


def _entries(text: str, found: Properties) -> Iterator[tuple[str, str, int]]:
    """Split a file into (key, value, line number), up to an escape that no one can read."""
    from javaproperties import KeyValue, parse  # noqa: PLC0415 - only a starting node pays for it

    line = 1
    items = parse(text)
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        except ValueError as error:  # `C:\\users` written with one backslash
            found.problems.append(f"line {line}: {error}; write '\\\\' for a backslash")
        else:
            if isinstance(item, KeyValue):
                yield item.key, item.value, line
            line += item.source.count("\n")


def _unknown(key: str, known: list[str]) -> str:
    by_folded = {name.casefold(): name for name in known}
    nearest = difflib.get_close_matches(key.casefold(), by_folded, n=1, cutoff=0.0)
    return f"unknown key; the nearest known one is {by_folded[nearest[0]]!r}"


def _read_value(found: Properties, key: str, setting_field: Field[Any], text: str) -> None:
    try:
        value = _reader(setting_field.type)(text)
        _check_bounds(value, setting_field.metadata)
    except ValueError as error:
        found.complain(key, str(error))
    else:
        found.values[setting_field.name] = value


def _check_bounds(value: object, bounds: Mapping[str, Any]) -> None:
    if not isinstance(value, int | float):
        return
    least = bounds["least"]
    most = INT_MAX if bounds["most"] is None else bounds["most"]
    if least is not None and value < least:
        raise ValueError(f"expected at least {least}, found {value}")
    if value > most:
        raise ValueError(f"expected at most {most}, found {value}")


def _reader(annotation: object) -> Reader:
    if annotation in _READERS:
        return _READERS[annotation]
    if get_origin(annotation) is tuple:
        return lambda text: tuple(part.strip() for part in text.split(";") if part.strip())
    if get_origin(annotation) is dict:
        return _read_map
    assert isinstance(annotation, type), f"no reader for {annotation}"
    assert issubclass(annotation, StrEnum), f"no reader for {annotation}"
    return lambda text: _read_member(annotation, text)


def _read_bool(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"expected true or false, found {text!r}")
    return text.lower() == "true"


def _read_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected a whole number, found {text!r}") from None


def _read_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"expected a number, found {text!r}") from None


def _read_member(members: type[StrEnum], text: str) -> StrEnum:
    try:
        return members(text)
    except ValueError:
        raise ValueError(f"expected one of {', '.join(members)}, found {text!r}") from None


def _read_map(text: str) -> dict[str, str]:
    pairs = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, value = part.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise ValueError(f"expected 'advertised=proxy;...', found {part!r}")
        pairs[name.strip()] = value.strip()
    return pairs


_READERS: dict[object, Reader] = {
    str: str,
    int: _read_int,
    float: _read_float,
    bool: _read_bool,
}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ";".join(value)
    if isinstance(value, dict):
        return ";".join(f"{name}={target}" for name, target in value.items())
    return str(value)
