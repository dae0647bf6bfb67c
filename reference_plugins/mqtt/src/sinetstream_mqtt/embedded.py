"""A broker of MQTT 3.1.1, amqtt, as a process: ``python -m sinetstream_mqtt.embedded PORT``.

It keeps nothing on disk, takes anybody and ends at SIGTERM. For tests only.
"""

import asyncio
import signal
import sys
from typing import Any

from amqtt.broker import Broker  # type: ignore[import-untyped]


def configuration(port: int) -> dict[str, Any]:
    """A listener on loopback, and no plugin but the one that lets anybody in."""
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
        },
    }


async def serve(port: int) -> None:
    """Run the broker until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    broker = Broker(configuration(port))
    await broker.start()
    await ended.wait()
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
