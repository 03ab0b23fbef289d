"""What is done to many proxies at once: /populate and /reset (spec/toxiproxy.md, A2)."""

import pytest

from tests.conformance.proxy_rig import JSON, NEW, NOWHERE, Api, Rig, answer, error

pytestmark = pytest.mark.live


def test_populate_makes_proxies(api: Api, port: int) -> None:
    wanted = [NEW | {"listen": f"127.0.0.1:{port}", "enabled": True}]
    made = api.call("POST", "/populate", wanted)
    shown = {**wanted[0], "toxics": []}
    assert answer(made) == (201, JSON, {"proxies": [shown]})
    assert answer(api.call("POST", "/populate", [])) == (201, JSON, {"proxies": None})


def test_populate_leaves_a_proxy_that_leads_the_same_way_alone(api: Api, rig: Rig) -> None:
    """Its toxics stay, and that it should be off is not heard (A2)."""
    rig.toxic("noop")
    same = {"name": "rig", "listen": f"localhost:{rig.listen}", "enabled": False}
    same["upstream"] = api.ok("GET", "/proxies/rig")["upstream"]
    (shown,) = api.ok("POST", "/populate", [same])["proxies"]
    assert shown["enabled"] is True
    assert len(shown["toxics"]) == 1


def test_populate_replaces_a_proxy_that_leads_elsewhere(api: Api, rig: Rig) -> None:
    rig.toxic("noop")
    other = {"name": "rig", "listen": f"127.0.0.1:{rig.listen}", "upstream": NOWHERE}
    (shown,) = api.ok("POST", "/populate", [other])["proxies"]
    assert (shown["upstream"], shown["toxics"]) == (NOWHERE, [])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('[{"name": "x"}]', "missing required field: upstream at proxy 1"),
        ('[{"name": "x", "upstream": "y"}, {}]', "missing required field: name at proxy 2"),
        ("", "bad request body: EOF"),
        (
            '[{"name": 5}]',
            (
                "bad request body: json: cannot unmarshal number into Go struct field .Proxy.name "
                "of type string"
            ),
        ),
        (
            "{}",
            (
                "bad request body: json: cannot unmarshal object into Go value of type []struct "
                '{ toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'
            ),
        ),
    ],
)
def test_populates_errors_call_themselves_json_and_make_nothing(
    api: Api, body: str, message: str
) -> None:
    refused = api.call("POST", "/populate", data=body)
    expected = {"error": message, "status": 400, "proxies": None}
    assert answer(refused) == (400, JSON, expected)
    assert api.ok("GET", "/proxies") == {}


def test_populate_keeps_what_it_made_before_an_error(api: Api, port: int) -> None:
    taken = f"127.0.0.1:{api.port}"
    good = NEW | {"listen": f"127.0.0.1:{port}", "enabled": True}
    bad = good | {"name": "bad", "listen": taken}
    status, type, body = answer(api.call("POST", "/populate", [good, bad]))
    assert (status, type) == (500, JSON)
    assert body["error"] == f"listen tcp {taken}: bind: address already in use"
    assert [proxy["name"] for proxy in body["proxies"]] == ["new"]
    assert list(api.ok("GET", "/proxies")) == ["new"]


def test_reset_enables_all_and_removes_all_toxics(api: Api, rig: Rig) -> None:
    rig.toxic("latency", latency=5)
    rig.toxic("timeout", "upstream")
    rig.enable(False)
    reset = api.call("POST", "/reset")
    assert (reset.status_code, reset.content) == (204, b"")
    shown = api.ok("GET", "/proxies/rig")
    assert (shown["enabled"], shown["toxics"]) == (True, [])


def test_reset_stops_at_a_proxy_that_cannot_start(api: Api) -> None:
    taken = f"127.0.0.1:{api.port}"
    api.ok("POST", "/proxies", NEW | {"listen": taken})
    refused = api.call("POST", "/reset")
    assert answer(refused) == error(500, f"listen tcp {taken}: bind: address already in use")
