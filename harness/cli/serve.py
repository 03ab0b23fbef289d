"""``mqhavoc serve``: the runs in a browser."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs

import contextlib
import os
from pathlib import Path

import click

__all__ = ["serve"]


@click.command(context_settings={"show_default": True})
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="Whose runs.")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, help="Port; 0 is any free.")
def serve(out: Path, host: str, port: int) -> int:
    """Show runs in a browser: a list that follows what goes on, reports, and every file.

    Ctrl-C ends it.
    """
    import socket

    import uvicorn

    from harness.web import app_of

    if out.exists() and not out.is_dir():
        raise click.ClickException(f"--out: expected a folder of runs, found the file {out}")
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise click.ClickException(
            f"--host, --port: expected an address to listen on, found {host}:{port}: "
            f"{_reason(error)}; --port 0 takes any free port"
        ) from error
    address = f"http://{host}:{listener.getsockname()[1]}/"
    click.echo(f"{address} shows the runs in {out}; Ctrl-C ends it")
    server = uvicorn.Server(uvicorn.Config(app_of(out), log_level="warning", lifespan="off"))
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    return 0


def _reason(error: OSError) -> str:
    """Say why in the system's words; a name that leads nowhere has words of its own."""
    words = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)
    return words.partition(" (while ")[0]
