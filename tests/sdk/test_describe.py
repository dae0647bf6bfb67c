"""Values are described briefly, and secrets appear nowhere."""

import base64
import copy
import enum
import json
import urllib.parse
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetstream_sdk.describe import HIDDEN, Redactor, describe, is_secret, redact, suggest

SECRET_NAMES = [
    "password",
    "passwd",
    "Password",
    "sasl_plain_password",
    "secret",
    "clientSecret",
    "token",
    "access_token",
    "key",
    "keys",
    "api_key",
    "apiKey",
    "APIKey",
    "AWS_SECRET_ACCESS_KEY",
    "private_key",
    "credential",
    "credentials",
    "passphrase",
    "username_pw",
    "username_pw_set",
    "auth",
    "Authorization",
    "ca_certs_data",
    "keyfile_data",
    "keyfile_password",
    "pwd",
    "psk",
    "type_spec.username_pw",
    "type_spec.username_pw.password",
    "crypto.password.value",
    "keys[0]",
    "tls.keyfile_data",
]
HARMLESS_NAMES = [
    "topic",
    "topics",
    "brokers",
    "key_length",
    "key_derivation",
    "crypto.key_derivation.iteration",
    "key_serializer",
    "keyLength",
    "keyfile",
    "keepalive",
    "public_key",
    "routing_key",
    "token_url",
    "password_file",
    "token_type",
    "username",
    "type_spec.username_pw.username",
    "auth.user",
    "data",
    "data_encryption",
    "user_data_only",
    "monkey",
    "tokenizer",
    "metadata",
    "client_id",
    "",
]


class Colour(enum.Enum):
    RED = "a secret shade"


class Chatty:
    """An object whose repr must not be asked."""

    def __repr__(self):
        raise AssertionError("the repr of a stranger was asked for")

    __str__ = __repr__


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secret_name_hides_its_value(name):
    """The type is told and the value is not."""
    assert is_secret(name)
    assert describe(name, "hunter22") == f"str {HIDDEN}"


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_a_harmless_name_hides_nothing(name):
    """Names that only look like secrets are shown, or errors would be of no use."""
    assert not is_secret(name)
    assert describe(name, "hunter22") == "str 'hunter22'"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "bool True"),
        (70000, "int 70000"),
        (-1.5, "float -1.5"),
        (float("nan"), "float nan"),
        ("", "str ''"),
        ("a\nb", r"str 'a\nb'"),
        (b"\x00a", r"bytes b'\x00a'"),
        ([], "list []"),
        (["a", 1], "list ['a', 1]"),
        (("a",), "tuple ('a')"),
        ({1}, "set {1}"),
        ({"a": {"b": None}}, "dict {'a': {'b': None}}"),
        (Colour.RED, "Colour.RED"),
        (Fraction(1, 2), "Fraction"),
        (Chatty(), "Chatty"),
        ([Chatty()], "list [<Chatty>]"),
        (Chatty, "type"),
        (10**40, "int <very large>"),
        pytest.param(10**6000, "int <very large>", id="6000 digits"),
        ([[[["deep"]]]], "list [[[...]]]"),
    ],
)
def test_a_value_is_described_by_type_and_content(value, text):
    """Plain values are shown; objects that are not plain are named by type, and never asked."""
    assert describe("value", value) == text


@pytest.mark.parametrize(
    "value",
    [
        "x" * 5000,
        b"x" * 5000,
        list(range(5000)),
        {str(i): "x" * 99 for i in range(5000)},
        [["x" * 60] * 6] * 6,
        pytest.param(10**5000, id="5000 digits"),
    ],
)
def test_a_description_is_short(value):
    """However much there is, a message stays readable, and says that it was cut."""
    text = describe("value", value)
    assert len(text) < 300
    assert "..." in text or "very large" in text


def test_secrets_inside_nested_values_are_hidden():
    """The names inside a mapping count, and everything beneath a secret name is secret."""
    value = {"user": "ann", "password": "hunter22", "credentials": {"id": ["hunter22"]}}
    assert describe("login", value) == (
        f"dict {{'user': 'ann', 'password': {HIDDEN}, 'credentials': {HIDDEN}}}"
    )
    assert "hunter22" not in describe("login", [[value]])


