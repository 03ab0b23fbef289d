"""What clients do to the cluster, one file a workload."""
