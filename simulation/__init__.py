"""The second world: the same broker and the same nemeses on virtual time, from one seed."""
