"""Parameters that were written for another plugin."""

from __future__ import annotations

from typing import Any

import pytest

from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params
from sinetstream_sdk.translation import group, refuse

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
