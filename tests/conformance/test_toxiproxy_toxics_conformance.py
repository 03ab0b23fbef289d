"""What each toxic does to bytes and to FIN, on both servers (spec/toxiproxy.md, A4)."""

import socket
from time import monotonic

import pytest

from tests.conformance.proxy_rig import Rig, ending, is_silent, read_exactly

pytestmark = pytest.mark.live

SLACK = 0.25  # a busy machine; every bound from below is exact


def seconds(sender: socket.socket, data: bytes, reader: socket.socket, size: int = 0) -> float:
    """Send, and tell how long until all of it, or so much, has come."""
    began = monotonic()
    sender.sendall(data)
    read_exactly(reader, size or len(data))
    return monotonic() - began


def pour(sock: socket.socket, data: bytes) -> None:
    """Send what fits, and no more, without waiting for anybody to read."""
    sock.setblocking(False)
    try:
        while data:
            data = data[sock.send(data) :]
    except BlockingIOError:
        pass
    finally:
        sock.settimeout(5)


class TestLatency:
    def test_each_direction_has_its_own(self, rig: Rig) -> None:
        client, server = rig.connect()
        rig.toxic("latency", "downstream", latency=150)
        assert seconds(client, b"there", server) < 0.1
        assert 0.149 <= seconds(server, b"back", client) < 0.15 + SLACK

    def test_it_caps_no_throughput_and_keeps_order(self, rig: Rig) -> None:
        """Ten chunks 10 ms apart arrive 10 ms apart: they are all under way at once."""
        rig.toxic("latency", "upstream", latency=100)
        client, server = rig.connect()
        began = monotonic()
        for number in range(10):
            client.send(bytes([number]) * 4)
        assert read_exactly(server, 40) == b"".join(bytes([n]) * 4 for n in range(10))
        assert 0.099 <= monotonic() - began < 0.1 + SLACK

    def test_two_add_up(self, rig: Rig) -> None:
        for name in ("one", "two"):
            toxic = {"name": name, "type": "latency", "attributes": {"latency": 60}}
            rig.api.ok("POST", "/proxies/rig/toxics", toxic)
        client, server = rig.connect()
        assert 0.119 <= seconds(server, b"x", client) < 0.12 + SLACK

    def test_an_idle_connection_closes_without_delay(self, rig: Rig) -> None:
        client, server = rig.connect()
        rig.toxic("latency", "upstream", latency=3000)
        client.close()
        assert ending(server, 1) == "fin"

    def test_fin_waits_behind_bytes(self, rig: Rig) -> None:
        client, server = rig.connect()
        rig.toxic("latency", "upstream", latency=150)
        client.send(b"last")
        client.close()
        assert is_silent(server)
        assert read_exactly(server, 4) == b"last"
        assert ending(server) == "fin"

    def test_removing_it_lets_go_in_order(self, rig: Rig) -> None:
        rig.toxic("latency", latency=10_000)
        client, server = rig.connect()
        for number in range(20):
            server.send(bytes([number]))
        assert is_silent(client)
        rig.remove("latency_downstream")
        assert read_exactly(client, 20) == bytes(range(20))

    def test_an_update_holds_for_open_connections(self, rig: Rig) -> None:
        rig.toxic("latency", latency=10_000)
        client, server = rig.connect()
        change = {"attributes": {"latency": 50}}
        rig.api.ok("PATCH", "/proxies/rig/toxics/latency_downstream", change)
        assert 0.049 <= seconds(server, b"x", client) < 0.05 + SLACK

    def test_jitter_stays_within_its_bounds(self, rig: Rig) -> None:
        rig.toxic("latency", latency=40, jitter=30)
        client, server = rig.connect()
        for _ in range(5):
            assert 0.009 <= seconds(server, b"x", client) < 0.07 + SLACK


