"""What the host hands to every plugin is read by type, refused by name, and never changed."""

import enum
import math
import queue

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusing import FLAT, NESTED, make, refused

from sinetstream_sdk.consistency import AT_LEAST_ONCE, AT_MOST_ONCE, Consistency
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params

# ---- the view


def test_params_are_a_read_only_mapping():
    """The view has what the dict has, follows it, and cannot be assigned to."""
    given = {"topic": "t"}
    params = Params(given, FLAT)
    assert params == {"topic": "t"}
    assert (params["topic"], params.get("x")) == ("t", None)
    assert (len(params), list(params)) == (1, ["topic"])
    given["x"] = 1
    assert params["x"] == 1
    with pytest.raises(TypeError):
        params["topic"] = "u"


def test_params_must_be_a_mapping():
    """Anything else is refused when the view is made."""
    with pytest.raises(InvalidArgumentError, match=r"params must be a dict.*list"):
        Params(["topic"], FLAT)


def test_the_repr_shows_no_secret():
    """Neither directly nor in a nested view, whose path counts as well."""
    params = make(topic="t", password="hunter22", login={"token": "hunter22"}, keys={"a": "xyzzy"})
    assert "'topic': 't'" in repr(params)
    assert "hunter22" not in repr(params)
    assert "hunter22" not in repr(params.mapping("login"))
    assert "xyzzy" not in repr(params.mapping("keys"))


# ---- topic and topics


@pytest.mark.parametrize("value", ["t", ["t"], ("t",)])
def test_topic(value):
    """A str, or a list of exactly one."""
    assert make(topic=value).topic() == "t"


@pytest.mark.parametrize(
    "value", ["", [], ["a", "b"], 3, b"t", [""], [None], [b"t"], {"t": 1}, True, {"t"}]
)
def test_topic_refuses(value):
    """Empty, several, and everything that is not a str."""
    refused(make(topic=value).topic, "topic", "must be", "got", type(value).__name__)


@pytest.mark.parametrize("read", [Params.topic, Params.topics])
def test_a_missing_topic(read):
    """Absent and None are told apart, and a close name is offered."""
    assert "is missing" in refused(lambda: read(make()), "topic")
    assert "is None" in refused(lambda: read(make(topic=None)), "topic")
    refused(lambda: read(make(tpoic="x")), "topic", "did you mean 'tpoic'?")
    assert "did you mean" not in refused(lambda: read(make(brokers="x", tpoic=None)), "topic")


def test_topic_does_not_fall_back_on_topics():
    """A writer has one topic; the message points at the parameter that is there."""
    refused(make(topics=["a"]).topic, "topic", "did you mean 'topics'?")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"topics": "a"}, ("a",)),
        ({"topics": ["a", "b"]}, ("a", "b")),
        ({"topics": ("a", "b")}, ("a", "b")),
        ({"topics": ["b"], "topic": "a"}, ("b",)),
        ({"topics": None, "topic": "a"}, ("a",)),
        ({"topic": "a"}, ("a",)),
        ({"topic": ["a", "b"]}, ("a", "b")),
        ({"topics": ["a", "a"]}, ("a", "a")),
    ],
)
def test_topics(given, expected):
    """``topics`` comes first, ``topic`` stands in for it."""
    assert make(**given).topics() == expected


@pytest.mark.parametrize("name", ["topics", "topic"])
@pytest.mark.parametrize("value", ["", [], [""], ["a", None], ["a", 3], 3, {"a": 1}, b"a", False])
def test_topics_refuses(name, value):
    """The parameter that was read is the one that is named."""
    refused(make(**{name: value}).topics, name, "must be", type(value).__name__)


# ---- client id, consistency


@pytest.mark.parametrize(("value", "expected"), [("me", "me"), ("", None), (None, None)])
def test_client_id(value, expected):
    """Empty counts as absent, as it does for the published host."""
    assert make(client_id=value).client_id() == expected
    assert make().client_id() is None


def test_client_id_refuses():
    """A number is not silently made a str."""
    refused(make(client_id=7).client_id, "client_id", "int 7", "a str")


class HostConsistency(enum.Enum):
    """An enum of somebody else, with other values."""

    AT_MOST_ONCE = 0
    AT_LEAST_ONCE = "x"
    EXACTLY_ONCE = 99
    NEVER = 4


@pytest.mark.parametrize("name", [member.name for member in Consistency])
def test_consistency(name):
    """The name, our member and the host's member all mean ours."""
    for value in (name, Consistency[name], HostConsistency[name]):
        assert make(consistency=value).consistency() is Consistency[name]


