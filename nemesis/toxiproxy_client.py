"""toxiproxy-python, mended: one client for each server, and no failure that passes in silence.

The library does the talking; its ``APIConsumer``, through which every call goes, is replaced by
one of ours. What it does otherwise (spec/toxiproxy.md, B1), and what happens here:

    one host and port for a whole process      the consumer of the client that is calling
    500 and 503 are taken for success          ToxiproxyError, as is every other failure
    no time-out                                one on each call: ToxiproxyUnansweredError
    HTTP_PROXY is honoured, even for loopback  it is not
    names go into URLs as they are             quoted; a name with "/" is refused
    a failed enable sets enabled all the same   the proxy is read back (see ``toxiproxy``)

The client is synchronous and may be called from any thread; calls come one after the other.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests
import toxiproxy.api
import toxiproxy.proxy
import toxiproxy.server
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

__all__ = [
    "ProxySpec",
    "ToxicSpec",
    "ToxiproxyClient",
    "ToxiproxyError",
    "ToxiproxyUnansweredError",
]

TIMEOUT_SECONDS = 3.0


class ToxiproxyError(Exception):
    """The server refused, or failed."""


class ToxiproxyUnansweredError(ToxiproxyError):
    """The server is gone or hangs: whether it did what was asked is not known; restart it."""


@dataclass(frozen=True, slots=True)
class ToxicSpec:
    """A toxic as it should be, or as it was read back."""

    type: str
    stream: str
    attributes: Mapping[str, int] = field(default_factory=dict)
    toxicity: float = 1.0


@dataclass(frozen=True, slots=True)
class ProxySpec:
    """A proxy as it should be, or as it was read back."""

    name: str
    listen: str
    upstream: str
    enabled: bool = True
    toxics: Mapping[str, ToxicSpec] = field(default_factory=dict)


class _Consumer:
    """Stands in for the library's ``APIConsumer``: same methods, one server."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self.host = host
        self.port = port
        self._timeout_s = timeout_s
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, url: str, params: Any = None, **more: Any) -> requests.Response:
        return self._call("GET", url, params=params, **more)

    def post(self, url: str, data: Any = None, json: Any = None, **more: Any) -> requests.Response:
        return self._call("POST", url, data=data, json=json, **more)

    def delete(self, url: str, **more: Any) -> requests.Response:
        return self._call("DELETE", url, **more)

    def close(self) -> None:
        self._session.close()

    def _call(self, method: str, path: str, **more: Any) -> requests.Response:
        url = f"http://{self.host}:{self.port}{quote(path)}"
        what = f"{method} {path} on {self.host}:{self.port}"
        try:
            response = self._session.request(method, url, timeout=self._timeout_s, **more)
            toxiproxy.api.validate_response(response)
        except requests.Timeout as error:
            raise ToxiproxyUnansweredError(f"no answer to {what} in {self._timeout_s} s") from error
        except requests.RequestException as error:
            raise ToxiproxyUnansweredError(f"toxiproxy not answering to {what}: {error}") from error
        if response.status_code == requests.codes.service_unavailable:
            # The server's own time-out: it goes on waiting behind our back.
            raise ToxiproxyUnansweredError(f"{what} answered 503: {_said(response.content)}")
        if not response.ok:
            raise ToxiproxyError(
                f"{what} failed with {response.status_code}: {_said(response.content)}"
            )
        return response


_consumer: ContextVar[Any] = ContextVar("toxiproxy_consumer")


class _CurrentConsumer:
    """What the library's modules see as ``APIConsumer``: ours while we call, else their own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_consumer.get(toxiproxy.api.APIConsumer), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_consumer.get(toxiproxy.api.APIConsumer), name, value)


toxiproxy.proxy.APIConsumer = toxiproxy.server.APIConsumer = _CurrentConsumer()


class ToxiproxyClient:
    """One server's API, as values in and values out."""

    def __init__(self, host: str, port: int, timeout_s: float = TIMEOUT_SECONDS) -> None:
        self._consumer = _Consumer(host, port, timeout_s)
        self._server = toxiproxy.server.Toxiproxy()
        self._lock = threading.Lock()

    def version(self) -> str:
        """Ask which toxiproxy this is."""
        with self._calling() as consumer:
            return str(_json(consumer.get("/version"))["version"])

    def names(self) -> list[str]:
        """List the proxies."""
        with self._calling():
            return sorted(self._server.proxies())

    def read(self, name: str) -> ProxySpec:
        """Read one proxy back."""
        with self._calling() as consumer:
            return _spec(_json(consumer.get(f"/proxies/{_addressable(name)}")))

    def create(self, spec: ProxySpec) -> None:
        """Make a proxy; its toxics are there before it is enabled."""
        with self._calling():
            name = _addressable(spec.name)
            proxy = self._server.create(spec.upstream, name, listen=spec.listen, enabled=False)
            try:
                for toxic_name, toxic in spec.toxics.items():
                    _add_toxic(proxy, toxic_name, toxic)
                if spec.enabled:
                    proxy.enable()
            except ToxiproxyError:
                proxy.destroy()
                raise

    def destroy(self, name: str) -> None:
        """Remove a proxy and close its connections."""
        with self._calling():
            _handle(name).destroy()

    def enable(self, name: str, *, enabled: bool) -> None:
        """Switch a proxy on or off; off closes its connections."""
        with self._calling():
            proxy = _handle(name)
            if enabled:
                proxy.enable()
            else:
                proxy.disable()

    def add_toxic(self, name: str, toxic_name: str, toxic: ToxicSpec) -> None:
        """Put a toxic at the end of a proxy's chain."""
        with self._calling():
            _add_toxic(_handle(name), toxic_name, toxic)

    def remove_toxic(self, name: str, toxic_name: str) -> None:
        """Take a toxic out."""
        with self._calling():
            _handle(name).destroy_toxic(_addressable(toxic_name))

    def close(self) -> None:
        """Let go of the connections to the API."""
        self._consumer.close()

    @contextmanager
    def _calling(self) -> Iterator[_Consumer]:
        with self._lock:
            token = _consumer.set(self._consumer)
            try:
                yield self._consumer
            except (InvalidToxic, NotFound, ProxyExists) as error:
                raise ToxiproxyError(f"toxiproxy refused: {_said(error.args[0])}") from error
            finally:
                _consumer.reset(token)


def _handle(name: str) -> Any:
    """Make the library's proxy without asking for all of them, which one hung proxy would hang."""
    return toxiproxy.proxy.Proxy(name=_addressable(name), upstream="", listen="", enabled=True)


def _add_toxic(proxy: Any, name: str, toxic: ToxicSpec) -> None:
    proxy.add_toxic(
        name=_addressable(name),
        type=toxic.type,
        stream=toxic.stream,
        toxicity=toxic.toxicity,
        attributes=dict(toxic.attributes),
    )


def _addressable(name: str) -> str:
    if not name or "/" in name:
        raise ToxiproxyError(f"expected a name that fits into a URL path, found {name!r}")
    return name


def _spec(read: Mapping[str, Any]) -> ProxySpec:
    toxics = {
        toxic["name"]: ToxicSpec(
            toxic["type"], toxic["stream"], toxic["attributes"], toxic["toxicity"]
        )
        for toxic in read["toxics"]
    }
    return ProxySpec(read["name"], read["listen"], read["upstream"], read["enabled"], toxics)


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except requests.JSONDecodeError as error:
        raise ToxiproxyError(
            f"expected JSON from {response.url}, found {response.content!r}"
        ) from error


def _said(content: object) -> str:
    return (
        content.decode("utf-8", "replace").strip() if isinstance(content, bytes) else str(content)
    )
