"""Plugins of every origin under this host: both constructor forms, the guide's, the published."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from published_host import ROOT
from sinetstream_sdk import compat
from sinetstream_sdk.consistency import AT_LEAST_ONCE
from sinetstream_sdk.errors import InvalidArgumentError, InvalidMessageError, SinetError
from sinetstream_sdk.host import MessageReader, MessageWriter
from sinetstream_sdk.host.codec import Decoder, Encoder
from sinetstream_sdk.host.lookup import small_registry
from sinetstream_sdk.host.plugins import build_plugin, takes_confver
from sinetstream_sdk.registry import default_registry
from sinetstream_sdk.roles import Role
from sinetstream_sdk.spi import PluginMessageWriter
from sinetstream_sdk.spi_values import PluginCompression, PluginValueType


class ParamsAlone:
    def __init__(self, params: Any) -> None:
        self.given = (params,)


class ParamsAndMore(ParamsAlone):
    def __init__(self, params: Any, more: Any = None) -> None:
        self.given = (params, more)


class Host:
    def __init__(self, confver: Any, params: Any) -> None:
        self.given = (confver, params)


class HostAndMore(Host):
    def __init__(self, confver: Any, params: Any, more: Any = None) -> None:
        self.given = (confver, params)


class Sdk(PluginMessageWriter):
    def open(self) -> None: ...

    def close(self) -> None: ...

    def publish(self, message: bytes) -> None: ...


class Anything:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.given = args


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (ParamsAlone, False),
        (ParamsAndMore, False),
        (Host, True),
        (HostAndMore, True),
        (Sdk, True),
        (Anything, True),
    ],
)
def test_both_forms_of_the_constructor(cls: type, expected: bool) -> None:
    """``(params)`` and ``(confver, params)`` are told apart by what the class takes."""
    assert takes_confver(cls) is expected
    params = {"type": "x", "consistency": AT_LEAST_ONCE}
    given = getattr(build_plugin(Role.WRITER, cls, "the confver", params), "given", None)  # type: ignore[arg-type]
    if given is not None:
        assert given[-1 if expected else 0] is params
        assert (given[0] == "the confver") is expected


def test_constructor_that_fails_names_the_plugin() -> None:
    """What it raises becomes InvalidArgumentError with that cause; one of ours is left alone."""

    class Broken:
        error: Exception = KeyError("brokers")

        def __init__(self, confver: Any, params: Any) -> None:
            raise self.error

    with pytest.raises(
        InvalidArgumentError, match=r"plugin 'x' .*Broken.*KeyError: 'brokers'"
    ) as e:
        build_plugin(Role.WRITER, Broken, None, {"type": "x"})  # type: ignore[arg-type]
    assert isinstance(e.value.__cause__, KeyError)
    Broken.error = own = SinetError("as it is")
    with pytest.raises(SinetError) as caught:
        build_plugin(Role.WRITER, Broken, None, {"type": "x"})  # type: ignore[arg-type]
    assert caught.value is own


GUIDE = """
from collections import defaultdict
from queue import Empty, Queue

from sinetstream import AT_LEAST_ONCE, InvalidArgumentError
from sinetstream.spi import PluginMessageReader, PluginMessageWriter

queues = defaultdict(Queue)


class GuideWriter(PluginMessageWriter):
    def __init__(self, params):
        if not isinstance(params.get("topic"), str):
            raise InvalidArgumentError("topic")
        self.params = params

    def open(self):
        assert self.params["consistency"] == AT_LEAST_ONCE

    def close(self):
        pass

    def publish(self, value):
        queues[self.params["topic"]].put(value)


class GuideReader(PluginMessageReader):
    def __init__(self, params):
        self.topic = params.get("topic")

    def open(self):
        pass

    def close(self):
        pass

    def __iter__(self):
        while True:
            try:
                value = queues[self.topic].get(timeout=0)
            except Empty:
                return
            yield value, self.topic, value
