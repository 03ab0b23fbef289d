"""A failure made small: the fewest faults, clients and seconds that break the same promise."""
