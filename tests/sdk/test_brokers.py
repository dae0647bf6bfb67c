"""The parameter ``brokers`` becomes hosts and ports, or a refusal that says what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusing import make, refused

from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Broker


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", [("a", 1883)]),
        ("a:1", [("a", 1)]),
        ("a:1,b:65535", [("a", 1), ("b", 65535)]),
        (" a : 1 ,\tb ", [("a", 1), ("b", 1883)]),
        (["a:1", "b"], [("a", 1), ("b", 1883)]),
        (("a:1",), [("a", 1)]),
        ("[::1]", [("::1", 1883)]),
        ("[::1]:9, 10.0.0.1:8", [("::1", 9), ("10.0.0.1", 8)]),
        (" [fe80::1%eth0] : 7 ", [("fe80::1%eth0", 7)]),
        ("a:01883", [("a", 1883)]),
        ("ブローカ.jp:1", [("ブローカ.jp", 1)]),
    ],
)
def test_brokers(value, expected):
    """Hosts with and without a port, IPv6 in brackets, lists and commas, spaces about them."""
    assert make(brokers=value).brokers(1883) == tuple(Broker(*pair) for pair in expected)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("", "host is missing"),
        ("a,,b", "host is missing"),
        (":1", "host is missing"),
        ("a:", "1 to 65535"),
        ("a:0", "1 to 65535"),
        ("a:65536", "1 to 65535"),
        ("a:-1", "1 to 65535"),
        ("a:1.5", "1 to 65535"),
        ("a:x", "1 to 65535"),
        ("a:1_0", "1 to 65535"),
        ("a:\u0661", "1 to 65535"),
        ("a:" + "9" * 5000, "1 to 65535"),
        ("::1", "[::1]:port"),
        ("a:1:2", "more than one colon"),
        ("[::1", "not closed"),
        ("[::1]1", "may follow"),
        ("[a]:1", "not an IPv6 address"),
        ("[]", "not an IPv6 address"),
        ("mqtt://a:1", "scheme"),
        ("a b:1", "spaces"),
        ("u@a:1", "spaces"),
        ("a/b", "spaces"),
        ("a\x00b", "spaces"),
        (["a,b"], "spaces"),
        ([], "list of those"),
        ([1], "list of those"),
        (["a", None], "list of those"),
        (1883, "list of those"),
        ({"a": 1}, "list of those"),
        (b"a", "list of those"),
        (True, "list of those"),
    ],
)
def test_brokers_refuses(value, word):
    """What is wrong is said."""
    refused(lambda: make(brokers=value).brokers(1883), "brokers", "host:port", word)


def test_brokers_shows_no_password():
    """An address with a password is refused without repeating it."""
    for value in ("m://u:hunter22@h", "u:hunter22@h:1", ["u:hunter22@h"], [["u:hunter22@h"]]):
        assert "hunter22" not in refused(lambda: make(brokers=value).brokers(1), "brokers")  # noqa: B023


def test_brokers_missing():
    """The default stands in, or there is an error with a hint."""
    assert make().brokers(1883, "localhost") == (Broker("localhost", 1883),)
    assert make(brokers=None).brokers(1, "a:2,b") == (Broker("a", 2), Broker("b", 1))
    assert make(brokers="c").brokers(1, "a") == (Broker("c", 1),)
    refused(lambda: make(broker="a").brokers(1), "brokers", "missing", "did you mean 'broker'?")


ports = st.integers(1, 65535)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
hosts = st.lists(labels, min_size=1, max_size=3).map(".".join) | st.ip_addresses().map(str)
spaces = st.text(" \t", max_size=2)


@given(st.lists(st.builds(Broker, hosts, ports), min_size=1, max_size=4), spaces, st.booleans())
def test_brokers_written_out_are_read_back(brokers, space, as_list):
    """``str`` of a broker is an address that gives the same broker."""
    written = [f"{space}{broker}{space}" for broker in brokers]
    value = written if as_list else ",".join(written)
    assert make(brokers=value).brokers(1) == tuple(brokers)


@given(st.text(max_size=12) | st.text("ab:[]1,. %", max_size=12))
def test_any_text_gives_brokers_or_a_refusal(text):
    """Nothing but the library's error comes of a bad address, and every port is in range."""
    try:
        brokers = make(brokers=text).brokers(1883)
    except InvalidArgumentError:
        return
    assert all(broker.host and 1 <= broker.port <= 65535 for broker in brokers)
    assert make(brokers=[str(broker) for broker in brokers]).brokers(1) == brokers
