"""Chaos as tests: pytest loads this module wherever mqhavoc is installed, so it imports nothing."""

__all__: list[str] = []