"""


@pytest.fixture
def guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The guide's plugin, loaded with the SDK standing in for the published package."""
    if compat.published_available():
        pytest.skip("the published package is installed, so nothing stands in for it")
    (tmp_path / "guide_plugin.py").write_text(GUIDE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "guide_plugin", raising=False)
    with compat.shim() as active:
        assert active
        import guide_plugin  # type: ignore[import-not-found]

        registry = default_registry()
        registry.register(Role.WRITER, "guide", guide_plugin.GuideWriter)
        registry.register(Role.READER, "guide", guide_plugin.GuideReader)
        yield guide_plugin
        for role in (Role.WRITER, Role.READER):
            registry.unregister(role, "guide")
    sys.modules.pop("guide_plugin", None)


def test_guides_plugin_runs_without_the_published_package(guide: Any) -> None:
    """Its imports lead to the SDK: the classes, the errors and the guarantees are ours."""
    common: dict[str, Any] = {"type": "guide", "no_config": True}
    with (
        MessageWriter(topic="t", consistency="AT_LEAST_ONCE", **common) as writer,
        MessageReader(topics=["t"], **common) as reader,
    ):
        writer.publish(b"x")
        assert [message.value for message in reader] == [b"x"]
    with pytest.raises(InvalidArgumentError, match=r"^topic$"):
        MessageWriter(**common)


def test_stand_in_offers_the_published_names(guide: Any) -> None:
    """What it does not have is an AttributeError that says who stands in."""
    import sinetstream  # type: ignore[import-not-found]
    import sinetstream.spi  # type: ignore[import-not-found]

    assert sinetstream.MessageReader is MessageReader
    assert sinetstream.InvalidArgumentError is InvalidArgumentError
    assert sinetstream.SINETStreamMessageEncoder(value_type="text").encode("a")
    for module in compat._MODULES:
        __import__(module)
        for name in sys.modules[module].__all__:
            assert hasattr(sys.modules[module], name)
    with pytest.raises(AttributeError, match="stands in"):
        sinetstream.no_such_name  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        __import__("sinetstream.config_client")


def test_folder_of_that_name_is_not_the_published_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin's working folder may well have one."""
    if compat.published_available():
        pytest.skip("the published package is installed, so nothing stands in for it")
    (tmp_path / "sinetstream").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with compat.shim() as active:
        import sinetstream

        assert active
        assert sinetstream.MessageReader is MessageReader


def test_stand_in_goes_again() -> None:
    """Outside of the context ``import sinetstream`` fails as before."""
    if compat.published_available():
        pytest.skip("the published package is installed, so nothing stands in for it")
    with compat.shim():
        import sinetstream
    assert not compat.active()
    with pytest.raises(ModuleNotFoundError):
        import sinetstream  # noqa: F401


PUBLISHED = """
import sys
from sinetstream_sdk import compat, errors
assert compat.install() is False and not compat.active()
import sinetstream, sinetstream.spi
from sinetstream_sdk.host import MessageWriter
from sinetstream_sdk.registry import default_registry
from sinetstream_sdk.roles import Role
from sinetstream_sdk.consistency import AT_LEAST_ONCE
assert hasattr(sinetstream.MessageReader, "usage")

class Official(sinetstream.spi.PluginMessageWriter):
    def __init__(self, confver, params):
        assert confver.type_spec()
        if params["topic"] == "bad":
            raise sinetstream.InvalidArgumentError("bad topic")
        assert params["consistency"] is sinetstream.AT_LEAST_ONCE, params["consistency"]
    def open(self):
        raise sinetstream.ConnectionError("no broker")
    def close(self): pass
    def publish(self, message): pass

default_registry().register(Role.WRITER, "official", Official)

def make(topic):
    return MessageWriter(topic=topic, type="official", no_config=True, consistency="AT_LEAST_ONCE")

writer = make("good")
assert writer.consistency is AT_LEAST_ONCE
assert MessageWriter(topic="t", type="official", no_config=True,
                     consistency=sinetstream.AT_LEAST_ONCE).consistency is AT_LEAST_ONCE
for action, ours, theirs in (
    (writer.open, errors.ConnectionError, sinetstream.ConnectionError),
    (lambda: make("bad"), errors.InvalidArgumentError, sinetstream.InvalidArgumentError),
):
    try:
        action()
    except ours as error:
        assert isinstance(error, theirs)
        assert type(error.__cause__) is theirs
    else:
        raise AssertionError(action)
print("done")
"""


