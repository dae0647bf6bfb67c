"""The configuration file: where it is found, its three versions, merging, and what is wrong."""

import gc
import stat
from pathlib import Path
from typing import Any

import pytest

from memory_broker import Broker
from sinetstream_sdk.errors import (
    InvalidArgumentError,
    InvalidConfigError,
    NoConfigError,
    NoServiceError,
)
from sinetstream_sdk.host import AsyncMessageReader, MessageReader, MessageWriter
from sinetstream_sdk.host.config import load_service
from sinetstream_sdk.host.tree import merge_into, plain_copy

V1 = "svc:\n  type: memory\n  topic: t\n  qos: 1\n"
V3 = (
    "header:\n  version: 3\n"
    "config:\n  svc:\n    type: memory\n    topic: t\n    type_spec: {qos: 1}\n"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder and, in it, an empty home folder, which is returned."""
    home = tmp_path / "home"
    (home / ".config" / "sinetstream").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return home


def written(text: str | bytes, name: str = ".sinetstream_config.yml") -> str:
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    return name


@pytest.mark.parametrize(
    ("text", "version", "nested"),
    [
        (V1, 1, False),
        (V1.replace("svc:", "header: {version: 2}\nconfig: {svc: {type: memory}}\nx:"), 2, False),
        (V3, 3, True),
        (V3.replace("  version: 3", "  comment: none"), 3, True),
    ],
)
def test_versions_of_the_format(
    broker: Broker, home: Path, text: str, version: int, nested: bool
) -> None:
    """The plugin is told the version, which says where its own parameters stand."""
    written(text)
    reader = MessageReader("svc", "t")
    assert reader.service == "svc"
    confver = broker.built[-1].confver
    assert (confver.ver(), confver.type_spec()) == (version, nested)


def test_working_folder_comes_before_home(broker: Broker, home: Path) -> None:
    """The user's file is taken where the folder has none; a named one comes before both."""
    user = home / ".config" / "sinetstream" / "config.yml"
    user.write_text(V1.replace("topic: t", "topic: from-home"))
    assert MessageWriter().topic == "from-home"
    written(V1.replace("topic: t", "topic: from-folder"))
    assert MessageWriter().topic == "from-folder"
    named = written(V1.replace("topic: t", "topic: named"), "other.yml")
    assert MessageWriter(config_file=named).topic == "named"
    assert MessageWriter(config_file=f"~/../{named}").topic == "named"


def test_keywords_over_file_over_defaults(broker: Broker, home: Path) -> None:
    """Mappings are merged member by member, anything else is replaced."""
    written(
        "svc:\n  type: memory\n  topic: t\n  consistency: EXACTLY_ONCE\n  value_type: text\n"
        "  crypto: {mode: GCM, key_derivation: {iteration: 5}}\n  list: [1, 2]\n"
    )
    MessageWriter(
        "svc", crypto={"mode": "EAX", "password": "x"}, list=[3], value_type={"name": "text"}
    )
    params = broker.built[-1].params
    assert params["crypto"] == {
        "mode": "EAX",
        "password": {"value": "x"},
        "key_length": 128,
        "padding": None,
        "key_derivation": {
            "algorithm": "pbkdf2",
            "salt_bytes": 8,
            "iteration": 5,
            "prf": "HMAC-SHA256",
        },
    }
    assert params["list"] == [3]
    assert params["value_type"] == {"name": "text"}
    assert params["consistency"].name == "EXACTLY_ONCE"
    MessageWriter("svc")
    assert broker.built[-1].params["list"] == [1, 2]


def test_merging_copies_and_shares_nothing() -> None:
    """Neither side of a merge is changed through the other."""
    low: dict[str, Any] = {"a": {"b": [1]}, "c": {"d": 1}}
    high: dict[str, Any] = {"a": {"e": [2]}, "c": 3}
    merged = plain_copy(low)
    merge_into(merged, plain_copy(high))
    assert merged == {"a": {"b": [1], "e": [2]}, "c": 3}
    merged["a"]["b"].append(9)
    merged["a"]["e"].append(9)
    assert low == {"a": {"b": [1]}, "c": {"d": 1}}
    assert high == {"a": {"e": [2]}, "c": 3}


def test_binary_values(broker: Broker, home: Path) -> None:
    """``!!binary`` is bytes, as keys are given."""
    written("svc: {type: memory, topic: t, crypto: {key: !!binary aGVsbG8=}}\n")
    MessageWriter("svc")
    assert broker.built[-1].params["crypto"]["key"] == b"hello"


@pytest.mark.parametrize("cls", [MessageReader, AsyncMessageReader])
def test_topics_from_the_file(broker: Broker, home: Path, cls: Any) -> None:
    """``topic`` and ``topics`` will both do; the constructor's come first."""
    for text, expected in (("topic: a", "a"), ("topics: [a, b]", ["a", "b"]), ("topics: a", "a")):
        written(f"svc: {{type: memory, {text}}}\n")
        assert cls("svc").topics == expected
        assert cls("svc", "other").topics == "other"
        assert broker.built[-1].params["topic"] == "other"
        assert cls("svc", ["x", "y"]).topics == ["x", "y"]
        assert "topic" not in broker.built[-1].params


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", NoConfigError, "empty"),
        ("# nothing\n", NoConfigError, "empty"),
        ("a: {type: x}\nb: {type: x}\n", NoConfigError, "a, b"),
        ("svd: {type: x}\n", NoServiceError, "did you mean 'svd'"),
        ("svc:\n", NoServiceError, "no parameters"),
        ("{}", InvalidConfigError, "no service is defined"),
        ("- svc\n", InvalidConfigError, "this is a list"),
        ("plain", InvalidConfigError, "this is a str"),
        ("svc: [1]\n", InvalidConfigError, "it is a list"),
        ("svc: {1: 2}\n", InvalidConfigError, "int; put it into quotes"),
        ("header: {version: 4}\nconfig: {svc: {}}\n", InvalidConfigError, "version must be 2 or 3"),
        ("header: {version: 1}\nconfig: {svc: {}}\n", InvalidConfigError, "version must be 2 or 3"),
        ("header: {version: yes}\nconfig: {}\n", InvalidConfigError, "bool True"),
        ("header: 3\nconfig: {}\n", InvalidConfigError, "'header' must be a mapping"),
        ("header: {version: 3}\n", InvalidConfigError, "no 'config'"),
        ("header: {version: 3}\nconfig: [1]\n", InvalidConfigError, "'config' must be a mapping"),
        ("header: {version: 3}\nconfig: {}\n", InvalidConfigError, "no service is defined"),
        ("svc:\n  a: b: c\n", InvalidConfigError, "line 2, column 7"),
        ("svc:\n  a: [1,\n", InvalidConfigError, "line 3, column 1"),
        ("svc:\n\ta: 1\n", InvalidConfigError, "line 2, column 1"),
        ("svc:\n  a: !!python/object:os.system x\n", InvalidConfigError, "line 2, column 6"),
        ("svc:\n  a: 2001-99-99\n", InvalidConfigError, "looks like timestamp"),
        ("svc:\n  a: !!binary x\n", InvalidConfigError, "line 2, column 6"),
        (
            "svc:\n  crypto:\n    key: !sinetstream/encrypted QQ==\n",
            InvalidConfigError,
            "crypto.key",
        ),
        (b"svc:\n  a: \xff\n", InvalidConfigError, "not in UTF-8"),
        (b"svc:\n  a: \0\n", InvalidConfigError, "character"),
    ],
)
def test_what_is_wrong_with_a_file(
    home: Path, text: str | bytes, error: type[Exception], says: str
) -> None:
    """The published error class, with the file, the place and the trouble."""
    name = written(text)
    service = None if "b: {type" in str(text) else "svc"
    with pytest.raises(error) as caught:
        load_service(service)
    assert type(caught.value) is error
    assert says in str(caught.value)
    assert name in str(caught.value)


