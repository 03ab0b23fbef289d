"""The runs in a browser: a list of all of them, and every file of each."""

from harness.web.app import app_of

__all__ = ["app_of"]
