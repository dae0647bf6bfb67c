"""The errors are the published package's errors wherever that is loaded, and never load it."""

import builtins
import copy
import pickle
import subprocess
import sys
import threading
import types

import pytest

from sinetstream_sdk import errors

PUBLISHED = (
    "InvalidConfigError",
    "NoServiceError",
    "UnsupportedServiceTypeError",
    "NoConfigError",
    "InvalidArgumentError",
    "ConnectionError",
    "AlreadyConnectedError",
    "InvalidMessageError",
    "AuthorizationError",
)
OURS_ALONE = ("PluginConflictError", "PluginLoadError", "PluginShapeError")


class BrokerGoneError(errors.ConnectionError):
    """A plugin author's own error, importable by name as pickling needs it."""

    def __init__(self, *args: object, broker: str = "") -> None:
        super().__init__(*args)
        self.broker = broker


class BrokerLateError(errors.ConnectionError, builtins.TimeoutError):
    """One that is a built-in OSError as well."""


def fake_published() -> types.ModuleType:
    """A stand-in for ``sinetstream.error``, with the names of the published one."""
    module = types.ModuleType("sinetstream.error")
    base = type("SinetError", (Exception,), {"__module__": "sinetstream.error"})
    module.SinetError = base
    for name in PUBLISHED:
        setattr(module, name, type(name, (base,), {"__module__": "sinetstream.error"}))
    return module


@pytest.fixture
def published(monkeypatch):
    module = fake_published()
    monkeypatch.setitem(sys.modules, "sinetstream.error", module)
    return module


@pytest.fixture
def unpublished(monkeypatch):
    monkeypatch.delitem(sys.modules, "sinetstream.error", raising=False)


def test_every_error_is_listed_and_derives_from_the_one_base():
    """``__all__`` names each error class, and one except clause catches them all."""
    classes = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert classes == set(errors.__all__)
    assert classes == {"SinetError", *PUBLISHED, *OURS_ALONE}
    assert all(issubclass(getattr(errors, name), errors.SinetError) for name in classes)


@pytest.mark.usefixtures("unpublished")
@pytest.mark.parametrize("name", errors.__all__)
def test_without_the_published_package_an_error_is_just_itself(name):
    """Nothing is derived while ``sinetstream.error`` is not loaded."""
    cls = getattr(errors, name)
    assert type(cls("no")) is cls


@pytest.mark.parametrize("name", ["SinetError", *PUBLISHED])
def test_both_except_clauses_catch(published, name):
    """An error is caught under our name, under the published name and under both bases."""
    cls = getattr(errors, name)
    for caught in (cls, getattr(published, name), errors.SinetError, published.SinetError):
        with pytest.raises(caught, match=r"^gone$"):
            raise cls("gone")


def test_raising_the_class_itself_is_caught_too(published):
    """``raise ConnectionError`` without a call behaves like ``raise ConnectionError()``."""
    with pytest.raises(published.ConnectionError):
        raise errors.ConnectionError


@pytest.mark.parametrize("name", OURS_ALONE)
def test_an_error_of_ours_alone_is_the_nearest_published_one(published, name):
    """The plugin errors are ``UnsupportedServiceTypeError`` to the published host's users."""
    error = getattr(errors, name)("no")
    assert isinstance(error, published.UnsupportedServiceTypeError)
    assert not isinstance(error, published.InvalidArgumentError)


def test_an_error_is_no_other_published_error(published):
    """Joining adds the one counterpart and its bases, and nothing else."""
    error = errors.ConnectionError("gone")
    theirs = [name for name in PUBLISHED if isinstance(error, getattr(published, name))]
    assert theirs == ["ConnectionError"]


def test_an_authors_own_subclass_is_joined(published):
    """A class derived from ours keeps its constructor and is caught by the published clause."""
    with pytest.raises(published.ConnectionError) as caught:
        raise BrokerGoneError("gone", broker="b:1")
    assert isinstance(caught.value, BrokerGoneError)
    assert (caught.value.broker, caught.value.args) == ("b:1", ("gone",))


