"""What breaks things: faults with a cure and a proof, their schedules, and their conductor."""
