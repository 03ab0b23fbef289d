"""The routes: toxiproxy 2.12's, with its status codes, content types and bodies.

Errors are JSON that calls itself text, as Go's http.Error has it, except those of /populate.
"""

from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from nemesis.toxiproxy_server import gojson
from nemesis.toxiproxy_server.collection import Collection
from nemesis.toxiproxy_server.errors import ApiError
from nemesis.toxiproxy_server.proxy import Proxy
from nemesis.toxiproxy_server.toxic_list import toxic_json

__all__ = ["VERSION", "application"]

VERSION = "2.12.0"  # the toxiproxy whose manners these are

Handler = Callable[[Collection, Request], Awaitable[Response]]


def application(collection: Collection) -> ASGIApp:
    """Serve a collection of proxies."""
    routes = [
        Route(path, _Methods(collection, handlers), include_in_schema=False)
        for path, handlers in _ROUTES.items()
    ]
    return Router(routes, redirect_slashes=False, default=_not_found)


class _Methods:
    """One path's handlers by method, and what is common to all answers."""

    def __init__(self, collection: Collection, handlers: Mapping[str, Handler]) -> None:
        self._collection = collection
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        handler = self._handlers.get(request.method)
        if handler is None:
            return Response(status_code=405)
        # A page in a browser must not be able to drive a server on the same machine.
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            response = _text(403, "User agent not allowed")
        else:
            try:
                response = await handler(self._collection, request)
            except ApiError as error:
                body = gojson.encode({"error": error.message, "status": error.status})
                response = _text(error.status, body.decode())
        response.headers["x-toxiproxy-request-id"] = uuid4().hex[:20]
        return response


async def _list_proxies(collection: Collection, _request: Request) -> Response:
    return _json(collection.to_json())


async def _create_proxy(collection: Collection, request: Request) -> Response:
    body = gojson.decode(await request.body())
    return _json(collection.create(body).to_json(), 201)


async def _show_proxy(collection: Collection, request: Request) -> Response:
    return _json(_proxy(collection, request).to_json())


async def _update_proxy(collection: Collection, request: Request) -> Response:
    name = _proxy(collection, request).name
    body = gojson.decode(await request.body())
    return _json(collection.update(name, body).to_json())


async def _delete_proxy(collection: Collection, request: Request) -> Response:
    collection.remove(_proxy(collection, request).name)
    return Response(status_code=204)


async def _list_toxics(collection: Collection, request: Request) -> Response:
    return _json(_proxy(collection, request).toxics.to_json())


async def _create_toxic(collection: Collection, request: Request) -> Response:
    toxics = _proxy(collection, request).toxics
    body = gojson.decode(await request.body())
    return _json(toxic_json(toxics.add(body)))


async def _show_toxic(collection: Collection, request: Request) -> Response:
    return _json(toxic_json(_proxy(collection, request).toxics.get(request.path_params["toxic"])))


async def _update_toxic(collection: Collection, request: Request) -> Response:
    toxics = _proxy(collection, request).toxics
    name = toxics.get(request.path_params["toxic"]).name
    body = gojson.decode(await request.body())
    return _json(toxic_json(toxics.update(name, body)))


async def _delete_toxic(collection: Collection, request: Request) -> Response:
    _proxy(collection, request).toxics.remove(request.path_params["toxic"])
    return Response(status_code=204)


async def _populate(collection: Collection, request: Request) -> Response:
    body = await request.body()
    done: list[Proxy] = []
    failure: dict[str, object] = {}
    status = 201
    try:
        collection.populate(gojson.decode(body), done)
    except ApiError as error:
        status = error.status
        failure = {"error": error.message, "status": error.status}
    proxies = [proxy.to_json() for proxy in done] or None
    return _json({**failure, "proxies": proxies}, status)


async def _reset(collection: Collection, _request: Request) -> Response:
    collection.reset()
    return Response(status_code=204)


async def _version(_collection: Collection, _request: Request) -> Response:
    body = f'{{"version": "{VERSION}"}}\n'
    return Response(body, headers={"content-type": "application/json;charset=utf-8"})


_ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "/reset": {"POST": _reset},
    "/populate": {"POST": _populate},
    "/version": {"GET": _version},
    "/proxies": {"GET": _list_proxies, "POST": _create_proxy},
    "/proxies/{proxy}": {
        "GET": _show_proxy,
        "POST": _update_proxy,
        "PATCH": _update_proxy,
        "DELETE": _delete_proxy,
    },
    "/proxies/{proxy}/toxics": {"GET": _list_toxics, "POST": _create_toxic},
    "/proxies/{proxy}/toxics/{toxic}": {
        "GET": _show_toxic,
        "POST": _update_toxic,
        "PATCH": _update_toxic,
        "DELETE": _delete_toxic,
    },
}


def _proxy(collection: Collection, request: Request) -> Proxy:
    return collection.get(request.path_params["proxy"])


def _json(value: object, status: int = 200) -> Response:
    return Response(gojson.encode(value), status, media_type="application/json")


def _text(status: int, body: str) -> Response:
    headers = {"x-content-type-options": "nosniff"}
    return Response(f"{body}\n", status, headers=headers, media_type="text/plain")


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await _text(404, "404 page not found")(scope, receive, send)
