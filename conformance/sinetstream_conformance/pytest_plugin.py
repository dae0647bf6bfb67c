"""The pytest plugin: ``pytest --sinetstream-plugin=NAME``.

This module is loaded by every pytest run in an environment that has the kit, so it does nothing but
declare options; the rest is imported where a plugin is to be judged.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; each is explained in ``docs/options.md``."""
    group = parser.getgroup("sinetstream", "SINETStream plugin conformance")
    group.addoption(
        "--sinetstream-plugin",
        action="append",
        default=[],
        metavar="NAME",
        help="judge the installed plugin of this type name; repeat it, or give 'all'",
    )
    group.addoption(
        "--sinetstream-params",
        action="append",
        default=[],
        metavar="FILE.yml",
        help="YAML file with parameters for the plugin",
    )
    group.addoption(
        "--sinetstream-param",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one parameter; dots nest: type_spec.keepalive=30",
    )
    group.addoption(
        "--sinetstream-harness",
        metavar="MODULE:OBJECT",
        help="harness to use in place of the one that the plugin registers",
    )
    group.addoption(
        "--sinetstream-level",
        choices=("must", "should"),
        default="should",
        help="'must' reports failures of SHOULD rules as warnings (default: should)",
    )
    group.addoption(
        "--sinetstream-rule",
        action="append",
        default=[],
        metavar="ID[,ID]",
        help="judge these rules only; LIFE-* stands for several",
    )
    group.addoption(
        "--sinetstream-role",
        action="append",
        default=[],
        metavar="ROLE[,ROLE]",
        help="judge these roles only: reader, writer, async_reader, async_writer, package",
    )
    group.addoption(
        "--sinetstream-xfail",
        action="append",
        default=[],
        metavar="ID[,ID]=REASON",
        help="expect these rules to fail, for this reason; they do not fail the run",
    )
    group.addoption(
        "--sinetstream-seed",
        type=int,
        metavar="N",
        help="repeat the payloads and delays of the run that printed this seed",
    )
    group.addoption(
        "--sinetstream-distribution",
        metavar="NAME",
        help="which distribution to judge where several claim the plugin's name",
    )
    group.addoption(
        "--sinetstream-host",
        choices=("sdk", "published"),
        default="sdk",
        help="the host that the HOST rules run the plugin through (default: sdk)",
    )
    group.addoption(
        "--sinetstream-report",
        metavar="FILE.json",
        help="write the whole report to this file, too",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Switch the suite on where a plugin is to be judged."""
    named = any("::" in argument for argument in config.args)
    if config.getoption("sinetstream_plugin") or named:
        from sinetstream_conformance.suite import Suite

        Suite.install(config)


@pytest.fixture(scope="session")
def sinetstream_harness() -> object:
    """Override this in your ``conftest.py`` to give the kit a harness; None means no override."""
    return None
