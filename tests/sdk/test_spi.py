"""The four base classes: constructor forms, structural checks, defaults, and light imports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import sinetstream_sdk
from sinetstream_sdk.configversion import ConfigVersion
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params
from sinetstream_sdk.roles import GROUPS, Role
from sinetstream_sdk.spi import (
    BASES,
    Plugin,
    PluginAsyncMessageReader,
    PluginAsyncMessageWriter,
    PluginMessageReader,
    PluginMessageWriter,
    missing_members,
)


class Writer(PluginMessageWriter):
    """The least that a plugin writes when it inherits."""

    def open(self):
        pass

    def close(self):
        pass

    def publish(self, message):
        pass


def without_base(base, *omitted):
    """A class that inherits nothing and has the members of ``base`` but for ``omitted``."""
    return type(
        "Plain", (), {name: lambda self: None for name in base.required if name not in omitted}
    )


def test_each_role_has_its_base():
    """``BASES`` is complete, and each class knows its role."""
    assert list(BASES) == list(Role)
    assert all(base.role is role for role, base in BASES.items())
    assert GROUPS == (
        "sinetstream.reader",
        "sinetstream.writer",
        "sinetstream.async_reader",
        "sinetstream.async_writer",
    )


# ---- constructor


@pytest.mark.parametrize(
    "make",
    [
        lambda confver, params: Writer(confver, params),
        lambda confver, params: Writer(confver, params=params),
        lambda confver, params: Writer(confver=confver, params=params),
        lambda confver, params: Writer(params=params, confver=confver),
    ],
)
def test_the_hosts_constructor_form(make):
    """``(confver, params)`` is taken by position and by keyword."""
    confver = ConfigVersion(2)
    writer = make(confver, {"topic": "t"})
    assert writer.confver is confver
    assert isinstance(writer.params, Params)
    assert writer.params == {"topic": "t"}


@pytest.mark.parametrize("make", [lambda p: Writer(p), lambda p: Writer(params=p)])
@pytest.mark.parametrize(
    ("params", "version"), [({"topic": "t"}, 2), ({"topic": "t", "type_spec": {}}, 3)]
)
def test_the_guides_constructor_form(make, params, version):
    """``(params)`` alone is taken too, and the version is inferred from ``type_spec``."""
    writer = make(params)
    assert writer.confver.ver() == version
    assert writer.params == params


def test_no_confver_at_all_counts_as_the_guides_form():
    """A host that passes None for ``confver`` gets an inferred one."""
    assert Writer(None, {"topic": "t"}).confver == ConfigVersion(2)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        ((ConfigVersion(), {}, {}), {}),
        ((), {"confver": ConfigVersion()}),
        (({},), {"topic": "t"}),
        ((ConfigVersion(),), {"confver": ConfigVersion()}),
    ],
)
def test_other_arguments_are_a_type_error(args, kwargs):
    """The message states both forms and names the class."""
    with pytest.raises(TypeError, match=r"Writer\(\) takes \(params\) or \(confver, params\)"):
        Writer(*args, **kwargs)


@pytest.mark.parametrize("params", [None, "topic", ["topic"], 3])
def test_params_must_be_a_mapping(params):
    """Anything but a mapping is refused with the library's error, by class and type."""
    with pytest.raises(InvalidArgumentError, match=rf"Writer.*{type(params).__name__}") as caught:
        Writer(ConfigVersion(), params)
    assert caught.value.parameter == "params"


def test_the_callers_dict_is_left_alone():
    """Constructing changes nothing in ``params``."""
    params = {"topic": "t", "type_spec": {"qos": 1}}
    Writer(ConfigVersion(), params).params.specific().integer("qos")
    assert params == {"topic": "t", "type_spec": {"qos": 1}}


def test_optional_members_have_harmless_defaults():
    """A plugin that has nothing to tell inherits ``metrics``, ``reset_metrics`` and ``info``."""
    writer = Writer({})
    assert writer.metrics() is None
    assert writer.reset_metrics() is None
    assert writer.info("a.b", {}) is None


