"""The system under test: a name server and brokers of the RocketMQ 4.9.3 kind, and their client."""
