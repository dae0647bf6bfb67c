"""What the host's tests share: an in-memory messaging system, and the published host."""

from collections.abc import Iterator

import pytest

from environments import Venv
from memory_broker import Broker, install, remove
from published_host import Published


@pytest.fixture(scope="session")
def published_python(host_venv: Venv) -> str:
    """A Python that has the published package."""
    return str(host_venv.python)


@pytest.fixture(scope="session")
def published(published_python: str) -> Iterator[Published]:
    """The published host, running."""
    peer = Published(published_python)
    yield peer
    peer.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    """An empty in-memory messaging system, registered as ``memory``."""
    yield install()
    remove()