class TestBandwidth:
    def test_the_rate_is_in_thousands_of_bytes_a_second(self, rig: Rig) -> None:
        rig.toxic("bandwidth", rate=100)
        client, server = rig.connect()
        assert 0.38 <= seconds(server, bytes(40_000), client) < 0.4 + SLACK

    def test_big_chunks_come_in_slices(self, rig: Rig) -> None:
        rig.toxic("bandwidth", rate=20)
        client, server = rig.connect()
        assert 0.09 <= seconds(server, bytes(8000), client, size=2000) < 0.1 + SLACK
        assert 0.2 < seconds(server, b"", client, size=6000) < 0.3 + SLACK

    def test_at_rate_0_all_is_held_and_let_go_in_order(self, rig: Rig) -> None:
        rig.toxic("bandwidth", rate=0)
        client, server = rig.connect()
        sent = bytes(range(256)) * 400
        server.sendall(sent)
        assert is_silent(client)
        rig.remove("bandwidth_downstream")
        assert read_exactly(client, len(sent)) == sent
        client.send(b"still here")
        assert read_exactly(server, 10) == b"still here"

    def test_reset_lets_go_too(self, rig: Rig) -> None:
        rig.toxic("bandwidth", "upstream", rate=0)
        client, server = rig.connect()
        client.send(b"held")
        assert is_silent(server)
        rig.api.ok("POST", "/reset")
        assert read_exactly(server, 4) == b"held"

    def test_at_rate_0_fin_passes_if_nothing_is_held(self, rig: Rig) -> None:
        rig.toxic("bandwidth", "upstream", rate=0)
        client, server = rig.connect()
        client.close()
        assert ending(server) == "fin"

    def test_at_rate_0_fin_waits_behind_bytes(self, rig: Rig) -> None:
        rig.toxic("bandwidth", "upstream", rate=0)
        client, server = rig.connect()
        client.send(b"held")
        client.close()
        assert is_silent(server)
        rig.remove("bandwidth_upstream")
        assert read_exactly(server, 4) == b"held"
        assert ending(server) == "fin"

    def test_a_sender_is_stopped_in_the_end(self, rig: Rig) -> None:
        """What is held is a few chunks; the rest stays in the sender's own buffers."""
        rig.toxic("bandwidth", "upstream", rate=0)
        client, _ = rig.connect()
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.sendall(bytes(64_000_000))


class TestTimeout:
    def test_bytes_are_acknowledged_and_gone_and_removal_closes(self, rig: Rig) -> None:
        rig.toxic("timeout", "upstream", timeout=0)
        client, server = rig.connect()
        client.sendall(bytes(8_000_000))
        assert is_silent(server)
        rig.remove("timeout_upstream")
        assert ending(server) == "fin"
        assert ending(client) in ("fin", "rst")

    def test_removal_closes_those_that_toxicity_spared(self, rig: Rig) -> None:
        rig.toxic("timeout", toxicity=0.0, timeout=0)
        client, server = rig.connect()
        server.send(b"spared")
        assert read_exactly(client, 6) == b"spared"
        rig.remove("timeout_downstream")
        assert ending(client) == "fin"

    def test_fin_passes(self, rig: Rig) -> None:
        rig.toxic("timeout", "upstream", timeout=0)
        client, server = rig.connect()
        client.close()
        assert ending(server) == "fin"

    def test_silence_closes(self, rig: Rig) -> None:
        client, server = rig.connect()
        began = monotonic()
        rig.toxic("timeout", "upstream", timeout=150)
        assert ending(server) == "fin"
        assert 0.149 <= monotonic() - began < 0.15 + SLACK
        assert ending(client) == "fin"

    def test_traffic_keeps_it_open(self, rig: Rig) -> None:
        rig.toxic("timeout", "upstream", timeout=200)
        client, server = rig.connect()
        for _ in range(6):
            client.send(b"x")
            assert ending(server, 0.08) == "silent"
        assert ending(server) == "fin"


class TestSlowClose:
    def test_fin_is_late_and_bytes_are_not(self, rig: Rig) -> None:
        rig.toxic("slow_close", "upstream", delay=200)
        client, server = rig.connect()
        assert seconds(client, b"x", server) < 0.15
        began = monotonic()
        client.close()
        assert ending(server) == "fin"
        assert 0.199 <= monotonic() - began < 0.2 + SLACK

    def test_the_other_direction_is_not_delayed(self, rig: Rig) -> None:
        rig.toxic("slow_close", "upstream", delay=5000)
        client, server = rig.connect()
        server.close()
        assert ending(client, 1) == "fin"

    def test_removing_it_lets_fin_go(self, rig: Rig) -> None:
        rig.toxic("slow_close", "upstream", delay=60_000)
        client, server = rig.connect()
        client.close()
        assert is_silent(server)
        rig.remove("slow_close_upstream")
        assert ending(server) == "fin"


