"""Plugins are found by role and name, chosen, and registered at run time."""

import os
import sys

import pytest
from installing import WRITER, points

from sinetstream_sdk.errors import (
    InvalidArgumentError,
    PluginConflictError,
    PluginShapeError,
    UnsupportedServiceTypeError,
)
from sinetstream_sdk.registry import PluginRecord, Registry, Status, default_registry
from sinetstream_sdk.roles import GROUPS, Role
from sinetstream_sdk.spi import PluginMessageReader, PluginMessageWriter


class RunTimeWriter(PluginMessageWriter):
    """A class registered at run time."""

    def open(self): ...
    def close(self): ...
    def publish(self, message): ...


# ---- finding


def test_installed_plugins_are_found_and_not_loaded(site):
    """Records tell group, name, distribution, version and value; no module is imported."""
    site.install(
        "sinetstream-demo",
        points("demo", "demo_plugin:Writer", "writer"),
        "2.5",
        demo_plugin=WRITER,
    )
    registry = Registry()
    (record,) = registry.records(name="demo")
    assert record == PluginRecord(
        "sinetstream.writer", "demo", "sinetstream-demo", "2.5", "demo_plugin:Writer"
    )
    assert (record.role, record.status, record.error) == (Role.WRITER, Status.FOUND, None)
    assert record.origin == "sinetstream-demo 2.5"
    assert "demo" in registry.names(Role.WRITER)
    assert registry.problems == ()
    assert "demo_plugin" not in sys.modules


def test_nothing_is_scanned_before_the_first_question(site):
    """What is installed between making a registry and using it is found."""
    registry = Registry()
    site.install("late", points("late", "late_plugin:Writer"), late_plugin=WRITER)
    assert [record.name for record in registry.records(Role.WRITER, "late")] == ["late"]


def test_records_can_be_chosen_by_role_and_name(site):
    """They come in the order of the groups and then of the names."""
    site.install("b", points("bb", "m:W", "async_writer", "writer", "reader"))
    site.install("a", points("aa", "m:W", "writer") + "[console_scripts]\naa = m:main\n")
    registry = Registry()

    def told(*args, **kwargs):
        found = registry.records(*args, **kwargs)
        return [(str(r.role), r.name) for r in found if r.name in ("aa", "bb")]

    assert told() == [("reader", "bb"), ("writer", "aa"), ("writer", "bb"), ("async_writer", "bb")]
    assert told(Role.WRITER) == [("writer", "aa"), ("writer", "bb")]
    assert told(name="bb") == [("reader", "bb"), ("writer", "bb"), ("async_writer", "bb")]
    assert told("sinetstream.writer", "bb") == told("writer", "bb") == [("writer", "bb")]
    assert told(Role.ASYNC_READER) == []


def test_other_groups_can_be_asked_for(site):
    """A registry of another group knows no role, and asks for a class only."""
    text = "[sinetstream.value_type]\nimage = demo_value:Image\nword = demo_value:word\n"
    site.install("values", text, demo_value="class Image: ...\nword = 'x'\n")
    registry = Registry(["sinetstream.value_type"])
    assert registry.get("sinetstream.value_type", "image").__name__ == "Image"
    assert registry.records(name="image")[0].role is None
    with pytest.raises(PluginShapeError, match=r"not a class: .*gives a str"):
        registry.get("sinetstream.value_type", "word")
    with pytest.raises(
        UnsupportedServiceTypeError, match=r"no plugin in sinetstream\.value_type 'x'"
    ):
        registry.get("sinetstream.value_type", "x")


@pytest.mark.parametrize("role", [Role.READER, "sinetstream.raeder", None, 3, ["x"]])
def test_a_group_the_registry_does_not_have(role):
    """Asking for it is an argument error that lists the groups."""
    registry = Registry(["sinetstream.value_type", "sinetstream.writer"])
    with pytest.raises(InvalidArgumentError, match=r"it has sinetstream\.value_type, sin"):
        registry.get(role, "x")
    with pytest.raises(InvalidArgumentError, match=r"did you mean 'sinetstream\.writer'"):
        registry.get("sinetstream.wirter", "x")


def test_the_default_registry_is_shared():
    """Everybody gets the same one, with the groups of the four roles."""
    assert default_registry() is default_registry()
    assert default_registry().groups == GROUPS


# ---- names that are not there, and names that are there twice


def test_an_unknown_name(site):
    """The error tells what is installed, offers the close name, and how to get the plugin."""
    site.install("demo", points("kafka", "m:W") + "mqtt = m:W\n")
    with pytest.raises(UnsupportedServiceTypeError) as caught:
        Registry().get(Role.WRITER, "mqt")
    assert type(caught.value).__name__ == "UnsupportedServiceTypeError"
    message = str(caught.value)
    assert message.startswith("there is no writer 'mqt'; installed: ")
    assert "kafka" in message
    assert "did you mean 'mqtt'? to install it, try: pip install sinetstream-mqt" in message


@pytest.mark.parametrize("name", ["a b", "x; rm -rf", "", "-e", "私"])
def test_no_command_is_made_of_a_strange_name(name):
    """Only what may be the name of a distribution is offered for copying to a shell."""
    with pytest.raises(UnsupportedServiceTypeError) as caught:
        Registry().get(Role.WRITER, name)
    assert "pip install" not in str(caught.value)


@pytest.mark.parametrize("name", [None, 3, b"mqtt", ["mqtt"]])
def test_a_name_must_be_a_str(name):
    """Anything else is an argument error about ``type``."""
    with pytest.raises(InvalidArgumentError, match="must be a str; got") as caught:
        Registry().get(Role.WRITER, name)
    assert caught.value.parameter == "type"


