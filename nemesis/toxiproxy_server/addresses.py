"""``host:port`` as Go's net package parses, resolves and prints it, with its error texts."""

import errno
import os
import socket

from nemesis.toxiproxy_server.errors import unusable

__all__ = ["bound", "resolve", "split", "spoken"]


def split(address: str) -> tuple[str, int]:
    """Cut an address in two.

    >>> split("127.0.0.1:20001"), split("[::1]:20001"), split(":0")
    (('127.0.0.1', 20001), ('::1', 20001), ('', 0))
    """
    if not address:
        return "", 0
    host, colon, port = address.rpartition(":")
    if not colon or port.endswith("]"):
        raise unusable(f"address {address}: missing port in address")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise unusable(f"address {address}: too many colons in address")
    if not port.isascii() or not port.isdecimal():
        raise unusable(f"lookup tcp/{port}: unknown port")
    if int(port) > 65535:
        raise unusable(f"address {port}: invalid port")
    return host, int(port)


def spoken(host: str, port: int) -> str:
    """Print an address as Go does.

    >>> spoken("::", 20001)
    '[::]:20001'
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def resolve(address: str) -> str:
    """Give an address with its host as a number, IPv4 first."""
    host, port = split(address)
    return spoken(_numeric(host), port) if host else f":{port}"


def bound(address: str) -> socket.socket:
    """Listen on an address, without waiting for old connections to be forgotten by the kernel."""
    try:
        host, port = split(address)
        numeric = _numeric(host) if host else ""
    except Exception as error:
        raise unusable(f"listen tcp: {error}") from error
    try:
        if numeric:
            family = socket.AF_INET6 if ":" in numeric else socket.AF_INET
            return socket.create_server((numeric, port), family=family, backlog=4096)
        if socket.has_dualstack_ipv6():
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, backlog=4096, dualstack_ipv6=True
            )
        return socket.create_server(("0.0.0.0", port), backlog=4096)  # noqa: S104 - asked for
    except OSError as error:
        where = spoken(numeric, port)
        raise unusable(f"listen tcp {where}: bind: {_reason(error)}") from error


def _numeric(host: str) -> str:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise unusable(f"lookup {host}: no such host") from error
    hosts = [str(info[4][0]) for info in found]
    return next((numeric for numeric in hosts if ":" not in numeric), hosts[0])


def _reason(error: OSError) -> str:
    # The C library's words in lower case are Go's words, for all errors of bind.
    return os.strerror(error.errno or errno.EINVAL).lower()
