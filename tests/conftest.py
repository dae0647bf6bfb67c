"""Wheels and virtual environments that tests install into, made once a session and shared."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

from environments import INSTALL_TIMEOUT_S, ROOT, Venv, Wheels, make_venv, run

PUBLISHED = "sinetstream==1.10.*"
BUILD_TIMEOUT_S = 300.0
OFFLINE = (
    "no package index can be reached, and these tests install packages: run `pip wheel --wheel-dir "
    f"DIR '{PUBLISHED}' pytest hypothesis psutil promise pyyaml` where there is one, then run the "
    "tests with PIP_FIND_LINKS=DIR"
)

# A busy machine stops any example for longer than Hypothesis allows.
settings.register_profile(
    "patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

LONGEST = (
    "test_broken.py",
    "test_kafka_conformance.py",
    "test_mqtt_conformance.py",
    "test_pages.py",
    "test_official_plugins.py",
    "test_kafka_plugin.py",
    "test_kafka_soak.py",
    "test_correct.py",
)
"""Files to begin with, so that in the end no worker is left alone with one of them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files come first; a worker takes a file at a time."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """Build each distribution the way it is published: a source archive, and a wheel from that."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, ROOT / "reference_plugins" / "queue"):
        build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, project]
        run(build, cwd=folder, timeout_s=BUILD_TIMEOUT_S).ok()
    (sdk,) = folder.glob("sinetstream_plugin_sdk-*.whl")
    (queue,) = folder.glob("sinetstream_plugin_queue-*.whl")
    return Wheels(sdk, queue)


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where packages cannot be had; fail instead where the environment says ``CI``."""
    folder = tmp_path_factory.mktemp("index")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "1"]
    asked = run([*pip, "--dest", folder, PUBLISHED], cwd=folder, timeout_s=INSTALL_TIMEOUT_S)
    if asked.status == 0:
        return
    why = f"{OFFLINE}\npip says: {asked.err.strip()[-500:]}"
    if os.environ.get("CI"):
        pytest.fail(f"{why}\n(CI is set in the environment, so this is not skipped)")
    pytest.skip(why)


@pytest.fixture(scope="session")
def host_venv(index: None, wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """The published ``sinetstream`` with the SDK and the queue plugin, and no pytest."""
    venv = make_venv(tmp_path_factory.mktemp("host") / "venv")
    venv.install(wheels.sdk, wheels.queue, PUBLISHED)
    return venv


@pytest.fixture(scope="session")
def kit_venv(index: None, wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """The SDK with the conformance kit and the queue plugin, and no published package."""
    venv = make_venv(tmp_path_factory.mktemp("kit") / "venv")
    venv.install(f"{wheels.sdk}[conformance]", wheels.queue)
    return venv


@pytest.fixture(scope="session")
def guide_venv(index: None, wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """The SDK with the conformance kit and the plugin written from the guide, faults included."""
    folder = tmp_path_factory.mktemp("guide")
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder]
    run([*build, ROOT / "tests" / "guide_plugin"], cwd=folder, timeout_s=BUILD_TIMEOUT_S).ok()
    (guide,) = folder.glob("*.whl")
    venv = make_venv(folder / "venv")
    venv.install(f"{wheels.sdk}[conformance]", guide)
    return venv
