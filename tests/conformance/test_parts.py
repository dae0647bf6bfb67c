"""The kit's smaller parts: declarations, payloads, deadlines, the clock, races, imports."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from enum import Enum
from importlib.metadata import distribution
from pathlib import Path
from types import SimpleNamespace

import pytest

from sinetstream_conformance import BadDeclaration, Capabilities, Delivery, Harness
from sinetstream_conformance.clock import Metronome
from sinetstream_conformance.deadline import Caller
from sinetstream_conformance.declarations import as_harness, harness_for, params_from
from sinetstream_conformance.imports import undeclared_imports
from sinetstream_conformance.payloads import NAMED, generated, new_probe, probe_token
from sinetstream_conformance.races import provoked
from sinetstream_conformance.rule import catalogue, select
from sinetstream_conformance.subject import load_subject, merge, merged_params, role_meant_by
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.roles import Role


@pytest.fixture
def caller() -> Iterator[Caller]:
    made = Caller()
    yield made
    made.close()


def test_params_nest_by_dots_and_later_ones_win(tmp_path: Path) -> None:
    """Files and pairs are merged deeply, values are read as YAML."""
    file = tmp_path / "p.yml"
    file.write_text("brokers: [a:1]\ntype_spec: {keepalive: 5, clean: true}\n")
    params = params_from([str(file)], ["type_spec.keepalive=30", "brokers=b:2", "n=1.5"])
    assert params == {
        "brokers": "b:2",
        "type_spec": {"keepalive": 30, "clean": True},
        "n": 1.5,
    }


def test_params_files_are_loaded_safely(tmp_path: Path) -> None:
    """A YAML file that would build Python objects is refused."""
    file = tmp_path / "p.yml"
    file.write_text("a: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(BadDeclaration, match="cannot be read"):
        params_from([str(file)], [])


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("asked", [None, *Consistency])
def test_a_guarantee_comes_in_the_published_host_s_own_words(
    monkeypatch: pytest.MonkeyPatch, role: Role, asked: Consistency | None
) -> None:
    """A plugin that compares with the published enumeration is given a member of that one."""
    published = Enum("published", [guarantee.name for guarantee in Consistency])
    monkeypatch.setitem(sys.modules, "sinetstream.api", SimpleNamespace(**published.__members__))
    params = merged_params("some", role, {"consistency": asked} if asked else {})
    assert params["consistency"] is published[(asked or Consistency.AT_LEAST_ONCE).name]


def test_a_harness_may_be_an_instance_a_class_or_a_function() -> None:
    """All three ways give a harness; anything else is refused by its type."""
    for value in (Harness(), Harness, lambda: Harness()):
        assert isinstance(as_harness(value, "here"), Harness)
    with pytest.raises(BadDeclaration, match="gives a int"):
        as_harness(17, "here")


def test_the_registered_harness_is_found() -> None:
    """The entry point in sinetstream.conformance is used where no other is named."""
    harness, origin = harness_for("queue")
    assert harness.capabilities.delivery is Delivery.COMPETING
    assert "entry point" in origin
    assert type(harness_for("nobody-registers-this")[0]) is Harness


def test_capabilities_from_plain_values() -> None:
    """Names become enumeration members, and an unknown name is refused with the known ones."""
    made = Capabilities.from_mapping({"delivery": "broadcast", "consistencies": "EXACTLY_ONCE"})
    assert made.delivery is Delivery.BROADCAST
    assert made.consistencies == (Consistency.EXACTLY_ONCE,)
    with pytest.raises(ValueError, match="unknown capabilities retaind"):
        Capabilities.from_mapping({"retaind": True})


@pytest.mark.parametrize(
    ("declared", "asked", "acknowledges"),
    [
        ((), "AT_LEAST_ONCE", False),
        (("AT_MOST_ONCE",), "AT_MOST_ONCE", False),
        (("EXACTLY_ONCE", "AT_MOST_ONCE"), "EXACTLY_ONCE", True),
        (("AT_MOST_ONCE", "AT_LEAST_ONCE", "EXACTLY_ONCE"), "AT_LEAST_ONCE", True),
    ],
)
def test_a_guarantee_that_is_declared_is_asked_for(
    declared: tuple[str, ...], asked: str, acknowledges: bool
) -> None:
    """AT_LEAST_ONCE as long as that is declared, else the strongest there is."""
    made = Capabilities.from_mapping({"consistencies": declared})
    assert made.usual_consistency is Consistency[asked]
    assert made.acknowledges is acknowledges


def test_payloads_repeat_with_the_seed() -> None:
    """The same seed gives the same payloads, another seed others, and none is too large."""
    first, again, other = (generated(seed, 30, 4096) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert max(map(len, first)) <= 4096
    assert len(set(first)) == len(first) > 10


@pytest.mark.parametrize("largest", [0, 1, 3, 4, 255, 300, 2047])
def test_payloads_keep_to_the_largest_declared(largest: int) -> None:
    """However small the limit, no generated payload exceeds it."""
    assert all(len(payload) <= largest for payload in generated(1, 5, largest))


def test_named_payloads_are_the_awkward_ones() -> None:
    """Empty, one byte, every byte value and text of several scripts are always there."""
    assert NAMED["empty"] == b""
    assert len(NAMED["one-byte"]) == 1
    assert set(NAMED["every-byte"]) == set(range(256))
    assert not NAMED["text"].isascii()


def test_a_probe_is_recognised_however_it_is_wrapped() -> None:
    """A reader that gives wrong shapes or types does not hide the kit's own probes."""
    token, payload = new_probe()
    for item in (payload, (payload, "t", None), (payload.decode(), "t"), [bytearray(payload)]):
        assert probe_token(item) == token
    assert probe_token((b"a message", "t", None)) is None