def test_consistency_default():
    """AT_MOST_ONCE, as in the published host, unless the plugin says otherwise."""
    assert make().consistency() is AT_MOST_ONCE
    assert make(consistency=None).consistency(AT_LEAST_ONCE) is AT_LEAST_ONCE


@pytest.mark.parametrize("value", ["", "x", 1, 2.0, True, HostConsistency.NEVER, ["AT_MOST_ONCE"]])
def test_consistency_refuses(value):
    """Numbers too, although ours have values."""
    refused(make(consistency=value).consistency, "consistency", "AT_MOST_ONCE, AT_LEAST_ONCE")


def test_consistency_hints():
    """A name in another case, or with a slip, is recognised."""
    params = make(consistency="at_least_once")
    refused(params.consistency, "consistency", "did you mean 'AT_LEAST_ONCE'?")


# ---- receive timeout


@pytest.mark.parametrize(
    ("value", "ms", "s"),
    [
        (None, math.inf, None),
        (math.inf, math.inf, None),
        (0, 0.0, 0.0),
        (1500, 1500.0, 1.5),
        (0.5, 0.5, 0.0005),
        (1e300, 1e300, None),
    ],
)
def test_receive_timeout(value, ms, s):
    """Milliseconds and seconds; no limit is infinity in the one and None in the other."""
    params = make(receive_timeout_ms=value)
    assert params.receive_timeout_ms() == ms
    assert isinstance(params.receive_timeout_ms(), float)
    assert params.receive_timeout_s() == s


def test_no_receive_timeout_is_no_limit():
    """An absent parameter means for ever."""
    assert make().receive_timeout_ms() == math.inf
    assert make().receive_timeout_s() is None


@pytest.mark.parametrize("value", [-1, -0.001, -math.inf, math.nan, True, False, "5", [5], b"5"])
def test_receive_timeout_refuses(value):
    """Negative, NaN, bool and everything that is no number."""
    for read in (Params.receive_timeout_ms, Params.receive_timeout_s):
        refused(lambda: read(make(receive_timeout_ms=value)), "receive_timeout_ms", "at least 0")  # noqa: B023


def test_receive_timeout_refuses_what_no_float_holds():
    """An int too large for a float is refused, not an OverflowError."""
    refused(make(receive_timeout_ms=10**400).receive_timeout_ms, "receive_timeout_ms", "float")


@given(st.floats(0, 1e308) | st.integers(0, 10**20))
def test_any_receive_timeout_can_be_waited_with(value):
    """What ``receive_timeout_s`` gives is accepted by ``queue.get``, however large."""
    filled = queue.Queue()
    filled.put(1)
    assert filled.get(timeout=make(receive_timeout_ms=value).receive_timeout_s()) == 1


# ---- where the type-specific parameters stand


def test_specific_is_nested_in_version_3():
    """The view is that of ``type_spec``, and its errors say so."""
    specific = make(NESTED, topic="t", qos=9, type_spec={"qos": 1, "bad": "x"}).specific()
    assert specific == {"qos": 1, "bad": "x"}
    assert specific.integer("qos") == 1
    refused(lambda: specific.integer("bad"), "type_spec.bad", "an integer", "str 'x'")
    refused(lambda: specific.integer("qso"), "type_spec.qso", "did you mean 'qos'?")


@pytest.mark.parametrize("given", [{}, {"type_spec": None}, {"type_spec": {}}])
def test_specific_may_be_absent(given):
    """Then the view is empty, and a required parameter is still named in full."""
    specific = make(NESTED, **given).specific()
    assert specific == {}
    refused(lambda: specific.integer("qos"), "type_spec.qos", "missing")


@pytest.mark.parametrize("value", ["x", 3, [("qos", 1)], True])
def test_type_spec_must_be_a_mapping(value):
    """In version 3; earlier versions do not look at it."""
    refused(make(NESTED, type_spec=value).specific, "type_spec", "a mapping")
    assert make(FLAT, type_spec=value, qos=1).specific().integer("qos") == 1


def test_specific_is_flat_before_version_3():
    """The same view, with short names in its errors."""
    params = make(FLAT, topic="t", qos=1)
    assert params.specific() is params
    refused(lambda: params.specific().integer("qso"), "qso", "parameter 'qso'")


def test_a_parameter_on_the_wrong_side_of_type_spec_is_pointed_out():
    """The commonest slip when a configuration changes its version."""
    missing = make(NESTED, qos=1).specific()
    refused(lambda: missing.integer("qos"), "type_spec.qos", "top level, move it under 'type_spec'")
    flat = make(FLAT, type_spec={"qos": 1}).specific()
    refused(lambda: flat.integer("qos"), "qos", "'type_spec.qos' is given, move it to the top")
    refused(make(NESTED, type_spec={"topic": "t"}).topic, "topic", "move it to the top level")