class TestResetPeer:
    def test_the_first_bytes_reset_a_connection_made_after_it(self, rig: Rig) -> None:
        rig.toxic("reset_peer", "upstream", timeout=0)
        client, server = rig.connect()
        client.send(b"lost")
        assert ending(client) == "rst"
        assert ending(server) == "rst"

    def test_it_waits_for_its_timeout(self, rig: Rig) -> None:
        rig.toxic("reset_peer", timeout=150)
        client, server = rig.connect()
        began = monotonic()
        server.send(b"lost")
        assert ending(client) == "rst"
        assert 0.149 <= monotonic() - began < 0.15 + SLACK

    def test_a_connection_made_before_it_ends_by_fin(self, rig: Rig) -> None:
        client, server = rig.connect()
        seconds(client, b"made", server)
        rig.toxic("reset_peer", "upstream", timeout=0)
        client.send(b"lost")
        assert ending(client) == "fin"
        assert ending(server) == "fin"

    def test_an_idle_connection_is_left_alone(self, rig: Rig) -> None:
        rig.toxic("reset_peer", timeout=0)
        client, server = rig.connect()
        assert is_silent(client)
        client.send(b"up")
        assert read_exactly(server, 2) == b"up"

    def test_toxicity_0_spares_the_bytes_but_not_the_way_it_ends(self, rig: Rig) -> None:
        rig.toxic("reset_peer", toxicity=0.0, timeout=0)
        client, server = rig.connect()
        server.send(b"spared")
        assert read_exactly(client, 6) == b"spared"
        server.close()
        assert ending(client) == "rst"


class TestSlicer:
    def test_a_chunk_comes_in_pieces(self, rig: Rig) -> None:
        """Sixteen pieces with 10 ms after each cannot come faster than 150 ms."""
        rig.toxic("slicer", average_size=64, size_variation=0, delay=10_000)
        client, server = rig.connect()
        began = monotonic()
        server.sendall(bytes(range(256)) * 4)
        pieces = []
        while sum(map(len, pieces)) < 1024:
            pieces.append(client.recv(4096))
        assert b"".join(pieces) == bytes(range(256)) * 4
        assert len(pieces) > 4
        assert monotonic() - began >= 0.15

    def test_removing_it_sends_the_rest_at_once(self, rig: Rig) -> None:
        rig.toxic("slicer", average_size=1, size_variation=0, delay=100_000)
        client, server = rig.connect()
        server.sendall(b"0123456789" * 10)
        assert read_exactly(client, 1) == b"0"
        rig.remove("slicer_downstream")
        assert seconds(server, b"", client, size=99) < 1


class TestLimitData:
    def test_exactly_so_many_bytes_pass(self, rig: Rig) -> None:
        rig.toxic("limit_data", bytes=700)
        for _ in range(2):  # each connection counts for itself
            client, server = rig.connect()
            server.sendall(bytes(1000))
            read_exactly(client, 700)
            assert ending(client) == "fin"
            assert ending(server) in ("fin", "rst")

    def test_the_count_survives_an_update(self, rig: Rig) -> None:
        rig.toxic("limit_data", bytes=100)
        client, server = rig.connect()
        server.send(bytes(60))
        read_exactly(client, 60)
        change = {"attributes": {"bytes": 80}}
        rig.api.ok("PATCH", "/proxies/rig/toxics/limit_data_downstream", change)
        server.send(bytes(60))
        read_exactly(client, 20)
        assert ending(client) == "fin"

    def test_fewer_bytes_pass_whole(self, rig: Rig) -> None:
        rig.toxic("limit_data", bytes=100)
        client, server = rig.connect()
        server.send(bytes(99))
        server.close()
        read_exactly(client, 99)
        assert ending(client) == "fin"


def test_noop_changes_nothing(rig: Rig) -> None:
    client, server = rig.connect()
    rig.toxic("noop")
    server.sendall(bytes(100_000))
    assert read_exactly(client, 100_000) == bytes(100_000)


def test_toxicity_0_spares(rig: Rig) -> None:
    rig.toxic("latency", toxicity=0.0, latency=5000)
    client, server = rig.connect()
    assert seconds(server, b"x", client) < 1


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_a_toxic_touches_one_stream_and_open_connections_at_once(rig: Rig, stream: str) -> None:
    client, server = rig.connect()
    rig.toxic("timeout", stream, timeout=0)
    ends = (client, server) if stream == "upstream" else (server, client)
    ends[0].send(b"x")
    assert is_silent(ends[1])
    ends[1].send(b"y")
    assert read_exactly(ends[0], 1) == b"y"


def test_a_backlog_survives_a_chain_that_changes(rig: Rig) -> None:
    """A reader that does not read, a few chunks held in between, and toxics that come and go."""
    client, server = rig.connect()
    rig.toxic("latency", latency=20)
    sent = bytes(range(256)) * 800
    pour(server, sent)
    rig.toxic("slicer", average_size=9000, size_variation=0, delay=0)
    rig.toxic("bandwidth", rate=500_000)
    rig.remove("latency_downstream")
    rig.remove("bandwidth_downstream")
    rig.remove("slicer_downstream")
    assert read_exactly(client, len(sent)) == sent
