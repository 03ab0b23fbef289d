"""Where the parts meet: workloads, the life of a run, the run folder, the command line."""
