"""The store of a broker: commit log, consume queues, index, and how they survive a crash."""
