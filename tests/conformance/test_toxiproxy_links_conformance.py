"""Connections, disable and enable, and the four cut modes (spec/toxiproxy.md, A3, A5, A7)."""

import socket

import pytest

from nemesis.links import cut_toxics
from nemesis.targets import CutMode, Stream
from tests.conformance.proxy_rig import Rig, ending, is_silent, read_exactly

pytestmark = pytest.mark.live


def cut(rig: Rig, mode: CutMode, stream: Stream = Stream.BOTH) -> None:
    for name, toxic in cut_toxics(mode, stream).items():
        rig.api.ok(
            "POST",
            "/proxies/rig/toxics",
            {
                "name": name,
                "type": toxic.type,
                "stream": toxic.stream,
                "attributes": dict(toxic.attributes),
            },
        )
    rig.enable(mode is not CutMode.REFUSE)


def heal(rig: Rig) -> None:
    # From the end of the chain: the real server hangs if a toxic is to go that waits for room.
    for toxic in reversed(rig.api.ok("GET", "/proxies/rig/toxics")):
        rig.remove(toxic["name"])
    rig.enable(True)


class TestConnections:
    def test_bytes_pass_both_ways(self, rig: Rig) -> None:
        client, server = rig.connect()
        client.sendall(bytes(300_000))
        read_exactly(server, 300_000)
        server.sendall(bytes(300_000))
        read_exactly(client, 300_000)

    def test_a_server_that_is_down_is_a_fin_not_a_refusal(self, rig: Rig) -> None:
        rig.upstream.close()
        with socket.create_connection(("127.0.0.1", rig.listen)) as client:
            assert ending(client) == "fin"

    def test_a_client_that_ends_its_side_loses_the_reply(self, rig: Rig) -> None:
        """There is no half-close: FIN closes the other socket entirely."""
        client, server = rig.connect()
        client.send(b"question")
        client.shutdown(socket.SHUT_WR)
        read_exactly(server, 8)
        assert ending(server) == "fin"
        assert ending(client) == "fin"

    @pytest.mark.parametrize("leaver", ["client", "server"])
    def test_either_end_closes_both(self, rig: Rig, leaver: str) -> None:
        client, server = rig.connect()
        leaves, stays = (client, server) if leaver == "client" else (server, client)
        leaves.close()
        assert ending(stays) == "fin"

    def test_a_reset_is_passed_on_as_a_fin(self, rig: Rig) -> None:
        client, server = rig.connect()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        server.close()
        assert ending(client) == "fin"

    def test_bytes_before_a_fin_arrive(self, rig: Rig) -> None:
        client, server = rig.connect()
        server.sendall(bytes(200_000))
        server.close()
        read_exactly(client, 200_000)
        assert ending(client) == "fin"

    def test_a_slow_reader_slows_the_sender_and_loses_nothing(self, rig: Rig) -> None:
        client, server = rig.connect()
        server.settimeout(0.2)
        sent = 0
        try:
            while sent < 100_000_000:
                sent += server.send(bytes(100_000))
        except TimeoutError:
            pass
        assert sent < 100_000_000
        read_exactly(client, sent)


