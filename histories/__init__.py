"""What clients and the nemesis saw, as columns, and the files that hold it."""
