"""What the host's tests share: an in-memory messaging system, and the published host."""

from collections.abc import Iterator

import pytest

from memory_broker import Broker, install, remove
from published_host import Published, published_python


@pytest.fixture(scope="session")
def published() -> Iterator[Published]:
    python = published_python()
    if python is None:
        pytest.skip(
            "the published sinetstream is not at hand: make a venv '.venv-published' with "
            "sinetstream==1.10.*, or name its Python in SINETSTREAM_PUBLISHED_PYTHON"
        )
    peer = Published(python)
    yield peer
    peer.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    """An empty in-memory messaging system, registered as ``memory``."""
    yield install()
    remove()
