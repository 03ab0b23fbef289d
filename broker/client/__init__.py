"""The client: producers, consumers and an operator's hand, on one session with a cluster."""
