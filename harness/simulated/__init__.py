"""Runs in the simulated world: the same phases, workloads, faults and checkers on virtual time.

sessions  sessions with a simulated cluster
world     the cluster as a run sees it
run       one run, from its seed to its verdict
swarm     what a bare seed stands for: every option drawn
pool      many seeds on several processes
tally     what has come of many seeds so far
power     planted bugs, and the runs that find them
"""