def test_a_plugin_without_that_role(site):
    """The error says which roles it has, and offers no other plugin."""
    site.install("demo", points("demo", "m:W", "reader", "writer"))
    with pytest.raises(
        UnsupportedServiceTypeError,
        match=r"^'demo' has no async_reader; it offers reader, writer$",
    ):
        Registry().get(Role.ASYNC_READER, "demo")


def test_two_distributions_with_one_name(site):
    """Neither wins in silence: both are named, and either can be picked."""
    site.install("Demo_One", points("demo", "one_plugin:Writer"), "1.1", one_plugin=WRITER)
    site.install("demo-two", points("demo", "two_plugin:Writer"), "2.2", two_plugin=WRITER)
    registry = Registry()
    assert len(registry.records(Role.WRITER, "demo")) == 2
    with pytest.raises(PluginConflictError) as caught:
        registry.get(Role.WRITER, "demo")
    for word in ["'demo'", "Demo_One 1.1", "demo-two 2.2", "distribution="]:
        assert word in str(caught.value)
    assert "one_plugin" not in sys.modules
    assert registry.get(Role.WRITER, "demo", distribution="demo-one").__module__ == "one_plugin"
    assert registry.get(Role.WRITER, "demo", distribution="Demo.Two").__module__ == "two_plugin"
    with pytest.raises(UnsupportedServiceTypeError, match=r"three offers no writer 'demo'.*_One"):
        registry.get(Role.WRITER, "demo", distribution="three")


def test_one_distribution_with_one_name_twice(site):
    """The same line twice does no harm; two different ones are a conflict that no pick solves."""
    site.install("same", points("same", "m_plugin:Writer") * 2, m_plugin=WRITER)
    site.install("demo", points("demo", "a:W") + points("demo", "b:W"))
    registry = Registry()
    assert registry.get(Role.WRITER, "same")
    for distribution in (None, "demo"):
        with pytest.raises(PluginConflictError, match="more than once: 'a:W', 'b:W'"):
            registry.get(Role.WRITER, "demo", distribution=distribution)


# ---- at run time


def test_a_class_can_be_registered():
    """It is found, told as such, and can be taken back."""
    registry = Registry()
    registry.register(Role.WRITER, "run", RunTimeWriter)
    assert registry.get(Role.WRITER, "run") is RunTimeWriter
    (record,) = registry.records(name="run")
    assert (record.distribution, record.status) == (None, Status.LOADED)
    assert record.origin == "a registration at run time"
    assert record.value.endswith(":RunTimeWriter")
    assert registry.load(record).status is Status.LOADED
    registry.refresh()
    assert registry.get(Role.WRITER, "run") is RunTimeWriter
    registry.unregister(Role.WRITER, "run")
    registry.unregister(Role.WRITER, "run")
    assert registry.records(name="run") == ()


def test_a_registered_class_wins(site):
    """Over an installed one of that name, and over one registered before; not over a pick."""
    site.install("demo", points("demo", "demo_plugin:Writer"), demo_plugin=WRITER)
    registry = Registry()
    installed = registry.get(Role.WRITER, "demo")
    registry.register(Role.WRITER, "demo", type("Old", (RunTimeWriter,), {}))
    registry.register("sinetstream.writer", "demo", RunTimeWriter, distribution="mine")
    assert registry.get(Role.WRITER, "demo") is RunTimeWriter
    assert registry.get(Role.WRITER, "demo", distribution="mine") is RunTimeWriter
    assert registry.get(Role.WRITER, "demo", distribution="demo") is installed
    assert [r.distribution for r in registry.records(name="demo")] == ["mine", "demo"]
    registry.register(Role.WRITER, "demo", RunTimeWriter, distribution="demo")
    assert registry.get(Role.WRITER, "demo", distribution="demo") is RunTimeWriter


@pytest.mark.parametrize("cls", [int, lambda params: None, "module:Class", None])
def test_the_shape_of_a_registered_class_is_judged(cls):
    """When it is asked for, like that of any other."""
    registry = Registry()
    registry.register(Role.READER, "run", cls)
    with pytest.raises(PluginShapeError, match="'run' of a registration at run time"):
        registry.get(Role.READER, "run")


def test_registering_in_an_unknown_group():
    """Is refused with the groups that there are."""
    with pytest.raises(InvalidArgumentError, match="no group"):
        Registry().register("sinetstream.reeder", "x", PluginMessageReader)


def test_refresh_finds_what_was_installed_since(site):
    """Both the metadata and the module, although the folder had been read a moment before."""
    site.install("one", points("one", "one_plugin:Writer"), one_plugin=WRITER)
    registry = Registry()
    assert registry.get(Role.WRITER, "one")
    read_at = site.path.stat()
    site.install("two", points("two", "two_plugin:Writer"), two_plugin=WRITER)
    os.utime(site.path, ns=(read_at.st_atime_ns, read_at.st_mtime_ns))  # as within one clock tick
    assert registry.records(name="two") == ()
    registry.refresh()
    assert registry.get(Role.WRITER, "two")
    assert registry.get(Role.WRITER, "one") is sys.modules["one_plugin"].Writer


def test_a_look_that_was_overtaken_by_a_refresh_is_not_kept(site, monkeypatch):
    """A thread that was reading the old state while another refreshed must not put it back."""
    from sinetstream_sdk import registry as module

    registry = Registry()
    real = module.discover
    looks = []

    def discover(groups):
        found = real(groups)
        looks.append(len(found.plugins))
        if len(looks) == 1:
            site.install("demo", points("demo", "demo_plugin:Writer"))
            registry.refresh()
        return found

    monkeypatch.setattr(module, "discover", discover)
    assert [record.name for record in registry.records(name="demo")] == ["demo"]
    assert len(looks) == 2
