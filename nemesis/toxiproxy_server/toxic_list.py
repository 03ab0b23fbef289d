"""The toxics of one proxy, and every connection kept in step with them.

A name is unique over both streams. New toxics go to the end of their stream's chain; existing
connections feel a change at once. Upstream toxics are listed before downstream ones.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, fields, replace
from time import monotonic
from typing import Any

from nemesis.toxiproxy_server import gojson
from nemesis.toxiproxy_server.chain import Placed
from nemesis.toxiproxy_server.connection import Connection, Link
from nemesis.toxiproxy_server.errors import (
    INVALID_STREAM,
    INVALID_TOXIC_TYPE,
    TOXIC_ALREADY_EXISTS,
    TOXIC_NOT_FOUND,
    ApiError,
)
from nemesis.toxiproxy_server.pipes import Toxic
from nemesis.toxiproxy_server.toxics import KINDS

__all__ = ["ToxicList", "toxic_json"]

STREAMS = ("upstream", "downstream")
SHAPE = {"type": str, "name": str, "stream": str, "toxicity": float, "attributes": object}


class ToxicList:
    """Placed toxics, by name and by stream."""

    def __init__(self, connections: Callable[[], Iterable[Connection]]) -> None:
        self._connections = connections
        self._chains: dict[str, list[Placed]] = {stream: [] for stream in STREAMS}

    def to_json(self) -> list[dict[str, Any]]:
        """List them all, as the API shows them."""
        return [toxic_json(placed) for placed in self._all()]

    def chains(self) -> tuple[list[Placed], list[Placed]]:
        """Give both streams' toxics, in order, for a new connection."""
        return self._chains["upstream"], self._chains["downstream"]

    @property
    def resets(self) -> bool:
        """Whether a connection made now ends by RST, in whichever direction the toxic is."""
        return any(placed.kind.resets for placed in self._all())

    def get(self, name: str) -> Placed:
        """Find one by name."""
        for placed in self._all():
            if placed.name == name:
                return placed
        raise ApiError(*TOXIC_NOT_FOUND)

    def add(self, body: Any) -> Placed:
        """Make one as a request says and put it at the end of its stream."""
        given = gojson.fields(body, SHAPE, "toxics.ToxicWrapper")
        placed = _placed(given)
        if any(other.name == placed.name for other in self._all()):
            raise ApiError(*TOXIC_ALREADY_EXISTS)
        placed.toxic = _with_attributes(placed.toxic, given.get("attributes"))

        self._chains[placed.stream.lower()].append(placed)
        for link in self._links(placed):
            link.chain.add(placed, monotonic())
            link.pump()
        return placed

    def update(self, placed: Placed, body: Any) -> Placed:
        """Change attributes and toxicity; all else of the request is ignored."""
        given = gojson.fields(body, {"toxicity": float, "attributes": object}, "")
        placed.toxic = _with_attributes(placed.toxic, given.get("attributes"))
        placed.toxicity = given.get("toxicity", placed.toxicity)
        for link in self._links(placed):
            link.chain.update(placed, monotonic())
            link.pump()
        return placed

    def remove(self, name: str) -> None:
        """Take one out and let go of what it held."""
        placed = self.get(name)
        self._chains[placed.stream.lower()].remove(placed)
        for link in self._links(placed):
            link.chain.remove(placed, monotonic())
            link.pump()

    def clear(self) -> None:
        """Take all out, one by one."""
        for placed in self._all():
            self.remove(placed.name)

    def _all(self) -> list[Placed]:
        return [placed for stream in STREAMS for placed in self._chains[stream]]

    def _links(self, placed: Placed) -> list[Link]:
        # A copy: a change may close connections.
        upstream = placed.stream.lower() == "upstream"
        return [
            connection.upstream if upstream else connection.downstream
            for connection in list(self._connections())
        ]


def toxic_json(placed: Placed) -> dict[str, Any]:
    """Show a toxic as the API does."""
    return {
        "attributes": asdict(placed.toxic),
        "name": placed.name,
        "type": placed.type,
        "stream": placed.stream,
        "toxicity": placed.toxicity,
    }


def _placed(given: dict[str, Any]) -> Placed:
    kind_name, stream = given.get("type", ""), given.get("stream", "downstream")
    if "attributes" in given:  # Read before its type is known, as something without fields.
        gojson.fields(given["attributes"], {}, "toxics.NoopToxic", "ToxicWrapper.attributes")
    if stream.lower() not in STREAMS:
        raise ApiError(*INVALID_STREAM)
    if kind_name not in KINDS:
        raise ApiError(*INVALID_TOXIC_TYPE)
    return Placed(
        name=given.get("name") or f"{kind_name}_{stream}",
        type=kind_name,
        stream=stream,
        toxicity=given.get("toxicity", 1.0),
        toxic=KINDS[kind_name].make(),
    )


def _with_attributes(toxic: Toxic, attributes: Any) -> Toxic:
    shape = {field.name: int for field in fields(toxic)}
    struct = f"{type(toxic).__name__}Toxic.attributes"
    given = gojson.fields(attributes, shape, struct, struct)
    return replace(toxic, **given)