@pytest.mark.parametrize("loaded", [False, True])
def test_an_authors_subclass_may_be_a_built_in_oserror(request, loaded):
    """``class E(ConnectionError, TimeoutError)`` can be raised, with and without the package."""
    if loaded:
        theirs = request.getfixturevalue("published").ConnectionError
    else:
        request.getfixturevalue("unpublished")
        theirs = errors.SinetError
    with pytest.raises(builtins.TimeoutError, match="late") as caught:
        raise BrokerLateError("late")
    assert isinstance(caught.value, theirs)


def test_a_class_that_already_derives_from_both_is_left_alone(published):
    """An author who joined the classes by hand gets exactly the class that was written."""
    cls = type("Both", (errors.ConnectionError, published.ConnectionError), {})
    assert type(cls("x")) is cls


def test_name_module_and_text_are_those_of_the_original(published):
    """A traceback shows the class that was raised, not one made at run time."""
    error = errors.InvalidArgumentError("bad topic", parameter="topic")
    assert type(error) is not errors.InvalidArgumentError
    assert type(error).__name__ == "InvalidArgumentError"
    assert type(error).__qualname__ == "InvalidArgumentError"
    assert type(error).__module__ == "sinetstream_sdk.errors"
    assert str(error) == "bad topic"
    assert repr(error) == "InvalidArgumentError('bad topic')"
    assert error.parameter == "topic"

    class Inner(errors.ConnectionError):
        """An error that is no global name of its module."""

    assert type(Inner()) is not Inner
    assert type(Inner()).__qualname__ == Inner.__qualname__ != "Inner"
    assert type(Inner()).__doc__ == Inner.__doc__


def test_one_class_is_joined_once(published):
    """Errors of one kind share one class, also when threads race for the first of them."""
    barrier = threading.Barrier(8)
    made = []

    def make():
        barrier.wait(10)
        made.append(type(BrokerGoneError("x")))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(made) == 8
    assert len(set(made)) == 1
    assert type(made[0]("again")) is made[0]


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
@pytest.mark.parametrize("loaded", [False, True])
def test_an_error_survives_copying_and_pickling(request, how, loaded):
    """Text, attributes and notes come through, and a copy is joined like the original."""
    request.getfixturevalue("published" if loaded else "unpublished")
    error = BrokerGoneError("gone", broker="b:1")
    error.add_note("after 3 tries")
    twin = how(error)
    assert type(twin) is type(error)
    assert (twin.args, twin.broker, twin.__notes__) == (("gone",), "b:1", ["after 3 tries"])


def test_a_pickle_can_be_read_where_the_package_is_not_loaded(published, monkeypatch):
    """A worker process without the published package unpickles the plain class."""
    data = pickle.dumps(errors.InvalidArgumentError("bad", parameter="topic"))
    monkeypatch.delitem(sys.modules, "sinetstream.error")
    error = pickle.loads(data)
    assert type(error) is errors.InvalidArgumentError
    assert error.parameter == "topic"


@pytest.mark.parametrize("odd", ["not a class", int, None])
def test_a_half_loaded_package_does_no_harm(monkeypatch, odd):
    """A ``sinetstream.error`` that lacks the names, or holds other things, is passed over."""
    module = types.ModuleType("sinetstream.error")
    module.ConnectionError = odd
    monkeypatch.setitem(sys.modules, "sinetstream.error", module)
    assert type(errors.ConnectionError("x")) is errors.ConnectionError


def test_the_published_package_is_never_imported(tmp_path):
    """Importing the library and raising its errors leaves an installed ``sinetstream`` alone."""
    package = tmp_path / "sinetstream"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    program = """
import sys
import sinetstream_sdk
from sinetstream_sdk import configversion, consistency, errors, params, registry, roles, spi
registry.default_registry().records()
assert str(errors.ConnectionError("x")) == "x"
assert spi.PluginMessageReader
sys.exit(any(name.split(".")[0] == "sinetstream" for name in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, timeout=60, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
