"""Installed metadata is read one distribution at a time, and damage hides nothing else."""

import sys

import pytest
from installing import WRITER, Site, points

from sinetstream_sdk.errors import (
    UnsupportedServiceTypeError,
)
from sinetstream_sdk.registry import Registry
from sinetstream_sdk.roles import Role


@pytest.mark.parametrize(
    "damage",
    [
        b"[sinetstream.writer]\nno equals sign\n",
        b"[sinetstream.writer]\nx = \xff\xfe:Writer\n",
    ],
)
def test_a_malformed_distribution_hides_no_other(site, damage):
    """It is listed as a problem, whether it stands before or after a sound one."""
    site.install("aaa-broken", damage)
    site.install("demo", points("demo", "demo_plugin:Writer"), demo_plugin=WRITER)
    site.install("zzz-broken", damage)
    registry = Registry()
    assert registry.get(Role.WRITER, "demo").__name__ == "Writer"
    assert {problem.distribution for problem in registry.problems} == {"aaa_broken", "zzz_broken"}
    with pytest.raises(UnsupportedServiceTypeError, match=r"cannot be read: .*zzz_broken: "):
        registry.get(Role.WRITER, "x")


def test_unreadable_metadata_costs_the_name_only(site):
    """The entry points still count, under the name that the folder gives."""
    site.install(
        "my-demo", points("demo", "demo_plugin:Writer"), metadata=b"\xff", demo_plugin=WRITER
    )
    registry = Registry()
    (record,) = registry.records(name="demo")
    assert (record.distribution, record.version) == ("my_demo", None)
    assert [problem.distribution for problem in registry.problems] == ["my_demo"]
    assert "UnicodeDecodeError" in str(registry.problems[0])
    assert registry.get(Role.WRITER, "demo", distribution="my-demo")


def test_empty_metadata_is_no_problem(site):
    """A folder without name and version gives the name itself."""
    site.install("demo", points("demo", "demo_plugin:Writer"), metadata=b"", demo_plugin=WRITER)
    registry = Registry()
    (record,) = registry.records(name="demo")
    assert (record.distribution, record.version) == ("demo", None)
    assert registry.problems == ()


def test_a_finder_that_raises_hides_no_other(site, monkeypatch):
    """Somebody's import hook may be broken; the installed distributions are still found."""

    class Finder:
        def find_spec(self, name, path=None, target=None):
            return None

        def find_distributions(self, context):
            raise OSError("disk on fire")

    site.install("demo", points("demo", "demo_plugin:Writer"))
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    registry = Registry()
    assert len(registry.records(name="demo")) == 1
    assert [str(p) for p in registry.problems] == ["finder Finder: OSError: disk on fire"]


def test_the_first_of_two_copies_on_the_path_counts(site, tmp_path, monkeypatch):
    """As for imports; the second copy is neither a plugin nor a conflict."""
    site.install("My.Demo", points("demo", "demo_plugin:Old"), "1.0")
    site.install("other", points("other", "m:W"))
    front = tmp_path / "front"
    front.mkdir()
    Site(front).install("my-demo", points("demo", "demo_plugin:New"), "2.0")
    monkeypatch.syspath_prepend(str(front))
    registry = Registry()
    assert [record.version for record in registry.records(name="demo")] == ["2.0"]
    assert len(registry.records(name="other")) == 1


def test_a_copy_without_the_entry_point_hides_the_one_behind_it(site, tmp_path, monkeypatch):
    """The distribution that is imported does not register it, so neither does the other."""
    site.install("demo", points("demo", "demo_plugin:Old"))
    front = tmp_path / "front"
    front.mkdir()
    Site(front).install("demo", "", "2.0")
    monkeypatch.syspath_prepend(str(front))
    assert Registry().records(name="demo") == ()


def test_what_pip_leaves_behind_is_passed_over(site):
    """An interrupted removal leaves a folder that begins with a tilde."""
    info = site.install("demo", points("demo", "demo_plugin:Writer"))
    info.rename(info.with_name("~emo-1.0.dist-info"))
    assert Registry().records(name="demo") == ()
