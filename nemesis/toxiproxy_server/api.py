"""The routes: toxiproxy 2.12's, with its status codes, content types and bodies.

Errors are JSON that calls itself text, as Go's http.Error has it, except those of /populate.
"""

import os
import re
from collections.abc import Callable, Mapping

from nemesis.toxiproxy_server import gojson
from nemesis.toxiproxy_server.collection import Collection
from nemesis.toxiproxy_server.errors import ApiError
from nemesis.toxiproxy_server.http import Request, Response, plain_text
from nemesis.toxiproxy_server.proxy import Proxy
from nemesis.toxiproxy_server.toxic_list import toxic_json

__all__ = ["VERSION", "Api"]

VERSION = "2.12.0"  # the toxiproxy whose manners these are

JSON = "application/json"


class Api:
    """A collection of proxies, asked by HTTP: a function from request to response."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def __call__(self, request: Request) -> Response:
        """Find the route, carry it out, and answer."""
        for pattern, handlers in _ROUTES:
            names = pattern.fullmatch(request.path)
            if names is None:
                continue
            handler = handlers.get(request.method)
            if handler is None:
                return Response(405)
            response = self._answer(handler, request, names.groupdict())
            return response.with_header("X-Toxiproxy-Request-Id", os.urandom(10).hex())
        return plain_text(404, "404 page not found")

    def _answer(self, handler: "Handler", request: Request, names: Mapping[str, str]) -> Response:
        # A page in a browser must not be able to drive a server on the same machine.
        if request.user_agent.startswith("Mozilla/"):
            return plain_text(403, "User agent not allowed")
        try:
            return handler(self._collection, request, **names)
        except ApiError as error:
            body = gojson.encode({"error": error.message, "status": error.status})
            return plain_text(error.status, body.decode())


Handler = Callable[..., Response]


def _list_proxies(collection: Collection, _request: Request) -> Response:
    return _json(collection.to_json())


def _create_proxy(collection: Collection, request: Request) -> Response:
    return _json(collection.create(gojson.decode(request.body)).to_json(), 201)


def _show_proxy(collection: Collection, _request: Request, proxy: str) -> Response:
    return _json(collection.get(proxy).to_json())


def _update_proxy(collection: Collection, request: Request, proxy: str) -> Response:
    found = collection.get(proxy)
    return _json(collection.update(found, gojson.decode(request.body)).to_json())


def _delete_proxy(collection: Collection, _request: Request, proxy: str) -> Response:
    collection.remove(proxy)
    return Response(204)


def _list_toxics(collection: Collection, _request: Request, proxy: str) -> Response:
    return _json(collection.get(proxy).toxics.to_json())


def _create_toxic(collection: Collection, request: Request, proxy: str) -> Response:
    toxics = collection.get(proxy).toxics
    return _json(toxic_json(toxics.add(gojson.decode(request.body))))


def _show_toxic(collection: Collection, _request: Request, proxy: str, toxic: str) -> Response:
    return _json(toxic_json(collection.get(proxy).toxics.get(toxic)))


def _update_toxic(collection: Collection, request: Request, proxy: str, toxic: str) -> Response:
    toxics = collection.get(proxy).toxics
    found = toxics.get(toxic)
    return _json(toxic_json(toxics.update(found, gojson.decode(request.body))))


def _delete_toxic(collection: Collection, _request: Request, proxy: str, toxic: str) -> Response:
    collection.get(proxy).toxics.remove(toxic)
    return Response(204)


def _populate(collection: Collection, request: Request) -> Response:
    done: list[Proxy] = []
    failure: dict[str, object] = {}
    status = 201
    try:
        collection.populate(gojson.decode(request.body), done)
    except ApiError as error:
        status = error.status
        failure = {"error": error.message, "status": error.status}
    proxies = [proxy.to_json() for proxy in done] or None
    return _json({**failure, "proxies": proxies}, status)


def _reset(collection: Collection, _request: Request) -> Response:
    collection.reset()
    return Response(204)


def _version(_collection: Collection, _request: Request) -> Response:
    return Response(200, f'{{"version": "{VERSION}"}}\n'.encode(), f"{JSON};charset=utf-8")


def _json(value: object, status: int = 200) -> Response:
    return Response(status, gojson.encode(value), JSON)


def _route(path: str, **handlers: Handler) -> tuple[re.Pattern[str], Mapping[str, Handler]]:
    return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)), handlers


_ROUTES = (
    _route("/reset", POST=_reset),
    _route("/populate", POST=_populate),
    _route("/version", GET=_version),
    _route("/proxies", GET=_list_proxies, POST=_create_proxy),
    _route(
        "/proxies/{proxy}",
        GET=_show_proxy,
        POST=_update_proxy,
        PATCH=_update_proxy,
        DELETE=_delete_proxy,
    ),
    _route("/proxies/{proxy}/toxics", GET=_list_toxics, POST=_create_toxic),
    _route(
        "/proxies/{proxy}/toxics/{toxic}",
        GET=_show_toxic,
        POST=_update_toxic,
        PATCH=_update_toxic,
        DELETE=_delete_toxic,
    ),
)
