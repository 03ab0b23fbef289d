"""The name server: who the brokers are, where they are, and which topics they hold."""
