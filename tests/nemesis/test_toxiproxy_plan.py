"""Which calls turn one proxy into another, and where the real server is looked for."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemesis.links import cut_toxics
from nemesis.proxy_plan import Step, Verb, in_order, plan
from nemesis.targets import CutMode, Stream
from nemesis.toxiproxy import ToxiproxyError, cached_executable, find_executable
from nemesis.toxiproxy_client import ProxySpec, ToxicSpec

BARE = ProxySpec("p", "127.0.0.1:1", "127.0.0.1:2")
SLOW = ToxicSpec("latency", "upstream", {"latency": 5})
SPECS = st.builds(
    lambda enabled, toxics: replace(BARE, enabled=enabled, toxics=toxics),
    st.booleans(),
    st.dictionaries(
        st.sampled_from("abcd"),
        st.builds(ToxicSpec, st.just("latency"), st.just("upstream"), st.just({}), st.floats(0, 1)),
    ),
)


def taken(spec: ProxySpec, steps: list[Step]) -> ProxySpec:
    """Take the steps as a server would, which refuses what makes no sense."""
    enabled, toxics = spec.enabled, dict(spec.toxics)
    for step in steps:
        match step:
            case Step(Verb.DISABLE):
                enabled = False
            case Step(Verb.ENABLE):
                enabled = True
            case Step(Verb.REMOVE, name):
                del toxics[name]
            case Step(Verb.ADD, name, toxic):
                assert name not in toxics
                assert toxic is not None
                toxics[name] = toxic
    return replace(spec, enabled=enabled, toxics=toxics)


@given(SPECS, SPECS, st.booleans())
def test_the_steps_lead_from_one_to_the_other(
    before: ProxySpec, after: ProxySpec, while_disabled: bool
) -> None:
    assert taken(before, plan(before, after, while_disabled=while_disabled)) == after


@given(SPECS)
def test_no_change_is_no_step(spec: ProxySpec) -> None:
    assert plan(spec, spec, while_disabled=True) == []


@given(SPECS, SPECS)
def test_off_comes_first_and_on_comes_last(before: ProxySpec, after: ProxySpec) -> None:
    verbs = [step.verb for step in plan(before, after, while_disabled=True)]
    assert Verb.DISABLE not in verbs[1:]
    assert Verb.ENABLE not in verbs[:-1]


@given(SPECS, SPECS)
def test_while_disabled_means_that_toxics_change_only_then(
    before: ProxySpec, after: ProxySpec
) -> None:
    steps = plan(before, after, while_disabled=True)
    if any(step.verb in (Verb.ADD, Verb.REMOVE) for step in steps):
        assert steps[0].verb is Verb.DISABLE or not before.enabled


def test_the_end_of_a_chain_is_taken_off_first() -> None:
    """The real server hangs on a slow_close that waits for a bandwidth of 0 behind it."""
    cut = replace(BARE, toxics=cut_toxics(CutMode.STALL_PLUS, Stream.UPSTREAM))
    assert [step.name for step in plan(cut, BARE)] == [
        "cut_bandwidth_upstream",
        "cut_slow_close_upstream",
    ]


@given(st.lists(SPECS, min_size=2, max_size=5))
def test_chains_are_taken_off_from_their_end(specs: list[ProxySpec]) -> None:
    """Whatever a proxy was made before, also if a toxic was changed and went to the end by that."""
    known, *wanted = specs
    chain = list(known.toxics)
    for spec in wanted:
        steps = plan(known, spec)
        gone = [step.name for step in steps if step.verb is Verb.REMOVE]
        assert gone == [name for name in reversed(chain) if name in gone]
        chain = [name for name in chain if name not in gone]
        chain += [step.name for step in steps if step.verb is Verb.ADD]
        known = in_order(known, spec)
        assert list(known.toxics) == chain
        assert known == spec


def test_a_changed_toxic_is_removed_and_added() -> None:
    before = replace(BARE, toxics={"t": SLOW})
    faster = replace(SLOW, attributes={"latency": 1})
    steps = plan(before, replace(BARE, toxics={"t": faster}))
    assert steps == [Step(Verb.REMOVE, "t"), Step(Verb.ADD, "t", faster)]


def test_one_way_refuse_is_no_cut() -> None:
    with pytest.raises(ValueError, match="expected both streams to refuse, found 'upstream'"):
        cut_toxics(CutMode.REFUSE, Stream.UPSTREAM)


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_server_is_looked_for_where_it_was_named_then_on_path_then_in_the_cache(
    tmp_path: Path,
) -> None:
    environ = {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert find_executable(environ) is None
    cached = program(cached_executable(environ))
    assert find_executable(environ) == cached
    on_path = program(tmp_path / "bin" / "toxiproxy-server")
    assert find_executable(environ) == on_path
    named = program(tmp_path / "mine")
    assert find_executable(environ | {"TOXIPROXY_SERVER": str(named)}) == named


def test_a_named_server_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ToxiproxyError, match="expected TOXIPROXY_SERVER to be a program"):
        find_executable({"TOXIPROXY_SERVER": "/nowhere/toxiproxy"})
