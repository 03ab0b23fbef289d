"""The runs in a browser: everything of them, and nothing else of the machine."""

import asyncio
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.cli import EXIT_USAGE, run_command
from harness.web import app_of

RUN = "queue-kill-master/20261124T103045.123Z-7"


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode()


def asked(out: Path, path: str) -> Answer:
    """Ask the application as a server would, without one."""
    answer = Answer()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": [], "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
    }  # fmt: skip

    requests = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, object]:
        for request in requests:
            return request
        return await asyncio.Event().wait()  # it stays connected until it has been served

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {key.decode(): value.decode() for key, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    asyncio.run(app_of(out)(scope, receive, send))
    return answer


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder of two runs, one of which was not judged, beside something secret."""
    out = tmp_path / "runs"
    for name, seed in ((RUN, 7), ("queue-<i>swarm/20261124T113045.123Z-8", 8)):
        folder = out / name
        (folder / "nodes" / "master").mkdir(parents=True)
        (folder / "test.json").write_text(json.dumps({"seed": seed, "mode": "M", "world": "local"}))
        (folder / "history.jsonl").write_text('{"index": 0}\n')
    anomalies = {"lost": {"validity": "invalid"}, "recovered": {"validity": "valid"}}
    results = {"validity": "invalid", "anomalies": anomalies}
    (out / RUN / "results.json").write_text(json.dumps(results))
    (out / "latest").symlink_to(RUN)
    (tmp_path / "secret").write_text("secret")
    return out


def test_the_list_shows_every_run_the_newest_first(out: Path) -> None:
    page = asked(out, "/").text
    rows = page.split("<tr data-word=")[1:]
    assert [row.split('"')[1] for row in rows] == ["incomplete", "invalid"]
    assert "2026-11-24 10:30:45" in rows[1]
    assert "lost" in rows[1]
    assert "recovered" not in rows[1]
    assert f'href="/files/{RUN}/results.json"' in rows[1]
    assert "results.json" not in rows[0], "no link leads nowhere"


def test_names_are_text_and_never_markup(out: Path) -> None:
    page = asked(out, "/").text
    assert "<i>swarm" not in page
    assert "/files/queue-%3Ci%3Eswarm/" in page
    assert asked(out, "/files/queue-<i>swarm/").status == 200


def test_a_folder_lists_its_files_and_the_way_back(out: Path) -> None:
    page = asked(out, f"/files/{RUN}/").text
    for link in ('"history.jsonl"', '"nodes/"', '"/files/queue-kill-master/"', '"/"'):
        assert f"href={link}" in page
    assert asked(out, f"/files/{RUN}").headers["location"] == f"/files/{RUN}/"
    assert asked(out, "/files/latest/").text == page


def test_a_file_comes_as_it_is(out: Path) -> None:
    answer = asked(out, f"/files/{RUN}/history.jsonl")
    assert answer.body == (out / RUN / "history.jsonl").read_bytes()
    assert answer.headers["content-type"].startswith("text/plain")
    assert asked(out, f"/files/{RUN}/test.json").headers["content-type"] == "application/json"


def test_a_run_comes_whole_as_a_zip_that_is_gone_afterwards(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing = tmp_path / "packing"
    packing.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(packing))
    answer = asked(out, f"/zip/{RUN}.zip")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert "20261124T103045.123Z-7/history.jsonl" in archive.namelist()
    assert not list(packing.iterdir())


def test_what_goes_while_a_run_goes_on_is_left_out(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node replaces its files all the time; no page breaks by it, and no archive is left."""
    packing = tmp_path / "packing"
    packing.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(packing))
    going = "checkpoint.new"
    (out / RUN / going).touch()
    true = Path.is_file

    def is_file(path: Path) -> bool:
        there = true(path)
        if path.name == going:
            path.unlink(missing_ok=True)
        return there

    monkeypatch.setattr(Path, "is_file", is_file)
    with zipfile.ZipFile(io.BytesIO(asked(out, f"/zip/{RUN}.zip").body)) as archive:
        names = [name.rpartition("/")[2] for name in archive.namelist()]
    assert "history.jsonl" in names
    assert going not in names
    assert not list(packing.iterdir())

    (out / RUN / going).touch()
    page = asked(out, f"/files/{RUN}/").text
    assert "history.jsonl" in page
    assert going not in page


def to_the_secret(out: Path) -> str:
    (out / "way").symlink_to(out.parent / "secret")
    return "/files/way"


@pytest.mark.parametrize(
    "path",
    [
        lambda _out: "/files/../secret",
        lambda _out: "/files/latest/../../../secret",
        lambda out: f"/files/{out.parent}/secret",
        to_the_secret,
        lambda _out: "/zip/...zip",
        lambda _out: "/zip/latest/test.json.zip",
        lambda _out: "/files/none",
        lambda _out: "/files/no\0name",
    ],
)
def test_nothing_outside_is_shown(path: Callable[[Path], str], out: Path) -> None:
    answer = asked(out, path(out))
    assert answer.status == 404
    assert answer.body != b"secret"


def test_there_may_be_no_run_yet(tmp_path: Path) -> None:
    assert "no run yet" in asked(tmp_path / "runs", "/").text


def test_an_address_that_is_taken_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["serve", "--out", str(tmp_path), "--host", "192.0.2.1"]  # an address of nobody
    assert run_command(words) == EXIT_USAGE
    assert "found 192.0.2.1:8080" in capsys.readouterr().err
    file = tmp_path / "file"
    file.touch()
    assert run_command(["serve", "--out", str(file)]) == EXIT_USAGE
    assert "expected a folder of runs" in capsys.readouterr().err
