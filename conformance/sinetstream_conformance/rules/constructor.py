"""How a plugin's class is constructed (guide §3.2, §4.2; the published host's call)."""

from __future__ import annotations

import math
import threading
from contextlib import suppress
from typing import Any

from sinetstream_conformance.deadline import Result
from sinetstream_conformance.harness import NotOffered
from sinetstream_conformance.library import is_library_error
from sinetstream_conformance.probe import Connections, watched_connections
from sinetstream_conformance.residue import plugin_threads
from sinetstream_conformance.rule import ALL_ROLES, CAN, MUST, READERS, SHOULD, rule
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.subject import GUIDE_FORM, HOST_FORM
from sinetstream_conformance.verdict import NotDeclared, Unjudged, Violation
from sinetstream_sdk.describe import redact

THREAD_CONNECTS_WITHIN_S = 0.3
SOMEBODY_CONNECTS_WITHIN_S = 2.0
TRIES = 3


def usual(stage: Stage, **given: Any) -> dict[str, Any]:
    """Right parameters for the role under test."""
    topics = stage.topic_params(stage.role, stage.topic())
    return stage.params(stage.role, {**topics, **given})


@rule(
    "CTOR-PARAMS",
    level=MUST,
    roles=ALL_ROLES,
    says="the constructor takes the merged parameters as one dict: alone, or after confver",
    source="guide §3.2; the published host, 1.6 to 1.10",
    hint="write `def __init__(self, *args)` and pass args on to the SDK's base class; if the "
    "plugin needs parameters of its own, give them with --sinetstream-param or in a harness",
    right="def __init__(self, *args):\n    super().__init__(*args)",
    wrong="def __init__(self, host, port, topic):\n    ...",
)
def params(stage: Stage) -> None:
    stage.expect_returned(
        stage.try_build(stage.role, usual(stage)),
        f"{stage.cls.__name__} can be constructed with {HOST_FORM} or with {GUIDE_FORM}",
    )


@rule(
    "CTOR-GUIDE",
    level=CAN,
    roles=ALL_ROLES,
    says="the constructor takes (params) alone, as the guide has it",
    source="guide §3.2, §4.2",
    hint="derive from the SDK's base class, whose constructor takes both forms",
    right="def __init__(self, *args):\n    super().__init__(*args)",
    wrong="def __init__(self, confver, params):\n    ...",
)
def guide(stage: Stage) -> None:
    if not stage.declared("guide_constructor"):
        raise NotDeclared("capability 'guide_constructor' is declared to be false")
    stage.expect_returned(
        stage.try_build(stage.role, usual(stage), GUIDE_FORM),
        f"{stage.cls.__name__}(params) makes an instance, as capability guide_constructor says",
    )


@rule(
    "CTOR-HOST",
    level=SHOULD,
    roles=ALL_ROLES,
    says="the constructor takes (confver, params), as the published host calls it",
    source="the published host, 1.6 to 1.10; the guide does not say so",
    hint="take confver as the first argument, or derive from the SDK's base class",
    right="def __init__(self, confver, params):\n    ...",
    wrong="def __init__(self, params):\n    ...",
)
def host(stage: Stage) -> None:
    stage.expect_returned(
        stage.try_build(stage.role, usual(stage), HOST_FORM),
        f"{stage.cls.__name__}(confver, params) makes an instance",
    )


@rule(
    "CTOR-UNKNOWN",
    level=SHOULD,
    roles=ALL_ROLES,
    says="parameters that the plugin does not know are ignored",
    source="the published host: it passes its own parameters on",
    hint="look only at the parameters that are yours; do not spread params into a client's "
    "keyword arguments",
    right='self.host = params.get("host", "localhost")',
    wrong="self.client = Client(**params)",
)
def unknown(stage: Stage) -> None:
    given = usual(
        stage,
        compression={"algorithm": "gzip"},
        crypto={"key_length": 128, "key_derivation": {"algorithm": "pbkdf2"}},
        user_data_only=False,
        message_format=3,
        x_sinetstream_conformance={"nobody": ["knows", "this"]},
    )
    stage.expect_returned(
        stage.try_build(stage.role, given), "parameters of the host and unknown ones are ignored"
    )


@rule(
    "CTOR-NOCONNECT",
    level=SHOULD,
    roles=ALL_ROLES,
    says="the constructor does not connect: open() does, and constructing succeeds while the "
    "broker is down",
    source="guide §3.2.1: open() is what connects",
    hint="keep the parameters in the constructor and connect in open()",
    right="def open(self):\n    self._client = connect(self._host)",
    wrong="def __init__(self, *args):\n    super().__init__(*args)\n    self._client = connect()",
)
def noconnect(stage: Stage) -> None:
    given = usual(stage)
    for _ in range(TRIES):
        seen, result = _constructing(stage, given)
        stage.expect(
            not seen.own,
            expected="no connection while constructing",
            observed=f"it connects to {', '.join(seen.own)}",
        )
        if not seen.others:
            break
    else:
        _expect_somebody_else(stage, seen.others)
    constructed(stage, result)
    with suppress(NotOffered):
        stage.expect_returned(
            stage.try_build(stage.role, stage.nowhere(given)),
            "constructing succeeds while no broker can be reached",
        )


