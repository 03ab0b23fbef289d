"""A toxiproxy of our own: the same HTTP API, the same toxics, one process, no Go.

A fresh machine has no ``toxiproxy-server``, and a suite that cannot run proves nothing. This one
speaks toxiproxy 2.12's API and cuts bytes as it does; ``tests/conformance`` holds both to the same
tests. What differs is said here and nowhere else:

    never blocks   every API call is answered at once, however full the pipes are (the real one
                   wedges on a receiver that does not read, and waits for a reset_peer's timeout)
    not here       GET /metrics, the leaked ``Logger`` field, the 25 s handler time-out

From the wire to the control API, lowest first:

    pipes       what a toxic may ask for: bytes, time, room
    toxics/     one toxic, one file; pure
    chain       the toxics of one direction of one connection; pure
    endpoint    one socket
    connection  two endpoints and a chain each way
    toxic_list  the toxics of one proxy, by name
    proxy       a listener and its connections, on or off
    collection  the proxies, by name
    gojson      request bodies, read as Go reads them
    http        requests in, responses out
    api         the routes
"""

__all__: list[str] = []