def test_missing_files_are_named(home: Path) -> None:
    """With what can be done about it."""
    with pytest.raises(NoConfigError, match=r"\.sinetstream_config\.yml nor ~/\.config"):
        MessageReader("svc")
    with pytest.raises(NoConfigError, match=r"no configuration file gone\.yml"):
        MessageReader("svc", config_file="gone.yml")
    Path("folder").mkdir()
    with pytest.raises(NoConfigError, match="cannot be read: Is a directory"):
        MessageReader("svc", config_file="folder")


def test_bad_yaml_quotes_no_secret(home: Path) -> None:
    """YAML's own message would quote the line, and the alias ``*hunter2``."""
    for value in ("*hunter2", "!hunter2 x", "'hunter2", "hunter2: x: y", "!!int hunter2"):
        written(f"svc:\n  password: {value}\n")
        with pytest.raises(InvalidConfigError, match="line ") as caught:
            load_service("svc")
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert "hunter2" not in repr(caught.value.__context__)


def test_inline_data_becomes_private_files(broker: Broker, home: Path) -> None:
    """Files of mode 0600 in a folder of mode 0700, gone after close(), made anew by open()."""
    written(
        "svc:\n  type: memory\n  topic: t\n  tls:\n    ca_certs_data: PEM\n"
        "    keyfile_data: !!binary /w==\n  many:\n    - {a_data: x}\n"
    )
    writer = MessageWriter("svc")
    with writer:
        params = broker.built[-1].params
        assert set(params["tls"]) == {"ca_certs", "keyfile"}
        first = Path(params["tls"]["ca_certs"])
        assert first.read_text() == "PEM"
        assert Path(params["tls"]["keyfile"]).read_bytes() == b"\xff"
        assert Path(params["many"][0]["a"]).read_text() == "x"
        assert stat.S_IMODE(first.stat().st_mode) == 0o600
        assert stat.S_IMODE(first.parent.stat().st_mode) == 0o700
    assert not first.parent.exists()
    with writer:
        second = Path(broker.built[-1].params["tls"]["ca_certs"])
        assert second.read_text() == "PEM"
    assert not second.parent.exists()


def test_inline_files_go_with_whatever_ends_the_connection(broker: Broker, home: Path) -> None:
    """close() without open(), a failed open(), a forgotten object and a wrong value leave none."""
    written("svc:\n  type: memory\n  topic: t\n  ca_data: PEM\n")

    def made() -> tuple[MessageWriter, Path]:
        writer = MessageWriter("svc")
        folder = Path(broker.built[-1].params["ca"]).parent
        assert folder.exists()
        return writer, folder

    writer, folder = made()
    writer.close()
    assert not folder.exists()

    writer, folder = made()
    broker.refuse = OSError("down")
    with pytest.raises(Exception, match="down"):
        writer.open()
    assert not folder.exists()

    writer, folder = made()
    del writer
    gc.collect()
    assert not folder.exists()

    with pytest.raises(InvalidArgumentError, match="b_data"):
        MessageWriter("svc", b_data=3)
