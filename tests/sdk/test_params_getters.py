"""Values of one type are read or refused, whatever comes, and secrets stay secret."""

import copy
import enum
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusing import NESTED, make, refusal, refused

from sinetstream_sdk.consistency import AT_LEAST_ONCE
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params

# ---- getters

GETTERS = {
    "string": (lambda p, *d, **k: p.string("v", *d, **k), ["", "x"], [1, b"x", ["x"], True]),
    "secret": (lambda p, *d, **k: p.secret("v", *d, **k), ["", "x"], [1, b"\xff", ["x"], True]),
    "integer": (lambda p, *d, **k: p.integer("v", *d, **k), [0, -5, 10**50], [1.0, "1", True, [1]]),
    "number": (
        lambda p, *d, **k: p.number("v", *d, **k),
        [0, 1.5, math.inf, -math.inf],
        ["1", True, math.nan, [1], 1j, 10**400],
    ),
    "boolean": (lambda p, *d, **k: p.boolean("v", *d, **k), [True, False], [0, 1, "true", [True]]),
    "choice": (
        lambda p, *d, **k: p.choice("v", ("tcp", "websockets"), *d, **k),
        ["tcp", "websockets"],
        ["udp", "", 1, ["tcp"], ("tcp",), True],
    ),
    "mapping": (lambda p, *d, **k: p.mapping("v", *d, **k), [{}, {"a": 1}], [1, "x", [("a", 1)]]),
    "strings": (
        lambda p, *d, **k: p.strings("v", *d, **k),
        [(), ("a",), ("a", "")],
        [1, b"a", [1], ["a", None], {"a": 1}, {"a"}],
    ),
}


@pytest.mark.parametrize(("get", "good", "bad"), GETTERS.values(), ids=GETTERS)
def test_a_getter_reads_refuses_and_defaults(get, good, bad):
    """Right values come back equal; wrong ones are refused; None and absence give the default."""
    for value in good:
        assert get(make(v=value)) == value
        assert get(make(v=value), "default") == value
    for value in bad:
        for default in ((), (None,), ("default",)):
            refused(lambda: get(make(v=value), *default), "v", "must be")  # noqa: B023
    for absent in (make(), make(v=None)):
        assert get(absent, "default") == "default"
        assert get(absent, None) is None
        assert get(absent, default=None) is None
        refused(lambda: get(absent), "v", "expected")  # noqa: B023


@pytest.mark.parametrize("getter", ["integer", "number"])
def test_bounds_are_allowed_values(getter):
    """Both ends count as inside, either may be left out, and the message tells them."""
    get = getattr(Params, getter)
    for value in (1, 3):
        assert get(make(n=value), "n", minimum=1, maximum=3) == value
    refused(lambda: get(make(n=0), "n", minimum=1, maximum=3), "n", "from 1 to 3", "int 0")
    refused(lambda: get(make(n=4), "n", 2, minimum=1, maximum=3), "n", "from 1 to 3", "int 4")
    refused(lambda: get(make(n=0), "n", minimum=1), "n", "of at least 1")
    refused(lambda: get(make(n=4), "n", maximum=3), "n", "of at most 3")
    assert get(make(), "n", 99, maximum=3) == 99


def test_a_number_too_long_to_write_out_is_refused_in_good_order():
    """Python does not print thousands of digits; the message does without them."""
    refused(lambda: make(n=10**6000).integer("n", maximum=3), "n", "int <very large>")


def test_number_is_always_a_float():
    """An int in the configuration does not surprise the caller later."""
    assert isinstance(make(n=3).number("n"), float)


def test_choice_hints():
    """A slip is recognised."""
    call = make(t="websocket")
    refused(lambda: call.choice("t", ("tcp", "websockets")), "t", "did you mean 'websockets'?")


def test_a_secret_may_come_as_bytes():
    """The published host hands decrypted values over as bytes."""
    assert make(password="pä".encode()).secret("password") == "pä"


@pytest.mark.parametrize("value", [b"hunter22\xff", ["hunter22"], {"a": "hunter22"}])
def test_a_refused_secret_is_not_shown_under_any_name(value):
    """The plugin knows better than the name that it is a secret."""
    assert "hunter22" not in refused(lambda: make(pin=value).secret("pin"), "pin", "hidden")


