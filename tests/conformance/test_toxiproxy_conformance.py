"""The HTTP API of both servers: statuses, content types and bodies (spec/toxiproxy.md, A2)."""

import json
from typing import Any

import pytest

from tests.conformance.proxy_rig import (
    JSON,
    NEW,
    NOWHERE,
    TEXT,
    Api,
    Rig,
    answer,
    error,
    without_logger,
)

pytestmark = pytest.mark.live


def wrong(what: str, where: str, type: str) -> tuple[int, str, dict[str, Any]]:
    return error(
        400, f"bad request body: json: cannot unmarshal {what} into Go {where} of type {type}"
    )


NO_PROXY = error(404, "proxy not found")
NO_TOXIC = error(404, "toxic not found")
EMPTY = error(400, "bad request body: EOF")
TORN = error(400, "bad request body: unexpected EOF")

REFUSED = [
    ("POST", "/proxies", "", EMPTY),
    ("POST", "/proxies", "{", TORN),
    ("POST", "/proxies", '{"name": "t', TORN),
    (
        "POST",
        "/proxies",
        "hello",
        error(400, "bad request body: invalid character 'h' looking for beginning of value"),
    ),
    ("POST", "/proxies", [], wrong("array", "value", "toxiproxy.Proxy")),
    ("POST", "/proxies", {"name": 5}, wrong("number", "struct field Proxy.name", "string")),
    ("POST", "/proxies", {"enabled": "x"}, wrong("string", "struct field Proxy.enabled", "bool")),
    ("POST", "/proxies", None, error(400, "missing required field: name")),
    ("POST", "/proxies", {"name": "a"}, error(400, "missing required field: upstream")),
    ("POST", "/proxies", {"upstream": "a"}, error(400, "missing required field: name")),
    ("POST", "/proxies", NEW | {"name": "rig"}, error(409, "proxy already exists")),
    ("GET", "/proxies/none", "", NO_PROXY),
    ("PATCH", "/proxies/none", {}, NO_PROXY),
    ("POST", "/proxies/none", "not even JSON", NO_PROXY),
    ("DELETE", "/proxies/none", "", NO_PROXY),
    ("GET", "/proxies/none/toxics", "", NO_PROXY),
    ("POST", "/proxies/none/toxics", {}, NO_PROXY),
    ("GET", "/proxies/none/toxics/none", "", NO_PROXY),
    ("PATCH", "/proxies/rig", "", EMPTY),
    (
        "PATCH",
        "/proxies/rig",
        {"enabled": 5},
        wrong("number", "struct field Proxy.enabled", "bool"),
    ),
    (
        "PATCH",
        "/proxies/rig",
        {"listen": "nonsense"},
        error(500, "address nonsense: missing port in address"),
    ),
    ("GET", "/proxies/rig/toxics/none", "", NO_TOXIC),
    ("PATCH", "/proxies/rig/toxics/none", {}, NO_TOXIC),
    ("DELETE", "/proxies/rig/toxics/none", "", NO_TOXIC),
    ("POST", "/proxies/rig/toxics", "", EMPTY),
    ("POST", "/proxies/rig/toxics", None, error(400, "invalid toxic type")),
    ("POST", "/proxies/rig/toxics", {"type": "nope"}, error(400, "invalid toxic type")),
    (
        "POST",
        "/proxies/rig/toxics",
        {"type": "latency", "stream": "side"},
        error(400, "stream was invalid, can be either upstream or downstream"),
    ),
    (
        "POST",
        "/proxies/rig/toxics",
        {"type": "latency", "toxicity": "x"},
        wrong("string", "struct field ToxicWrapper.toxicity", "float32"),
    ),
    (
        "POST",
        "/proxies/rig/toxics",
        {"type": "latency", "attributes": 5},
        wrong("number", "struct field ToxicWrapper.attributes", "toxics.NoopToxic"),
    ),
    (
        "POST",
        "/proxies/rig/toxics",
        {"type": "latency", "attributes": {"latency": "x"}},
        wrong("string", "struct field LatencyToxic.attributes.latency", "int64"),
    ),
    (
        "POST",
        "/proxies/rig/toxics",
        {"type": "latency", "attributes": {"latency": 1.5}},
        wrong("number 1.5", "struct field LatencyToxic.attributes.latency", "int64"),
    ),
]

UNLISTENABLE = [
    ("nonsense", "listen tcp: address nonsense: missing port in address"),
    ("127.0.0.1:99999", "listen tcp: address 99999: invalid port"),
    ("127.0.0.1:x", "listen tcp: lookup tcp/x: unknown port"),
    ("1:2:3", "listen tcp: address 1:2:3: too many colons in address"),
    ("8.8.8.8:21920", "listen tcp 8.8.8.8:21920: bind: cannot assign requested address"),
]

