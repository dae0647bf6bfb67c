"""Plugins are loaded on demand and once, and judged one by one."""

import importlib
import sys
import threading
import time
import traceback

import pytest
from installing import WRITER, points

from sinetstream_sdk.errors import (
    PluginLoadError,
    PluginShapeError,
)
from sinetstream_sdk.registry import PluginRecord, Registry, Status
from sinetstream_sdk.roles import Role

DEADLINE = 20.0


def run(*targets):
    """Run the functions on threads of their own, and join them all before the deadline."""
    threads = [threading.Thread(target=target, daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    end = time.monotonic() + DEADLINE
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), "the threads are in a deadlock"


def test_get_loads_the_class_and_says_so(site):
    """The record changes from found to loaded, and other plugins stay untouched."""
    site.install("demo", points("demo", "demo_plugin:Writer"), demo_plugin=WRITER)
    site.install("other", points("other", "other_plugin:Writer"), other_plugin=WRITER)
    registry = Registry()
    cls = registry.get(Role.WRITER, "demo")
    assert cls is sys.modules["demo_plugin"].Writer
    assert registry.get("writer", "demo") is cls
    assert registry.records(name="demo")[0].status is Status.LOADED
    assert registry.records(name="other")[0].status is Status.FOUND
    assert "other_plugin" not in sys.modules


def test_an_entry_point_is_loaded_once(site):
    """Asking again runs none of the plugin's code, not even a module's ``__getattr__``."""
    lazy = "asked = []\ndef __getattr__(name):\n    asked.append(name)\n    return Writer\n"
    source = WRITER + lazy
    site.install("demo", points("demo", "demo_plugin:Lazy"), demo_plugin=source)
    registry = Registry()
    assert registry.get(Role.WRITER, "demo") is registry.get(Role.WRITER, "demo")
    registry.load(registry.records(name="demo")[0])
    assert sys.modules["demo_plugin"].asked.count("Lazy") == 1


def test_threads_that_race_get_one_class(site):
    """The module runs once, and every thread has the same class."""
    source = "import time\ntime.sleep(0.1)\nimport sys\nsys.runs.append(1)\n" + WRITER
    site.install("demo", points("demo", "demo_plugin:Writer"), demo_plugin=source)
    registry = Registry()
    barrier = threading.Barrier(8)
    got = []

    def ask():
        barrier.wait(DEADLINE)
        got.append(registry.get(Role.WRITER, "demo"))

    sys.runs = []
    try:
        run(*[ask] * 8)
        assert sys.runs == [1]
    finally:
        del sys.runs
    assert len(got) == 8
    assert len(set(got)) == 1


def test_an_import_that_asks_the_registry_does_not_deadlock(site):
    """Thread A loads a plugin whose module thread B is importing; the module asks for itself."""
    source = WRITER + "import sys\nsys.half_way()\n"
    site.install("demo", points("demo", "demo_plugin:Late"), demo_plugin=source + "Late = Writer\n")
    registry = Registry()
    registry.records()
    half_way, asked = threading.Event(), []
    ids = {}

    def importing_waits():
        """Whether thread A stands in the import system, waiting for B's module."""
        frame = sys._current_frames().get(ids.get("a", 0))
        return frame is not None and any(
            "_ModuleLock" in repr(f.f_locals.get("self")) for f, _ in traceback.walk_stack(frame)
        )

    def in_module():
        half_way.set()
        end = time.monotonic() + DEADLINE
        while not importing_waits() and time.monotonic() < end:
            time.sleep(0.001)
        asked.append(importing_waits())
        try:
            registry.get(Role.WRITER, "demo")
        except PluginLoadError as error:
            asked.append(error)

    got = []

    def thread_a():
        ids["a"] = threading.get_ident()
        half_way.wait(DEADLINE)
        got.append(registry.get(Role.WRITER, "demo"))

    sys.half_way = in_module
    try:
        run(thread_a, lambda: importlib.import_module("demo_plugin"))
    finally:
        del sys.half_way
    assert asked[0] is True
    assert isinstance(asked[1], PluginLoadError)
    assert got == [sys.modules["demo_plugin"].Writer]
    assert registry.records(name="demo")[0].status is Status.LOADED


BROKEN = {
    "missing dependency": (
        "import no_such_client\n",
        ["ModuleNotFoundError", "install what provides 'no_such_client', or ask sinetstream-demo"],
    ),
    "missing module of a package": (
        "import json.no_such_module\n",
        ["ModuleNotFoundError", "'json' is installed and has no such module: correct the import"],
    ),
    "raises": ("raise ValueError('no luck')\n", ["ValueError: no luck", "maintainers"]),
    "exits": ("import sys\nsys.exit(3)\n", ["SystemExit: 3"]),
    "skips": ("import pytest\npytest.skip('no', allow_module_level=True)\n", ["Skipped"]),
    "syntax": ("def\n", ["SyntaxError"]),
    "no attribute": ("Reader = 1\n", ["AttributeError", "Writer"]),
    "base exception": ("class Odd(BaseException): ...\nraise Odd('x')\n", ["Odd: x"]),
    "unprintable": (
        "class Odd(Exception):\n    def __str__(self): 1 / 0\nraise Odd\n",
        ["Odd", "ZeroDivisionError"],
    ),
    "long-winded": ("raise ValueError('line\\n' * 9999)\n", ["ValueError: line line"]),
}


@pytest.mark.parametrize(("source", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin(site, source, words):
    """The error names the plugin, where it comes from and what it raised, and chains the cause."""
    site.install("sinetstream-demo", points("demo", "demo_plugin:Writer"), demo_plugin=source)
    site.install("fine", points("fine", "fine_plugin:Writer"), fine_plugin=WRITER)
    registry = Registry()
    for _ in range(2):
        with pytest.raises(PluginLoadError) as caught:
            registry.get(Role.WRITER, "demo")
        message = str(caught.value)
        for word in [
            "writer 'demo'",
            "sinetstream-demo 1.0",
            "'demo_plugin:Writer'",
            *words,
        ]:
            assert word in message
        assert "\n" not in message
        assert len(message) < 700
        assert words[0].partition(":")[0] == type(caught.value.__cause__).__name__
    (record,) = registry.records(name="demo")
    assert (record.status, record.error) == (Status.BROKEN, message)
    assert registry.get(Role.WRITER, "fine")


@pytest.mark.parametrize("value", ["", ":", "demo plugin", "demo-plugin:Writer", ".x:Writer"])
def test_a_value_that_is_no_entry_point(site, value):
    """It is a broken plugin like any other."""
    site.install("demo", points("demo", value))
    site.install("fine", points("fine", "fine_plugin:Writer"), fine_plugin=WRITER)
    registry = Registry()
    assert registry.get(Role.WRITER, "fine")
    if registry.records(name="demo"):  # newer Pythons refuse some when they read the metadata
        with pytest.raises(PluginLoadError):
            registry.get(Role.WRITER, "demo")
    else:
        assert [problem.distribution for problem in registry.problems] == ["demo"]


def test_a_broken_plugin_is_not_run_again(site):
    """Until the registry is refreshed, its error is remembered."""
    source = "import sys\nsys.runs.append(1)\nraise ValueError\n"
    site.install("demo", points("demo", "demo_plugin:Writer"), demo_plugin=source)
    registry = Registry()
    sys.runs = []
    try:
        for _ in range(3):
            with pytest.raises(PluginLoadError):
                registry.get(Role.WRITER, "demo")
        assert sys.runs == [1]
        registry.refresh()
        assert registry.records(name="demo")[0].status is Status.FOUND
        with pytest.raises(PluginLoadError):
            registry.get(Role.WRITER, "demo")
        assert sys.runs == [1, 1]
    finally:
        del sys.runs


def test_an_interrupt_gets_through(site):
    """Ctrl-C during an import is nobody's broken plugin, and nothing is remembered of it."""
    source = "raise KeyboardInterrupt\n"
    site.install("demo", points("demo", "demo_plugin:Writer"), demo_plugin=source)
    registry = Registry()
    with pytest.raises(KeyboardInterrupt):
        registry.get(Role.WRITER, "demo")
    with pytest.raises(KeyboardInterrupt):
        registry.load(registry.records(name="demo")[0])
    assert registry.records(name="demo")[0].status is Status.FOUND


def test_printing_while_being_imported_is_harmless(site, capsys):
    """It is a blemish that the conformance kit reports, not an error here."""
    source = "print('hello')\n" + WRITER
    site.install("demo", points("demo", "demo_plugin:Writer"), demo_plugin=source)
    registry = Registry()
    registry.records()
    assert capsys.readouterr().out == ""
    assert registry.get(Role.WRITER, "demo")
    assert capsys.readouterr().out == "hello\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("class Writer:\n    def open(self): ...\n", ["lacks close, publish, metrics", "inherit"]),
        ("def Writer(params): ...\n", ["is not a class", "a function"]),
        ("Writer = None\n", ["is not a class", "a NoneType"]),
        ("from sinetstream_sdk.spi import PluginMessageWriter as Writer\n", ["lacks open, close"]),
    ],
)
def test_a_plugin_of_the_wrong_shape(site, source, words):
    """What is missing is named, with the base class that has it."""
    site.install("demo", points("demo", "demo_plugin:Writer"), demo_plugin=source)
    registry = Registry()
    with pytest.raises(PluginShapeError) as caught:
        registry.get(Role.WRITER, "demo")
    for word in ["the writer 'demo' of demo 1.0", "'demo_plugin:Writer'", *words]:
        assert word in str(caught.value)
    (record,) = registry.records(name="demo")
    assert (record.status, record.error) == (Status.WRONG_SHAPE, str(caught.value))


def test_the_shape_is_that_of_the_role(site):
    """A writer's class registered as a reader lacks ``__iter__``."""
    site.install(
        "demo", points("demo", "demo_plugin:Writer", "writer", "reader"), demo_plugin=WRITER
    )
    registry = Registry()
    assert registry.get(Role.WRITER, "demo")
    with pytest.raises(PluginShapeError, match="lacks __iter__, which a reader must have"):
        registry.get(Role.READER, "demo")


def test_load_tells_instead_of_raising(site):
    """Whatever is wrong, a record comes back with its status and error."""
    site.install("good", points("good", "good_plugin:Writer"), good_plugin=WRITER)
    site.install("bad", points("bad", "bad_plugin:Writer"), bad_plugin="import sys\nsys.exit()\n")
    site.install("odd", points("odd", "odd_plugin:Writer"), odd_plugin="Writer = 1\n")
    registry = Registry()
    told = {name: registry.load(registry.records(name=name)[0]) for name in ("good", "bad", "odd")}
    assert {name: record.status for name, record in told.items()} == {
        "good": Status.LOADED,
        "bad": Status.BROKEN,
        "odd": Status.WRONG_SHAPE,
    }
    assert told["good"].error is None
    assert "SystemExit" in told["bad"].error
    assert "a int" in told["odd"].error
    assert registry.records(name="bad") == (told["bad"],)
    assert registry.load(told["bad"]) == told["bad"]


def test_load_takes_a_record_it_does_not_know(site):
    """One that was kept over a refresh, or made by hand, is loaded all the same."""
    site.install("demo", "", demo_plugin=WRITER)
    record = PluginRecord("sinetstream.writer", "x", None, None, "demo_plugin:Writer")
    assert Registry().load(record).status is Status.LOADED
    gone = PluginRecord("sinetstream.writer", "x", "demo", "1", "demo_gone:Writer")
    assert Registry().load(gone).status is Status.BROKEN