def test_calls_are_made_on_threads_that_are_joined() -> None:
    """Idle threads end with their owner; errors of any kind come back as results."""
    before = set(threading.enumerate())  # calls that hung in other tests are among them
    caller = Caller()
    assert caller.run("f", lambda: 42, 5.0).value == 42

    def leave() -> None:
        raise SystemExit(3)

    assert isinstance(caller.run("f", leave, 5.0).error, SystemExit)
    caller.close()
    left = set(threading.enumerate()) - before
    assert not [t for t in left if "conformance-call" in t.name]


def test_calls_overlap(caller: Caller) -> None:
    """A call that blocks does not keep another from being made."""
    release = threading.Event()
    blocked = caller.start("wait", lambda: release.wait(10.0))
    assert caller.run("set", release.set, 5.0).returned
    assert blocked.wait(5.0).value is True


def test_the_metronome_notices_a_busy_interpreter() -> None:
    """Noise is small when nothing happens, and at least the stall when the interpreter is held."""
    metronome = Metronome()
    try:
        began = time.monotonic()
        sys.setswitchinterval(0.2)
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            sum(range(1000))
        sys.setswitchinterval(0.005)
        assert metronome.noise_s(began) > 0.05
    finally:
        sys.setswitchinterval(0.005)
        metronome.stop()


def test_races_are_provoked_and_everything_is_put_back(caller: Caller) -> None:
    """While provoked, threads switch often and lines of the plugin pause; then all is put back."""
    subject = load_subject("queue")
    interval = sys.getswitchinterval()
    with provoked(caller, list(subject.classes.values()), 1, rate=1.0, budget=20):
        assert sys.getswitchinterval() < interval
        assert caller.trace is not None
        assert threading.gettrace() is caller.trace
    assert sys.getswitchinterval() == interval
    assert caller.trace is None
    assert threading.gettrace() is not caller.trace or threading.gettrace() is None


def test_declared_imports_are_found_also_for_editable_installs() -> None:
    """The queue plugin declares what it imports; pytest, which it does not need, is no excuse."""
    dist = distribution("sinetstream-plugin-queue")
    assert undeclared_imports(dist, ["sinetstream_queue.plugin"]) == {}
    missing = undeclared_imports(dist, ["sinetstream_conformance.suite"])
    assert "pytest" in missing


