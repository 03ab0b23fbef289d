"""A node may open as many files as its system allows, not as many as a shell happens to."""

import resource
from collections.abc import Iterator

import pytest

from broker.live import raise_open_files

NOFILE = resource.RLIMIT_NOFILE


@pytest.fixture
def _lowered() -> Iterator[None]:
    soft, hard = resource.getrlimit(NOFILE)
    resource.setrlimit(NOFILE, (min(soft, 512), hard))
    yield
    resource.setrlimit(NOFILE, (soft, hard))


@pytest.mark.usefixtures("_lowered")
def test_the_soft_limit_becomes_the_hard_one() -> None:
    soft, hard = resource.getrlimit(NOFILE)
    if hard == resource.RLIM_INFINITY:
        assert raise_open_files() == soft
    else:
        assert raise_open_files() == hard
        assert resource.getrlimit(NOFILE) == (hard, hard)


@pytest.mark.usefixtures("_lowered")
def test_a_system_that_does_not_grant_it_is_told_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_what: int, _limits: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    soft, _ = resource.getrlimit(NOFILE)
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (soft, 1 << 20))
    with monkeypatch.context() as context:
        context.setattr(resource, "setrlimit", refuse)
        with pytest.raises(OSError, match="cannot raise the limit of open files"):
            raise_open_files()