class TestSwitch:
    def test_off_refuses_and_closes_both_ends(self, rig: Rig) -> None:
        client, server = rig.connect()
        assert rig.enable(False)["enabled"] is False
        assert rig.refuses()
        assert ending(client) == "fin"
        assert ending(server) == "fin"

    def test_on_again_passes_again(self, rig: Rig) -> None:
        rig.enable(False)
        assert rig.enable(True)["enabled"] is True
        client, server = rig.connect()
        client.send(b"x")
        assert read_exactly(server, 1) == b"x"

    @pytest.mark.parametrize("enabled", [True, False])
    def test_twice_is_once(self, rig: Rig, enabled: bool) -> None:
        assert rig.enable(enabled)["enabled"] is enabled
        assert rig.enable(enabled)["enabled"] is enabled
        assert rig.refuses() is not enabled

    def test_off_loses_what_toxics_held(self, rig: Rig) -> None:
        rig.toxic("latency", latency=10_000)
        client, server = rig.connect()
        server.send(b"held")
        assert is_silent(client)
        rig.enable(False)
        assert ending(client) == "fin"

    def test_toxics_survive_the_switch(self, rig: Rig) -> None:
        rig.toxic("timeout", timeout=0)
        rig.enable(False)
        rig.enable(True)
        client, server = rig.connect()
        server.send(b"gone")
        assert is_silent(client)

    def test_a_stolen_port_is_a_500_and_it_stays_off(self, rig: Rig) -> None:
        rig.enable(False)
        with socket.create_server(("127.0.0.1", rig.listen)):
            refused = rig.api.call("PATCH", "/proxies/rig", {"enabled": True})
        assert refused.status_code == 500
        assert "bind: address already in use" in refused.json()["error"]
        assert rig.api.ok("GET", "/proxies/rig")["enabled"] is False

    def test_old_connections_do_not_keep_the_port(self, rig: Rig) -> None:
        """The closed ones wait in TIME_WAIT; listening again works all the same."""
        for _ in range(3):
            rig.connect()
            rig.enable(False)
            rig.enable(True)

    def test_a_move_closes_connections_and_leads_elsewhere(self, rig: Rig, other_port: int) -> None:
        client, _ = rig.connect()
        with socket.create_server(("127.0.0.1", other_port)) as elsewhere:
            rig.api.ok("PATCH", "/proxies/rig", {"upstream": f"127.0.0.1:{other_port}"})
            assert ending(client) == "fin"
            with socket.create_connection(("127.0.0.1", rig.listen)):
                elsewhere.settimeout(5)
                elsewhere.accept()[0].close()


SILENT_MODES = (CutMode.BLACKHOLE, CutMode.STALL, CutMode.STALL_PLUS)


class TestCuts:
    def test_refuse_is_known_to_everyone(self, rig: Rig) -> None:
        client, server = rig.connect()
        cut(rig, CutMode.REFUSE)
        assert (ending(client), ending(server), rig.refuses()) == ("fin", "fin", True)
        heal(rig)
        rig.connect()

    @pytest.mark.parametrize("mode", SILENT_MODES)
    def test_the_others_are_silent_for_old_and_new_connections(
        self, rig: Rig, mode: CutMode
    ) -> None:
        client, server = rig.connect()
        cut(rig, mode)
        late_client, late_server = rig.connect()
        for sender in (client, server, late_client, late_server):
            sender.send(b"x")
        for reader in (client, server, late_client, late_server):
            assert is_silent(reader)

    def test_a_blackhole_closes_all_on_heal_and_nothing_comes_out(self, rig: Rig) -> None:
        client, server = rig.connect()
        cut(rig, CutMode.BLACKHOLE)
        client.send(b"lost")
        assert is_silent(server)
        heal(rig)
        assert ending(server) == "fin"
        assert ending(client) == "fin"

    @pytest.mark.parametrize("mode", [CutMode.STALL, CutMode.STALL_PLUS])
    def test_a_stall_delivers_on_heal_in_order(self, rig: Rig, mode: CutMode) -> None:
        client, server = rig.connect()
        cut(rig, mode)
        for number in range(50):
            client.send(bytes([number]))
        assert is_silent(server)
        heal(rig)
        assert read_exactly(server, 50) == bytes(range(50))
        server.send(b"back")
        assert read_exactly(client, 4) == b"back"

    @pytest.mark.parametrize("mode", [CutMode.BLACKHOLE, CutMode.STALL])
    def test_a_peers_death_shows_through(self, rig: Rig, mode: CutMode) -> None:
        client, server = rig.connect()
        cut(rig, mode)
        server.close()
        assert ending(client) == "fin"

    @pytest.mark.parametrize("held", [b"", b"and bytes"])
    def test_stall_plus_hides_a_peers_death(self, rig: Rig, held: bytes) -> None:
        client, server = rig.connect()
        cut(rig, CutMode.STALL_PLUS)
        server.send(held)
        server.close()
        assert is_silent(client)
        heal(rig)
        assert read_exactly(client, len(held)) == held
        assert ending(client) == "fin"

    @pytest.mark.parametrize("mode", SILENT_MODES)
    @pytest.mark.parametrize("stream", [Stream.UPSTREAM, Stream.DOWNSTREAM])
    def test_one_way_leaves_the_other(self, rig: Rig, mode: CutMode, stream: Stream) -> None:
        client, server = rig.connect()
        cut(rig, mode, stream)
        cut_off, free = (client, server) if stream is Stream.UPSTREAM else (server, client)
        free.send(b"passes")
        assert read_exactly(cut_off, 6) == b"passes"
        cut_off.send(b"does not")
        assert is_silent(free)