def test_rules_are_selected_by_id_and_by_stem() -> None:
    """Stars stand for any part, and an unknown id is refused with near ones."""
    assert set(select(["*-ORDER"])) == {"WRITE-ORDER", "AWRITE-ORDER", "AREAD-ORDER"}
    assert list(select(["READ-TUPLE"])) == ["READ-TUPLE"]
    assert set(select(["LIFE-CLOSE*"])) == {"LIFE-CLOSE", "LIFE-CLOSE-TWICE", "LIFE-CLOSE-UNOPENED"}
    with pytest.raises(KeyError, match="did you mean"):
        select(["READ-TUPEL"])


def test_every_rule_says_what_it_is() -> None:
    """Each rule has a sentence, a source and a mend, and a known role or none."""
    for one in catalogue().values():
        assert one.says, one.id
        assert one.source, one.id
        assert one.hint, one.id
        assert set(one.roles) <= set(Role), one.id


def test_the_contracts_ids_are_all_there() -> None:
    """Every id of the contract that can be judged here is in the catalogue; none was renamed."""
    ids = set(catalogue())
    shared = ("DELIVER", "SUBCLASS", "TYPE", "ORDER", "ISOLATION", "COUNT", "CLOSED")
    assert {f"{prefix}-{name}" for prefix in ("WRITE", "AWRITE") for name in shared} <= ids
    assert {
        *(f"PKG-{n}" for n in ("GROUP", "NAME", "LOAD", "SHAPE", "UNIQUE", "REQUIRES")),
        *(f"CTOR-{n}" for n in ("PARAMS", "GUIDE", "HOST", "UNKNOWN", "NOCONNECT")),
        *(f"CTOR-{n}" for n in ("INVALID", "NOMUTATE")),
        *(f"LIFE-{n}" for n in ("OPEN", "CLOSE", "CLOSE-TWICE", "CLOSE-UNOPENED", "REOPEN")),
        *(f"LIFE-{n}" for n in ("OPEN-TWICE", "UNOPENED", "UNREACHABLE", "THREADS", "FDS")),
        *(f"LIFE-{n}" for n in ("PAIR", "MANY", "METRICS")),
        *(f"READ-{n}" for n in ("ITERATOR", "TUPLE", "BYTES", "TOPIC", "RAW", "TIMEOUT")),
        *(f"READ-TIMEOUT-{n}" for n in ("EARLY", "LATE", "RESTART")),
        *(f"READ-{n}" for n in ("EXHAUSTED", "BLOCK", "TOPICS", "CLOSE-BLOCKED", "BACKLOG")),
        *(f"AWRITE-{n}" for n in ("PROMISE", "NONBLOCK", "SETTLE", "RACE", "FULFIL", "REJECT")),
        "AWRITE-CLOSE",
        *(f"AREAD-{n}" for n in ("ON-MESSAGE", "ON-FAILURE", "SET-BEFORE", "SET-AFTER", "OPEN")),
        *(f"AREAD-{n}" for n in ("RAISING", "CLOSE", "CLOSE-INSIDE", "ORDER", "BLOCKED")),
    } <= ids


def test_misspelt_groups_are_recognised() -> None:
    """A group that is nearly a role's is taken for it; the library's other groups are not."""
    assert role_meant_by("sinetstream.readers") is Role.READER
    assert role_meant_by("sinetstream.async-writer") is Role.ASYNC_WRITER
    assert role_meant_by("sinetstream.value_type") is None
    assert role_meant_by("console_scripts") is None


def test_parameters_are_merged_without_touching_either_side() -> None:
    """Nested mappings are merged key by key, and neither argument changes."""
    below, above = {"a": {"x": 1, "y": 2}, "l": [1]}, {"a": {"y": 3}}
    merged = merge(below, above)
    merged["a"]["x"] = 9
    merged["l"].append(2)
    assert merged["a"]["y"] == 3
    assert below == {"a": {"x": 1, "y": 2}, "l": [1]}
    assert above == {"a": {"y": 3}}
