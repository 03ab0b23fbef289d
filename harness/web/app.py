"""Three routes over a folder of runs; nothing is ever written, and nothing outside is shown.

/               every run, the newest first
/files/PATH     a folder's list, or a file as it is
/zip/PATH.zip   a folder with all that is in it
"""

import contextlib
import tempfile
import zipfile
from pathlib import Path

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from harness.store.catalogue import catalogue
from harness.web.pages import folder_page, index_page

__all__ = ["app_of"]

PLAIN = frozenset({"", ".jsonl", ".log", ".properties", ".pid", ".1"})
"""Suffixes of files that are text, though no registry of media types knows them."""


def app_of(out: Path) -> Starlette:
    """Serve the runs in a folder, which need not be there yet."""
    root = out.resolve()

    def index(_request: Request) -> Response:
        return HTMLResponse(index_page(root, catalogue(root)))

    def files(request: Request) -> Response:
        path = _found(root, request.path_params["path"])
        if path.is_dir():
            if not request.url.path.endswith("/"):
                return RedirectResponse(f"{request.url.path}/")
            return HTMLResponse(folder_page(root, path))
        return FileResponse(path, media_type="text/plain" if path.suffix in PLAIN else None)

    def zipped(request: Request) -> Response:
        folder = _found(root, request.path_params["path"])
        if not folder.is_dir():
            raise HTTPException(404)
        archive = _zip(folder)
        gone = BackgroundTask(archive.unlink)
        return FileResponse(archive, filename=f"{folder.name}.zip", background=gone)

    routes = [
        Route("/", index),
        Route("/files/{path:path}", files),
        Route("/zip/{path:path}.zip", zipped),
    ]
    return Starlette(routes=routes)


def _found(root: Path, path: str) -> Path:
    """Find what a path leads to, if it is there and below the root, links followed."""
    try:
        found = (root / path).resolve()
    except ValueError:  # no file has such a name
        found = Path()
    if not found.is_relative_to(root) or not found.exists():
        raise HTTPException(404, f"no {path!r} in {root}")
    return found


def _zip(folder: Path) -> Path:
    """Pack a folder into a file of its own; whoever sends it deletes it.

    While a run goes on its files come and go: one that is gone by its turn is left out.
    """
    with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    with contextlib.suppress(FileNotFoundError):
                        archive.write(path, Path(folder.name) / path.relative_to(folder))
        return Path(file.name)
