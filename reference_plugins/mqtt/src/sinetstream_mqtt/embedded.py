"""A broker of MQTT 3.1.1, amqtt, as a process: ``python -m sinetstream_mqtt.embedded PORT``.

It takes anybody, and keeps nothing on disk, so that SIGTERM may end it at any time. For tests only.
"""

import asyncio
import sys
import time
from contextlib import suppress
from typing import Any

from amqtt import broker as amqtt  # type: ignore[import-untyped]

PASSED_ON_S = 5.0
"""How long a client's last messages may take."""


class Handler(amqtt.BrokerProtocolHandler):  # type: ignore[misc]
    """A client's connection, whose end waits until its messages have been passed on.

    amqtt by itself forgets those that it has acknowledged and not passed on when a client leaves,
    which on a busy machine are some.
    """

    said: Any = None
    """The client's DISCONNECT, if that has come."""

    async def handle_disconnect(self, disconnect: Any) -> None:
        self.said = disconnect
        await self._passed_on()
        await super().handle_disconnect(disconnect)

    async def handle_connection_closed(self) -> None:
        with suppress(asyncio.CancelledError):
            await self._passed_on()
        await super().handle_disconnect(self.said)

    async def _passed_on(self) -> None:
        end = time.monotonic() + PASSED_ON_S
        while self.session and self.session.delivered_message_queue.qsize():
            if time.monotonic() > end:
                return
            await asyncio.sleep(0.005)


amqtt.BrokerProtocolHandler = Handler


def configuration(port: int) -> dict[str, Any]:
    """A listener on loopback, and no plugin but the one that lets anybody in."""
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
        },
    }


async def serve(port: int) -> None:
    """Run the broker for good."""
    await amqtt.Broker(configuration(port)).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