ATTRIBUTES = {
    "bandwidth": ["rate"],
    "latency": ["latency", "jitter"],
    "limit_data": ["bytes"],
    "noop": [],
    "reset_peer": ["timeout"],
    "slicer": ["average_size", "size_variation", "delay"],
    "slow_close": ["delay"],
    "timeout": ["timeout"],
}


@pytest.mark.parametrize(("method", "path", "body", "expected"), REFUSED)
def test_a_bad_request_gets_toxiproxys_words(
    api: Api, rig: Rig, method: str, path: str, body: Any, expected: Any
) -> None:
    data = body if isinstance(body, str) else json.dumps(body)
    assert answer(api.call(method, path, data=data)) == expected


@pytest.mark.parametrize(("listen", "message"), UNLISTENABLE)
def test_an_address_that_cannot_be_listened_on_is_a_500(
    api: Api, listen: str, message: str
) -> None:
    refused = api.call("POST", "/proxies", NEW | {"listen": listen, "enabled": True})
    assert answer(refused) == error(500, message)
    assert api.ok("GET", "/proxies") == {}


def test_a_taken_port_is_a_500(api: Api) -> None:
    taken = f"127.0.0.1:{api.port}"
    refused = api.call("POST", "/proxies", NEW | {"listen": taken, "enabled": True})
    assert answer(refused) == error(500, f"listen tcp {taken}: bind: address already in use")


def test_a_proxy_is_shown_as_it_is(api: Api, port: int) -> None:
    proxy = {"name": "p", "listen": f"127.0.0.1:{port}", "upstream": NOWHERE}
    shown = {**proxy, "enabled": True, "toxics": []}
    assert answer(api.call("POST", "/proxies", proxy)) == (201, JSON, shown)
    assert answer(api.call("GET", "/proxies/p")) == (200, JSON, shown)
    assert answer(api.call("GET", "/proxies")) == (200, JSON, {"p": shown})
    assert list(without_logger(api.ok("GET", "/proxies/p"))) == list(shown)


def test_the_body_is_written_as_go_writes_it(api: Api) -> None:
    api.ok("POST", "/proxies", NEW | {"name": "<&>é", "listen": "127.0.0.1:0"})
    body = api.call("GET", "/proxies").content.replace(b'"Logger":{},', b"")
    name = rb"\u003c\u0026\u003e" + "é".encode()
    proxy = (
        b'{"name":"%b","listen":"127.0.0.1:0","upstream":"127.0.0.1:1","enabled":false,"toxics":[]}'
    )
    assert body == b'{"%b":' % name + proxy % name + b"}"


def test_fields_are_read_in_any_case_and_what_follows_is_ignored(api: Api) -> None:
    body = '{"NAME": "a", "Upstream": "x", "enabled": false, "bogus": 1} and so on'
    assert api.call("POST", "/proxies", data=body).status_code == 201


def test_a_host_name_is_shown_resolved_once_it_listens(api: Api, port: int) -> None:
    given = NEW | {"listen": f"localhost:{port}"}
    assert api.ok("POST", "/proxies", given)["listen"] == f"localhost:{port}"
    assert api.ok("PATCH", "/proxies/new", {"enabled": True})["listen"] == f"127.0.0.1:{port}"


def test_an_ephemeral_port_is_kept(api: Api) -> None:
    listen = api.ok("POST", "/proxies", NEW | {"listen": "127.0.0.1:0", "enabled": True})["listen"]
    assert not listen.endswith(":0")
    api.ok("PATCH", "/proxies/new", {"enabled": False})
    assert api.ok("PATCH", "/proxies/new", {"enabled": True})["listen"] == listen


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_an_update_changes_all_but_the_name(
    api: Api, rig: Rig, other_port: int, method: str
) -> None:
    rig.toxic("noop")
    change = {"name": "x", "listen": f"127.0.0.1:{other_port}", "upstream": NOWHERE}
    shown = api.ok(method, "/proxies/rig", change)
    assert (shown["name"], shown["listen"]) == ("rig", f"127.0.0.1:{other_port}")
    assert (shown["upstream"], shown["enabled"]) == (NOWHERE, True)
    assert [toxic["name"] for toxic in shown["toxics"]] == ["noop_downstream"]


def test_an_update_to_a_taken_port_leaves_the_proxy_off(api: Api, rig: Rig) -> None:
    taken = f"127.0.0.1:{api.port}"
    refused = api.call("PATCH", "/proxies/rig", {"listen": taken})
    assert answer(refused) == error(500, f"listen tcp {taken}: bind: address already in use")
    assert api.ok("GET", "/proxies/rig")["enabled"] is False
    assert rig.refuses()


def test_a_deleted_proxy_is_gone(api: Api, rig: Rig) -> None:
    deleted = api.call("DELETE", "/proxies/rig")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert "content-type" not in deleted.headers
    assert rig.refuses()
    assert answer(api.call("GET", "/proxies/rig")) == NO_PROXY