def _constructing(stage: Stage, given: dict[str, Any]) -> tuple[Connections, Result]:
    """What connects while an instance is constructed, and the instance."""
    before = plugin_threads()
    others = set(threading.enumerate()) - stage.caller.spare_threads()
    with watched_connections(others) as seen:
        result = stage.try_build(stage.role, given)
        if plugin_threads() - before:
            # The constructor has started a thread, which may be about to connect.
            stage.wait_until(lambda: bool(seen.own), THREAD_CONNECTS_WITHIN_S)
    return seen, result


def _expect_somebody_else(stage: Stage, connected: list[str]) -> None:
    """Judge connections of threads that were there before, which each constructor has met with.

    A client of the harness that keeps connecting does so also while nothing is constructed; a
    thread that the plugin keeps for its connections does not.
    """
    with watched_connections() as seen:
        stage.wait_until(lambda: bool(seen.own), SOMEBODY_CONNECTS_WITHIN_S)
    stage.expect(
        bool(seen.own),
        expected="no connection while constructing",
        observed=f"a thread that was there before connects to {', '.join(connected)}, each time "
        "that an instance is constructed",
    )


def constructed(stage: Stage, result: Result) -> Any:
    """The instance, for a rule that is about something else."""
    if not result.returned:
        raise Unjudged(f"{result.describe()}; see CTOR-PARAMS", trace=result.trace())
    return result.value


_NOTHING = object()

_TOPIC_CASES: dict[str, dict[str, Any]] = {
    "topic-missing": {"topic": _NOTHING, "topics": _NOTHING},
    "topic-none": {"topic": None, "topics": _NOTHING},
    "topic-empty": {"topic": "", "topics": _NOTHING},
    "topic-not-a-str": {"topic": 17, "topics": _NOTHING},
}
_READER_CASES: dict[str, dict[str, Any]] = {
    "topics-none": {"topic": _NOTHING, "topics": None},
    "topics-empty-list": {"topic": _NOTHING, "topics": []},
    "topics-empty-member": {"topic": _NOTHING, "topics": ["a", ""]},
    "topics-member-not-a-str": {"topic": _NOTHING, "topics": ["a", 17]},
    "timeout-negative": {"receive_timeout_ms": -1},
    "timeout-nan": {"receive_timeout_ms": math.nan},
    "timeout-not-a-number": {"receive_timeout_ms": "soon"},
}


def _refused(stage: Stage, changes: dict[str, Any]) -> None:
    given = {**usual(stage), **changes}
    given = {key: value for key, value in given.items() if value is not _NOTHING}
    name = "receive_timeout_ms" if "receive_timeout_ms" in changes else "topic"
    shown = redact({key: given.get(key, "(absent)") for key in changes})
    result = stage.try_build(stage.role, given)
    expected = f"InvalidArgumentError from the constructor for {shown}"
    stage.expect(
        is_library_error(result.error, "InvalidArgumentError"),
        expected=expected,
        observed=result.describe(),
    )
    stage.expect(
        name in str(result.error),
        expected=f"a message that names {name}",
        observed=f"the message {str(result.error)!r}",
        mend=f"name the parameter: InvalidArgumentError(f'{name} must be ...')",
    )


@rule(
    "CTOR-INVALID",
    level=SHOULD,
    roles=ALL_ROLES,
    says="a missing or wrong-typed parameter raises InvalidArgumentError in the constructor, with "
    "a message that names the parameter",
    source="guide §4.2.2",
    hint="read the parameters through the SDK's typed access (self.params.topic(), .topics(), "
    ".receive_timeout_ms()), which checks them",
    cases=tuple(_TOPIC_CASES),
    right="self._topic = self.params.topic()",
    wrong='self._topic = params.get("topic")',
)
def invalid(stage: Stage) -> None:
    _refused(stage, _TOPIC_CASES[stage.case])


@rule(
    "CTOR-INVALID-READER",
    level=SHOULD,
    roles=READERS,
    says="a wrong list of topics or a wrong receive_timeout_ms raises InvalidArgumentError in the "
    "constructor, with a message that names the parameter; None counts as absent",
    source="guide §4.2.2, §4.2.3",
    hint="use self.params.topics() and self.params.receive_timeout_ms()",
    cases=(*_READER_CASES, "timeout-none"),
    right="self._timeout = self.params.receive_timeout_s()",
    wrong='self._timeout = params.get("receive_timeout_ms", inf) / 1000',
)
def invalid_reader(stage: Stage) -> None:
    if stage.case == "timeout-none":
        result = stage.try_build(stage.role, usual(stage, receive_timeout_ms=None))
        stage.expect_returned(result, "receive_timeout_ms=None counts as absent")
        return
    _refused(stage, _READER_CASES[stage.case])


@rule(
    "CTOR-NOMUTATE",
    level=SHOULD,
    roles=ALL_ROLES,
    says="the caller's params stay as they were, so that one dict can build many instances",
    source="the guide's example keeps no reference and changes nothing",
    hint="copy before you change: `params = dict(params)`; self.params of the SDK is read-only",
    right='topic = params.get("topic")',
    wrong='topic = params.pop("topic")',
)
def nomutate(stage: Stage) -> None:
    given = usual(stage)
    given.setdefault("type_spec", {})
    before = _plain(given)
    actor = constructed(stage, stage.try_build(stage.role, given))
    actor.open()
    actor.close()
    after = _plain(given)
    if after != before:
        changed = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
        raise Violation(
            "params are the same after constructing, open() and close()",
            f"changed: {', '.join(map(str, changed))}",
        )
    stage.expect(True, expected="", observed="")


def _plain(value: Any) -> Any:
    """A picture of nested parameters in which objects stand for themselves."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, bytes, int, float, bool, type(None))) else id(value)