def test_published_package_is_used_where_it_is_installed(published_python: str) -> None:
    """Its plugins get its own members; the errors they raise become ours and stay theirs too."""
    done = subprocess.run(
        [published_python, "-c", PUBLISHED],
        env={"PYTHONPATH": str(ROOT / "sdk")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "done", done.stderr


class Reversed:
    """A compression for tests, which also repeats: its output is longer than its input."""

    def __init__(self, level: Any = None, params: Any = None) -> None:
        self.times = (params or {}).get("times", 1)

    @property
    def compressor(self) -> Any:
        return lambda data: data[::-1]

    @property
    def decompressor(self) -> Any:
        return lambda data: data[::-1] * self.times


class Bounded(Reversed):
    @property
    def bounded_decompressor(self) -> Any:
        return lambda data, limit: data[::-1] + b"%d" % limit


class Number:
    def __init__(self, base: int = 10) -> None:
        self.base = base

    @property
    def serializer(self) -> Any:
        return lambda value: str(value).encode()

    @property
    def deserializer(self) -> Any:
        return lambda data: int(data, self.base)


@pytest.fixture
def small_plugins() -> Iterator[None]:
    registry = small_registry()
    compressions = {"reversed": Reversed, "bounded": Bounded}
    for name, cls in compressions.items():
        registry.register("sinetstream.compression", name, cls)
    registry.register("sinetstream.value_type", "number", Number)
    registry.register("sinetstream.value_type", "shapeless", int)
    yield
    for name in compressions:
        registry.unregister("sinetstream.compression", name)
    for name in ("number", "shapeless"):
        registry.unregister("sinetstream.value_type", name)


@pytest.mark.usefixtures("small_plugins")
def test_value_types_of_plugins() -> None:
    """By name, with arguments; the base class knows them by their shape."""
    assert issubclass(Number, PluginValueType)
    assert not issubclass(int, PluginValueType)
    message = Encoder({"value_type": "number"}).encode(16, 1)
    assert Decoder({"value_type": "number"}).decode(message)[0] == 16
    hexadecimal = {"value_type": {"name": "number", "args": {"base": 16}}}
    assert Decoder(hexadecimal).decode(message)[0] == 22
    for wrong in (
        {"name": "number", "args": {"basis": 16}},
        {"name": "number", "args": 3},
        "shapeless",
        "numbr",
        {"args": {}},
    ):
        with pytest.raises(InvalidArgumentError, match="value_type"):
            Decoder({"value_type": wrong})


@pytest.mark.usefixtures("small_plugins")
def test_compressions_of_plugins() -> None:
    """By name, with parameters of their own; what they yield is bounded too."""
    assert issubclass(Reversed, PluginCompression)

    def params(name: str, **options: Any) -> dict[str, Any]:
        return {
            "data_compression": True,
            "compression": {"algorithm": name, name: options},
            "limits": {"uncompressed_bytes": 10},
        }

    message = Encoder(params("reversed")).encode(b"abcd", 1)
    assert message.endswith(b"dcba")
    assert Decoder(params("reversed")).decode(message)[0] == b"abcd"
    with pytest.raises(InvalidMessageError, match="larger than 10 bytes"):
        Decoder(params("reversed", times=3)).decode(message)
    with pytest.raises(InvalidMessageError, match="no reversed data"):
        Decoder(params("reversed", times="x")).decode(message)
    assert Decoder(params("bounded")).decode(message)[0] == b"abcd10"