@pytest.mark.parametrize("type", sorted(ATTRIBUTES))
def test_each_toxic_shows_its_attributes_and_defaults(api: Api, rig: Rig, type: str) -> None:
    added = api.call("POST", "/proxies/rig/toxics", {"type": type})
    shown = {
        "attributes": dict.fromkeys(ATTRIBUTES[type], 0),
        "name": f"{type}_downstream",
        "type": type,
        "stream": "downstream",
        "toxicity": 1,
    }
    assert answer(added) == (200, JSON, shown)
    assert added.json() == api.ok("GET", f"/proxies/rig/toxics/{type}_downstream")
    assert list(added.json()) == list(shown)


def test_toxicity_and_stream_are_taken_as_given(rig: Rig) -> None:
    shown = rig.toxic("latency", stream="UPSTREAM", toxicity=5, Latency=7, bogus=1)
    assert shown["name"] == "latency_UPSTREAM"
    assert (shown["stream"], shown["toxicity"]) == ("UPSTREAM", 5)
    assert shown["attributes"] == {"latency": 7, "jitter": 0}


def test_a_toxics_name_is_unique_over_both_streams(api: Api, rig: Rig) -> None:
    first = {"name": "t", "type": "noop", "stream": "upstream"}
    api.ok("POST", "/proxies/rig/toxics", first)
    second = api.call("POST", "/proxies/rig/toxics", first | {"stream": "downstream"})
    assert answer(second) == error(409, "toxic already exists")


def test_toxics_are_listed_upstream_first_in_the_order_they_came(api: Api, rig: Rig) -> None:
    for type, stream in [("timeout", "downstream"), ("noop", "upstream"), ("noop", "downstream")]:
        rig.toxic(type, stream)
    names = [toxic["name"] for toxic in api.ok("GET", "/proxies/rig/toxics")]
    assert names == ["noop_upstream", "timeout_downstream", "noop_downstream"]


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_a_toxics_update_takes_attributes_and_toxicity_alone(
    api: Api, rig: Rig, method: str
) -> None:
    rig.toxic("latency", latency=5, jitter=1)
    path = "/proxies/rig/toxics/latency_downstream"
    change = {"name": "x", "type": "noop", "stream": "upstream", "attributes": {"latency": 9}}
    shown = api.ok(method, path, change)
    assert (shown["name"], shown["type"]) == ("latency_downstream", "latency")
    assert (shown["stream"], shown["toxicity"]) == ("downstream", 1)
    assert shown["attributes"] == {"latency": 9, "jitter": 1}
    shown = api.ok(method, path, {"toxicity": 0.5, "attributes": None})
    assert (shown["attributes"]["latency"], shown["toxicity"]) == (9, 0.5)
    refused = api.call(method, path, {"attributes": {"latency": "7"}})
    where = "struct field LatencyToxic.attributes.latency"
    assert answer(refused) == wrong("string", where, "int64")


def test_a_removed_toxic_is_gone(api: Api, rig: Rig) -> None:
    rig.toxic("noop")
    deleted = api.call("DELETE", "/proxies/rig/toxics/noop_downstream")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert api.ok("GET", "/proxies/rig/toxics") == []


def test_the_version_is_json(api: Api) -> None:
    shown = api.call("GET", "/version")
    assert (shown.status_code, shown.headers["content-type"]) == (200, f"{JSON};charset=utf-8")
    # A server built by `go install` does not know its number and says "git".
    assert shown.text in ('{"version": "2.12.0"}\n', '{"version": "git"}\n')


@pytest.mark.parametrize("path", ["/", "/nope", "/proxies/", "/metrics", "/proxies/a/b"])
def test_an_unknown_route_is_a_plain_404(api: Api, path: str) -> None:
    shown = api.call("GET", path)
    assert (shown.status_code, shown.headers["content-type"]) == (404, TEXT)
    assert shown.text == "404 page not found\n"


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/proxies"), ("HEAD", "/version"), ("GET", "/reset"), ("PUT", "/proxies/rig")],
)
def test_a_wrong_method_is_an_empty_405(api: Api, rig: Rig, method: str, path: str) -> None:
    shown = api.call(method, path)
    assert (shown.status_code, shown.content) == (405, b"")


def test_a_browser_is_turned_away(api: Api) -> None:
    shown = api.call("GET", "/proxies", headers={"User-Agent": "Mozilla/5.0 (X11)"})
    assert (shown.status_code, shown.headers["content-type"]) == (403, TEXT)
    assert shown.text == "User agent not allowed\n"


def test_every_routed_answer_has_a_request_id_of_its_own(api: Api) -> None:
    ids = {api.call("GET", "/proxies").headers["x-toxiproxy-request-id"] for _ in range(3)}
    assert len(ids) == 3
