"""A fault is charged to the rule that it breaks, and hides or breaks no other."""

from __future__ import annotations

import socket
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

from sinetstream_conformance import Harness, Verdict, check
from sinetstream_conformance.rule import MUST, Rule
from sinetstream_conformance.session import Check, Session
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.subject import load_subject
from sinetstream_conformance.verdict import Outcome
from sinetstream_sdk.roles import Role

DEPRECATED = "import warnings\nwarnings.warn('old', DeprecationWarning)\n"


@pytest.mark.parametrize("rule", ["LIFE-MANY", "LIFE-OPEN-TWICE"])
def test_descriptors_kept_by_a_closed_instance_are_for_life_fds(rule: str, plugins: Path) -> None:
    """As many after every round, and after a second open(), are neither growth nor its leak."""
    report = check("waker-kept", rules=[rule], roles=["reader"], seed=1)
    assert [o.verdict for o in report.outcomes] == [Verdict.PASS], str(report)


def test_a_module_that_does_not_load_is_charged_to_pkg_load_alone(plugins: Path) -> None:
    """A host cannot load it either, which is no fault of its own."""
    rules = ["PKG-LOAD", "LIFE-OPEN", "HOST-*"]
    report = check("lacks-dependency", rules=rules, roles=["writer"], seed=1)
    failed = [o.rule for o in report.outcomes if o.verdict is Verdict.FAIL]
    others = [o for o in report.outcomes if o.verdict not in (Verdict.FAIL, Verdict.SKIP)]
    assert failed == ["PKG-LOAD"], str(report)
    assert {o.rule[:5] for o in others} == {"LIFE-", "HOST-"}
    for outcome in others:
        assert outcome.verdict is Verdict.INCONCLUSIVE, str(report)
        assert "see PKG-LOAD" in outcome.reason


def test_without_a_setter_of_on_failure_messages_are_judged_still(plugins: Path) -> None:
    """Only what has to do with failures is missing: no other rule is left unjudged."""
    rules = ["AREAD-ON-MESSAGE", "AREAD-ON-FAILURE", "AREAD-SET-*", "AREAD-ORDER", "LIFE-OPEN"]
    report = check("on-failure-without-setter", rules=rules, roles=["async_reader"], seed=1)
    failed = {o.rule for o in report.outcomes if o.verdict is Verdict.FAIL}
    verdicts = {o.verdict for o in report.outcomes if o.rule not in failed}
    assert failed == {"AREAD-ON-FAILURE"}, str(report)
    assert verdicts <= {Verdict.PASS, Verdict.SKIP}, str(report)
    opened = next(o for o in report.outcomes if o.rule == "LIFE-OPEN")
    assert any("no failure can be seen" in note for note in opened.notes)


def test_what_a_failed_open_logs_is_not_left_behind(
    plugins: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A logged traceback holds the socket that could not connect; pytest must not hold that."""
    report = check("logs-refusal", rules=["LIFE-UNREACHABLE"], roles=["reader"], seed=1)
    assert [o.verdict for o in report.outcomes] == [Verdict.PASS], str(report)
    assert "no broker there" in caplog.text


def test_a_connection_of_somebody_else_s_is_not_the_constructor_s(
    plugins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that connects all the time, as a harness's client may, is no thread of it."""
    from sinetstream_broken.correct import MemoryReader

    build, stopped = MemoryReader.__init__, threading.Event()

    def slowly(self: MemoryReader, *args: Any) -> None:
        build(self, *args)
        time.sleep(0.2)

    def connect() -> None:
        while not stopped.wait(0.01):
            socket.create_connection(server.getsockname(), 5.0).close()
            server.accept()[0].close()

    monkeypatch.setattr(MemoryReader, "__init__", slowly)
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=connect)
        thread.start()
        try:
            report = check("memory", rules=["CTOR-NOCONNECT"], roles=["reader"], seed=1)
        finally:
            stopped.set()
            thread.join(10.0)
    assert [o.verdict for o in report.outcomes] == [Verdict.PASS], str(report)


def judged(warn: type[Warning]) -> Outcome:
    """The outcome of a check in which a library of the plugin's warns."""

    def body(stage: Stage) -> None:
        warnings.warn("old", warn, stacklevel=1)
        stage.expect(True, expected="", observed="")

    rule = Rule("X-RULE", MUST, (Role.READER,), "a sentence", "a source", "a hint", body)
    with Session(load_subject("queue"), Harness()) as session:
        return session.run(Check(rule, Role.READER))


def test_a_warning_is_no_error_of_the_plugin() -> None:
    """Neither a check nor loading fails where the project around makes errors of warnings."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=FutureWarning)
        assert judged(DeprecationWarning).verdict is Verdict.PASS
        assert judged(FutureWarning).verdict is Verdict.PASS
        with pytest.raises(UserWarning):
            warnings.warn("filters are as they were", UserWarning, stacklevel=1)
    assert [w.category for w in seen] == [DeprecationWarning]


def test_a_module_that_warns_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PKG-LOAD is about what the module does, not about what it warns of."""
    (tmp_path / "warning_plugin.py").write_text(
        DEPRECATED + "class Reader:\n    pass\n", encoding="utf-8"
    )
    info = tmp_path / "warning_plugin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: warning-plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[sinetstream.reader]\nwarning = warning_plugin:Reader\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        subject = load_subject("warning")
    assert not subject.load_errors
    sys.modules.pop("warning_plugin")
