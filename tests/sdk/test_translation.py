"""Parameters that were written for another plugin."""

from __future__ import annotations

from typing import Any

import pytest

from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params
from sinetstream_sdk.translation import group, refuse, translate

ADVICE = {"old": "is gone: use 'new'"}


def params(**given: Any) -> Params:
    return Params(given, path=("type_spec",))


def test_what_there_is_advice_for_is_refused_with_it() -> None:
    """The error names the parameter in full; None counts as absent."""
    with pytest.raises(InvalidArgumentError, match=r"'type_spec.old' is gone: use 'new'") as caught:
        refuse(params(old=1), ADVICE)
    assert caught.value.parameter == "type_spec.old"
    refuse(params(old=None, other=1), ADVICE)


def test_what_is_nearly_a_known_name_is_refused_where_names_are_known() -> None:
    """A setting must not be lost to a slip; what resembles nothing is ignored."""
    refuse(params(keepalvie=1), ADVICE)
    refuse(params(keepalive=1, unheard_of=2), ADVICE, known=("keepalive",))
    with pytest.raises(InvalidArgumentError, match=r"'type_spec.keepalvie' is not known; did you"):
        refuse(params(keepalvie=1), ADVICE, known=("keepalive",))


def test_a_group_is_found_under_either_name() -> None:
    """One name or the other, or none, in which case it is empty."""
    for name in ("will", "will_set"):
        assert group(params(**{name: {"topic": "t"}}), "will", "will_set").string("topic") == "t"
    assert not group(params(), "will", "will_set")


def test_a_group_under_both_names_is_refused() -> None:
    """Which one is meant cannot be known."""
    with pytest.raises(InvalidArgumentError, match=r"'type_spec.will_set' must be absent where"):
        group(params(will={}, will_set={}), "will", "will_set")


def test_a_group_that_is_no_mapping_is_refused() -> None:
    """The error names the parameter."""
    with pytest.raises(InvalidArgumentError, match=r"'type_spec.will' must be a mapping"):
        group(params(will=1), "will", "will_set")


def test_strictly_whatever_is_not_known_is_refused() -> None:
    """Though nothing is like it; a near name is suggested."""
    refuse(params(keepalive=1, unheard_of=None), ADVICE, ("keepalive",), strict=True)
    with pytest.raises(InvalidArgumentError, match=r"'type_spec.unheard_of' is not known$"):
        refuse(params(unheard_of=2), ADVICE, ("keepalive",), strict=True)
    with pytest.raises(InvalidArgumentError, match=r"did you mean.*keepalive"):
        refuse(params(keepalvie=1), ADVICE, ("keepalive",), strict=True)


TABLE = {
    "linger_ms": ("linger.ms", "count"),
    "memory": ("memory.kbytes", "bytes"),
    "check": ("check.crcs", "switch"),
    "file": ("ca.location", "text"),
    "word": ("password", "secret"),
    "acks": ("acks", {"1": 1, "all": "all", "true": "yes"}),
}


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("linger_ms", 5, {"linger.ms": 5}),
        ("memory", 33_554_432, {"memory.kbytes": 32_768}),
        ("memory", 10, {"memory.kbytes": 1}),
        ("check", False, {"check.crcs": False}),
        ("file", "/ca.pem", {"ca.location": "/ca.pem"}),
        ("word", b"hush", {"password": "hush"}),
        ("acks", 1, {"acks": 1}),
        ("acks", "all", {"acks": "all"}),
        ("acks", True, {"acks": "yes"}),
        ("acks", None, {}),
        ("other", 1, {}),
    ],
)
def test_parameters_become_properties(name: str, value: Any, found: dict[str, Any]) -> None:
    """Each by its kind; None counts as absent, and what the table does not have is left alone."""
    assert translate(params(**{name: value}), TABLE) == found


@pytest.mark.parametrize(
    ("name", "value"),
    [("linger_ms", -1), ("memory", 1.5), ("check", 1), ("file", 1), ("word", 4711), ("acks", 2)],
)
def test_values_of_another_kind_are_refused(name: str, value: Any) -> None:
    """The error names the parameter, and no secret."""
    with pytest.raises(InvalidArgumentError, match=f"type_spec.{name}") as caught:
        translate(params(**{name: value}), TABLE)
    assert caught.value.parameter == f"type_spec.{name}"
    assert "4711" not in str(caught.value)
