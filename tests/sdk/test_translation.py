"""Parameters that were written for another plugin."""

from __future__ import annotations

from typing import Any

import pytest

from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params
from sinetstream_sdk.translation import group, load, names, read, refuse, translate

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


TABLE = {
    "keepalive": {
        "at": ["connect.keepalive", "keepalive"],
        "as": "integer",
        "default": 60,
        "minimum": 1,
    },
    "password": {"at": "login.password", "as": "secret"},
    "path": {"at": "path", "default": "/"},
}
ALSO = {"login": "login_set"}


def test_a_table_is_read_with_its_defaults() -> None:
    """Each value comes under the table's name for it."""
    assert read(params(), TABLE, ALSO) == {"keepalive": 60, "password": None, "path": "/"}


@pytest.mark.parametrize("name", ["login", "login_set"])
def test_a_table_reads_groups_under_either_name(name: str) -> None:
    """Errors have the name that the user wrote, and no secret."""
    assert read(params(**{name: {"password": "x"}}), TABLE, ALSO)["password"] == "x"
    with pytest.raises(InvalidArgumentError, match=rf"'type_spec.{name}.password' must") as caught:
        read(params(**{name: {"password": 4815}}), TABLE, ALSO)
    assert "4815" not in str(caught.value)


def test_the_first_of_several_places_counts() -> None:
    """The others are looked at where it is absent; limits hold in each."""
    assert read(params(keepalive=5), TABLE)["keepalive"] == 5
    assert read(params(keepalive=5, connect={"keepalive": 7}), TABLE)["keepalive"] == 7
    with pytest.raises(InvalidArgumentError, match=r"'type_spec.connect.keepalive' .* at least 1"):
        read(params(connect={"keepalive": 0}), TABLE)


def test_the_names_of_a_table_are_those_that_it_looks_at() -> None:
    """Groups go by both of their names."""
    assert names(TABLE, ALSO) == {"connect", "keepalive", "login", "login_set", "path"}


@pytest.mark.parametrize("name", ["login", "login_set"])
def test_advice_reaches_into_groups(name: str) -> None:
    """A parameter in a group is refused under the name that the user wrote for the group."""
    advice = {"login.keyStore": "is Java's"}
    with pytest.raises(InvalidArgumentError, match=rf"'type_spec.{name}.keyStore' is Java's"):
        refuse(params(**{name: {"keyStore": 1}}), advice, also=ALSO)
    refuse(params(**{name: {"other": 1}, "keyStore": 1}), advice, also=ALSO)


def test_a_table_may_lie_in_a_package() -> None:
    """As a file of TOML."""
    assert load("sinetstream_mqtt", "parameters.toml")["settings"]["retain"]["default"] is False


def test_strictly_whatever_is_not_known_is_refused() -> None:
    """Though nothing is like it; a near name is suggested."""
    refuse(params(keepalive=1, unheard_of=None), ADVICE, ("keepalive",), strict=True)
    with pytest.raises(InvalidArgumentError, match=r"'type_spec.unheard_of' is not known$"):
        refuse(params(unheard_of=2), ADVICE, ("keepalive",), strict=True)
    with pytest.raises(InvalidArgumentError, match=r"did you mean.*keepalive"):
        refuse(params(keepalvie=1), ADVICE, ("keepalive",), strict=True)


PROPERTIES = {
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
    assert translate(params(**{name: value}), PROPERTIES) == found


@pytest.mark.parametrize(
    ("name", "value"),
    [("linger_ms", -1), ("memory", 1.5), ("check", 1), ("file", 1), ("word", 4711), ("acks", 2)],
)
def test_values_of_another_kind_are_refused(name: str, value: Any) -> None:
    """The error names the parameter, and no secret."""
    with pytest.raises(InvalidArgumentError, match=f"type_spec.{name}") as caught:
        translate(params(**{name: value}), PROPERTIES)
    assert caught.value.parameter == f"type_spec.{name}"
    assert "4711" not in str(caught.value)
