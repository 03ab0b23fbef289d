"""The third world: Apache RocketMQ 4.9.3 itself, three JVMs behind the same proxies.

    distribution   where its jars come from, and the command that runs a program of theirs
    builds         what is fetched or built once a machine
    properties     each node's configuration, in the words that 4.9.3 understands
    nodes          the product of which ``harness.cluster`` makes a cluster
    operator       what 4.9.3 does not tell, read from its files
    limits         which faults there can be none of, and why

Everything else is the local world's: proxies, phases, workloads, checkers, report.
"""