def test_a_user_and_password_pair_shows_the_user():
    """``username_pw`` is a secret as one string, and is judged by its own names as a mapping."""
    pair = {"username": "ann", "password": "hunter22"}
    assert describe("username_pw", pair) == f"dict {{'username': 'ann', 'password': {HIDDEN}}}"
    assert describe("username_pw", "ann:hunter22") == f"str {HIDDEN}"
    assert describe("username_pw", ["ann", "hunter22"]) == f"list {HIDDEN}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("mqtt://ann:hunter22@host:1883", "'mqtt://ann:<hidden>@host:1883'"),
        ("ann:hunter22@host", "'ann:<hidden>@host'"),
        ("mqtt://ann:hun@ter:22@host", "'mqtt://ann:<hidden>@host'"),
        (["a:1", "u:hunter22@b:2"], "['a:1', 'u:<hidden>@b:2']"),
        (b"amqp://ann:hunter22@host", "'amqp://ann:<hidden>@host'"),
        ("mqtt://ann@host:1883", "'mqtt://ann@host:1883'"),
        ("host:1883", "'host:1883'"),
    ],
)
def test_a_password_inside_an_address_is_hidden(value, shown):
    """Under a harmless name too, and the rest of the address is still told."""
    assert describe("brokers", value) == f"{type(value).__name__} {shown}"


PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0123456789\n-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize("value", [PEM, PEM.encode(), [PEM], {"x": PEM}])
def test_a_private_key_is_hidden_under_any_name(value):
    """Somebody may paste the key where its file should be named."""
    assert "MIIE" not in describe("ca_certs", value)
    assert "MIIE" not in repr(redact({"ca_certs": value}))
    assert "MIIE" not in Redactor({"ca_certs": value}).scrub(f"failed: {PEM}")


def test_a_container_that_holds_itself_is_described():
    """Cycles come to an end."""
    ring: list[object] = [1]
    ring += [ring, {"again": ring}]
    assert describe("ring", ring).startswith("list [1, [1, ")
    assert redact({"ring": ring}) == {"ring": [1, "...", {"again": "..."}]}
    assert Redactor({"ring": ring, "token": "hunter22"}).scrub("hunter22") == HIDDEN


# ---- redact


def test_redact_is_a_deep_copy():
    """The original is unchanged, and changing the copy does not touch it."""
    params = {"a": {"b": [1, {"password": "hunter22"}]}, "t": ("x", None)}
    before = copy.deepcopy(params)
    safe = redact(params)
    assert safe == {"a": {"b": [1, {"password": HIDDEN}]}, "t": ("x", None)}
    safe["a"]["b"].append(2)
    assert params == before


def test_redact_keeps_what_is_harmless_and_names_the_rest():
    """Plain values stay as they are, however long; objects become their type."""
    params = {"n": 1, "f": 1.5, "b": True, "s": "x" * 999, "r": b"\x00", "o": Chatty()}
    assert redact(params) == params | {"o": "<Chatty>"}
    assert redact({"c": Colour.RED, "k": {("a", 1): 2}}) == {
        "c": "Colour.RED",
        "k": {"('a', 1)": 2},
    }


def test_redact_shows_that_a_secret_is_not_set():
    """None under a secret name gives nothing away, and is worth knowing."""
    assert redact({"password": None, "token": ""}) == {"password": None, "token": HIDDEN}


def test_redact_knows_the_path_above():
    """What stands under a secret name is secret, whatever its own names."""
    assert redact({"user": "ann"}, "type_spec.credentials") == {"user": HIDDEN}


# ---- Redactor

TRICKY = "p@zz 'w\"ör\\d\n+/%41"


@pytest.mark.parametrize(
    "write",
    [
        str,
        repr,
        json.dumps,
        lambda s: json.dumps(s, ensure_ascii=False),
        urllib.parse.quote,
        lambda s: urllib.parse.quote(s, safe=""),
        lambda s: repr(s.encode()),
        lambda s: base64.b64encode(s.encode()).decode(),
        lambda s: s.encode().hex(),
        lambda s: repr("both ' and \" around " + s),
    ],
)
def test_a_secret_is_found_however_it_is_written(write):
    """Logs and tracebacks quote, escape and encode."""
    for secret in (TRICKY, TRICKY.encode()):
        text = Redactor({"a": [{"password": secret}]}).scrub(f"got {write(TRICKY)}!")
        assert HIDDEN in text
        assert "zz" not in text.replace(HIDDEN, "")
        assert text.startswith("got ")
        assert text.endswith("!")


def test_quote_with_safe_characters_is_found():
    """A URL may leave some characters as they are."""
    redactor = Redactor({"password": "a/b@c-d"})
    assert redactor.scrub("x://u:a%2Fb%40c-d@h") == f"x://u:{HIDDEN}@h"


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"password": "hunter22\n"}, "login hunter22 refused"),
        ({"password": "don't-tell"}, repr("\"it's\" don't-tell")),
        ({"brokers": "m://u:p%40ss-word@h"}, "login p@ss-word refused"),
    ],
)
def test_a_secret_is_found_in_another_shape_than_it_was_given(params, text):
    """Without the line end of its file, escaped for its surroundings, or taken from a URL."""
    scrubbed = Redactor(params).scrub(text)
    assert HIDDEN in scrubbed
    assert not any(word in scrubbed for word in ("hunter", "tell", "word"))


