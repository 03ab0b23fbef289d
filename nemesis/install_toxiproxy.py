"""``python -m nemesis.install_toxiproxy``: build the real toxiproxy by its own recipe.

Its README installs the server by ``go install``; the binary is then called ``server``, so it is
built in a folder of its own and moved into the cache under its usual name, outside the
repository. It does nothing if it is there already.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nemesis.toxiproxy import cached_executable

__all__ = ["main"]

MODULE = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"


def main() -> int:
    """Install it, and say where."""
    target = cached_executable()
    if os.access(target, os.X_OK):
        _say(f"toxiproxy is there already: {target}")
        return 0
    go = shutil.which("go")
    if go is None:
        _say(
            "expected Go 1.23 or newer to build toxiproxy, found no `go` on PATH; install Go, or "
            "put toxiproxy-server on PATH, or name it in TOXIPROXY_SERVER, or go on without: the "
            "embedded server does the same"
        )
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        built = subprocess.run(  # noqa: S603 - a fixed command
            [go, "install", MODULE], env={**os.environ, "GOBIN": folder}, check=False
        )
        if built.returncode != 0:
            _say(f"`go install {MODULE}` failed with {built.returncode}; see above")
            return 1
        (Path(folder) / "server").replace(target)
    _say(f"toxiproxy installed: {target}")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - a command's answer


if __name__ == "__main__":
    sys.exit(main())
