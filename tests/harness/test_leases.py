"""Two clusters never share a port, also when one of them was killed."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from harness.leases import BLOCK_SIZE, PORT_LAST, NoFreePortsError, lease_ports, port_is_free


def test_two_leases_of_one_process_never_overlap(tmp_path: Path) -> None:
    with lease_ports(tmp_path) as one, lease_ports(tmp_path) as other:
        assert not set(one.ports) & set(other.ports)


def test_a_block_is_leased_again_once_it_is_given_back(tmp_path: Path) -> None:
    with lease_ports(tmp_path) as first:
        pass
    with lease_ports(tmp_path) as second:
        assert second.first == first.first


def test_every_port_lies_below_the_ephemeral_range(tmp_path: Path) -> None:
    with lease_ports(tmp_path) as block:
        ports = [block.take() for _ in range(BLOCK_SIZE)]

    assert ports == list(block.ports)
    assert max(ports) < PORT_LAST


def test_a_block_with_a_port_in_use_is_passed_over(tmp_path: Path) -> None:
    """The lock may be free while an orphan of a killed run still listens."""
    with lease_ports(tmp_path) as block:
        taken = block.first + 5

    with socket.create_server(("127.0.0.1", taken)), lease_ports(tmp_path) as other:
        assert taken not in other.ports


def test_a_connection_in_time_wait_does_not_take_a_port() -> None:
    """Runs follow each other closely, and sockets linger for a minute."""
    with lease_ports() as block:
        port = block.take()
        with socket.create_server(("127.0.0.1", port)) as server:
            client = socket.create_connection(("127.0.0.1", port))
            accepted, _ = server.accept()
            accepted.close()  # this end goes first, and so into TIME_WAIT
            client.close()

        assert port_is_free(port)


def test_a_lease_ends_with_its_process_even_by_sigkill(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        from pathlib import Path
        from harness.leases import lease_ports
        with lease_ports(Path({str(tmp_path)!r})) as block:
            print(block.first, flush=True)
            input()
    """)
    holder = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        first = int(holder.stdout.readline())
        lock = tmp_path / f"{first}.lock"
        assert not _can_lock(lock)

        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()

    assert _can_lock(lock)


def test_no_free_block_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.leases.PORT_LAST", 20_000 + 2 * BLOCK_SIZE)

    with (
        lease_ports(tmp_path),
        pytest.raises(NoFreePortsError, match="mqhavoc doctor"),
        lease_ports(tmp_path),
    ):
        pass


def _can_lock(path: Path) -> bool:
    script = f"import fcntl; fcntl.flock(open({str(path)!r}), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    return (
        subprocess.run(
            [sys.executable, "-c", script], check=False, stderr=subprocess.DEVNULL
        ).returncode
        == 0
    )


def test_a_block_can_be_asked_for_by_its_first_port(tmp_path: Path) -> None:
    with lease_ports(tmp_path) as free:
        first = free.first

    with lease_ports(tmp_path, first=first) as block:
        assert block.first == first
        with (
            pytest.raises(NoFreePortsError, match=f"ports {first} to {first + BLOCK_SIZE - 1}"),
            lease_ports(tmp_path, first=first),
        ):
            pass