@pytest.mark.parametrize("base", [Plugin, *BASES.values()])
def test_a_base_class_itself_cannot_be_instantiated(base):
    """What the author must write is abstract."""
    with pytest.raises(TypeError, match="abstract"):
        base({})


# ---- structural checks


@pytest.mark.parametrize("base", BASES.values(), ids=str)
def test_a_class_with_the_members_is_a_plugin_without_inheriting(base):
    """``issubclass`` and ``isinstance`` look at the members (guide §4.2.2)."""
    cls = without_base(base)
    assert missing_members(base, cls) == ()
    assert issubclass(cls, base)
    assert isinstance(cls(), base)


@pytest.mark.parametrize(
    ("base", "member"), [(base, member) for base in BASES.values() for member in base.required]
)
def test_one_missing_member_is_named(base, member):
    """A class that lacks one member of its role is none, and the member is told."""
    cls = without_base(base, member)
    assert missing_members(base, cls) == (member,)
    assert not issubclass(cls, base)


@pytest.mark.parametrize("base", BASES.values(), ids=str)
def test_members_may_come_from_anywhere_in_the_mro(base):
    """Inherited members count."""
    assert issubclass(type("Child", (without_base(base),), {}), base)


def test_a_member_set_to_none_is_missing():
    """``publish = None`` takes a member back, as it does for the abstract classes of Python."""
    cls = type("Mute", (Writer,), {"publish": None})
    assert missing_members(PluginMessageWriter, cls) == ("publish",)


def test_a_member_that_is_still_abstract_is_missing():
    """Inheriting from the base without writing the method is not enough."""
    cls = type("Half", (PluginMessageWriter,), {"open": lambda self: None})
    assert missing_members(PluginMessageWriter, cls) == ("close", "publish")


def test_the_check_runs_no_descriptor_and_no_metaclass():
    """Looking at a class must not run the plugin's code."""

    class Touchy:
        def __get__(self, instance, owner):
            raise AssertionError("the descriptor was run")

    cls = type("Careful", (), dict.fromkeys(PluginAsyncMessageReader.required, Touchy()))
    assert missing_members(PluginAsyncMessageReader, cls) == ()


def test_whatever_plays_a_role_is_a_plugin():
    """The common base takes in the structural plugins of the four roles, and nothing else."""
    assert issubclass(Writer, Plugin)
    assert issubclass(without_base(PluginMessageWriter), Plugin)
    assert not issubclass(without_base(PluginMessageWriter, "publish"), Plugin)


def test_a_writer_is_no_reader():
    """The roles that differ in their members are told apart."""
    assert not issubclass(Writer, PluginMessageReader)
    assert not issubclass(Writer, PluginAsyncMessageReader)
    assert issubclass(Writer, PluginAsyncMessageWriter)  # the same members; the promise differs


# ---- light imports

HEAVY = {"pytest", "_pytest", "yaml", "promise", "importlib.metadata", "ssl", "email", "asyncio"}


def modules_after(statement):
    """The modules that a bare interpreter, without site-packages, holds after ``statement``."""
    program = f"""
import sys
sys.path.insert(0, {str(Path(sinetstream_sdk.__file__).parent.parent)!r})
{statement}
import json
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", program],
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", ["spi", "params", "describe", "registry", "errors"])
def test_importing_is_light(module):
    """None of the modules that every plugin imports loads anything heavy, or third-party code."""
    loaded = modules_after(f"import sinetstream_sdk.{module}")
    assert f"sinetstream_sdk.{module}" in loaded
    assert loaded & HEAVY == set()
    roots = {name.partition(".")[0] for name in loaded}
    assert roots - set(sys.stdlib_module_names) - {"__main__"} == {"sinetstream_sdk"}


def test_the_light_import_test_sees_a_heavy_import():
    """The check above is not blind."""
    assert "importlib.metadata" in modules_after("import importlib.metadata") & HEAVY