@pytest.mark.parametrize("secret", [123456, 1234.5])
def test_a_number_can_be_a_password(secret):
    """YAML reads ``password: 123456`` as a number."""
    assert Redactor({"password": secret}).scrub(f"login {secret} refused") == (
        f"login {HIDDEN} refused"
    )


@pytest.mark.parametrize(
    "secret",
    ["", "abc", 0, 12, True, None, "    ", b"", pytest.param(10**5000, id="5000 digits")],
)
def test_what_is_too_short_or_no_text_is_left_alone(secret):
    """Replacing it would make the text unreadable and hide nothing."""
    text = "abc 0 12 True None     cab"
    assert Redactor({"password": secret}).scrub(text) == text


def test_harmless_values_are_left_alone():
    """Only what stands under a secret name is replaced."""
    redactor = Redactor({"topic": "sensors", "username_pw": {"username": "annie", "password": "x"}})
    assert redactor.scrub("annie reads sensors") == "annie reads sensors"
    assert Redactor().scrub("text") == "text"


def test_the_password_of_an_address_is_found():
    """It is a secret although ``brokers`` is none."""
    redactor = Redactor({"brokers": "m://u:hunter22@a:1, m://u:2bad4you@b:2"})
    assert redactor.scrub("hunter22 or 2bad4you at a:1") == f"{HIDDEN} or {HIDDEN} at a:1"


def test_the_longer_secret_wins():
    """Where one secret begins another, nothing of the longer one is left."""
    redactor = Redactor({"password": "hunter"}, {"token": "hunter-and-more"})
    assert redactor.scrub("hunter-and-more hunter") == f"{HIDDEN} {HIDDEN}"


def test_single_lines_of_a_long_secret_are_found():
    """A report may wrap or indent a key."""
    assert "MIIE" not in Redactor({"keyfile_data": PEM}).scrub("E   MIIEowIBAAKCAQEA0123456789")


def test_the_redactor_shows_no_secret_itself():
    """It may end up in a traceback."""
    assert "hunter22" not in repr(Redactor({"password": "hunter22"}))


# ---- suggest


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("topc", ["topic", "brokers"], "; did you mean 'topic'?"),
        ("at_most_once", ["AT_MOST_ONCE"], "; did you mean 'AT_MOST_ONCE'?"),
        ("x", ["topic"], ""),
        ("topic", [], ""),
        ("topic", ["topic"], ""),
        ("topc", [3, None, "topic"], "; did you mean 'topic'?"),
    ],
)
def test_suggest(name, known, hint):
    """A close name is offered, in its own spelling; a distant one is not."""
    assert suggest(name, known) == hint


# ---- whatever the values

MARKER = "Zq7Hunter22xW"
names = st.sampled_from(HARMLESS_NAMES[:6] + SECRET_NAMES[:12]) | st.text(max_size=5)
secret_names = st.sampled_from([name for name in SECRET_NAMES if "." not in name])
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.builds(object)
    | st.just(Colour.RED)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names, inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)
marked = st.sampled_from(
    [MARKER, MARKER.encode(), [MARKER], {"x": MARKER}, {"x": [1, (MARKER, {"y": MARKER})]}]
)


@given(values)
def test_any_value_can_be_described_and_copied(value):
    """Nothing makes a description fail, and it is always short."""
    assert len(describe("value", value)) < 300
    assert isinstance(redact({"value": value}), dict)
    assert Redactor({"password": value}).scrub("") == ""


@given(secret_names, marked, values, st.lists(names | st.none(), max_size=3))
def test_a_secret_is_never_shown(name, secret, other, wraps):
    """Wherever a secret name stands among other values, what is beneath it does not appear."""
    if name in ("auth", "username_pw", "username_pw_set"):
        secret = MARKER  # as a mapping these are judged by the names inside
    value: object = {"other": other, name: secret}
    for wrap in wraps:
        value = [value] if wrap is None else {wrap: value}
    params = {"outer": value}
    assert MARKER not in describe("outer", value)
    safe = redact(params)
    assert MARKER not in repr(safe)
    assert MARKER not in Redactor(params).scrub(repr(params))


@given(st.text(min_size=4).filter(lambda text: len(text.strip()) >= 4), st.text(), st.text())
def test_scrub_replaces_any_secret_anywhere(secret, before, after):
    """Whatever characters a secret is made of, and whatever stands around it."""
    scrubbed = Redactor({"password": secret}).scrub(before + secret + after)
    assert HIDDEN in scrubbed
    if not set(secret) & set(HIDDEN):
        assert secret not in scrubbed