def test_a_single_str_is_a_list_of_one():
    """As with topics."""
    assert make(v="a").strings("v") == ("a",)


def test_nested_views_name_the_whole_path():
    """However deep, and below ``type_spec`` as well."""
    params = make(NESTED, type_spec={"will": {"qos": "x"}})
    will = params.specific().mapping("will")
    refused(lambda: will.integer("qos"), "type_spec.will.qos", "str 'x'")
    refused(lambda: will.string("topic"), "type_spec.will.topic", "missing")
    assert will.full_name("a") == "type_spec.will.a"


def test_an_author_can_refuse_in_the_same_words():
    """``invalid`` makes the error of a check that the getters do not know."""
    error = make(NESTED, type_spec={"qos": 7}).specific().invalid("qos", "0, 1 or 2", "; sorry")
    assert isinstance(error, InvalidArgumentError)
    assert str(error) == "parameter 'type_spec.qos' must be 0, 1 or 2; got int 7; sorry"
    assert error.parameter == "type_spec.qos"


# ---- whatever the values


class Shade(enum.IntEnum):
    DARK = 1


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.complex_numbers()
    | st.sampled_from([object(), Shade.DARK, AT_LEAST_ONCE, int, 10**400])
)
junk = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.sets(st.integers() | st.text(), max_size=2)
        | st.dictionaries(st.text() | st.integers() | st.sampled_from(["ca_certs", "x"]), inner)
    ),
    max_leaves=6,
)
READS = {
    "topic": Params.topic,
    "topics": Params.topics,
    "brokers": lambda p: p.brokers(1883),
    "client_id": Params.client_id,
    "consistency": Params.consistency,
    "receive_timeout_ms": Params.receive_timeout_ms,
    "tls": Params.tls,
    "type_spec": Params.specific,
    **{name: entry[0] for name, entry in GETTERS.items()},
}


@pytest.mark.parametrize("name", READS)
@given(value=junk)
def test_any_value_is_read_or_refused(name, value):
    """Whatever comes, the one error is the library's; it names the parameter; nothing changes."""
    key = "v" if name in GETTERS else name
    given_params = {key: value, "topic": value}
    before = copy.copy(given_params)
    params = Params(given_params, NESTED)
    error = refusal(lambda: READS[name](params))
    if error is not None:
        root = str(error.parameter).partition(".")[0]
        assert root == key or (name == "topics" and root == "topic")
        assert repr(error.parameter) in str(error)
        assert len(str(error)) < 800
    assert all(given_params[name] is before[name] for name in before)
    assert given_params.keys() == before.keys()


@pytest.mark.parametrize("getter", [name for name in GETTERS if name != "choice"])
@given(
    name=st.sampled_from(["password", "token", "api_key", "keys", "ca_certs_data"]),
    wrap=st.sampled_from([list, tuple, dict, str, bytes]),
    nested=st.booleans(),
)
def test_no_getter_shows_a_secret(getter, name, wrap, nested):
    """A refused value under a secret name never appears, nor does the secret beside it."""
    marker = "Zq7Hunter22xW"
    value = {
        list: [1, marker],
        tuple: (marker, 2),
        dict: {1: marker},
        str: marker,
        bytes: marker.encode() + b"\xff",
    }[wrap]
    params = make(NESTED, type_spec={name: value}).specific() if nested else make(**{name: value})
    get = getattr(params, getter)
    for call in (lambda: get(name), lambda: get(name + "x"), params.topic):
        assert marker not in str(refusal(call))
    assert marker not in repr(params)


def test_reading_changes_nothing():
    """One dict can build many plugins."""
    given = {
        "topic": ["t"],
        "brokers": ["a:1"],
        "tls": {"ca_certs": "c"},
        "type_spec": {"will": {"qos": 1}, "list": ["a"]},
    }
    before = json.dumps(given)
    params = Params(given, NESTED)
    for read in (Params.topic, Params.topics, Params.tls, Params.consistency, repr):
        read(params)
    params.brokers(1)
    params.specific().mapping("will").integer("qos")
    params.specific().strings("list")
    assert json.dumps(given) == before
