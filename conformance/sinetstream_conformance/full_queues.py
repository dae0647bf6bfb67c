"""Publishing as a program does that heeds what it is told: what is refused it publishes again.

An asynchronous writer may keep a few messages only and refuse more, by an error of this library or
by rejecting the promise. As long as others are waiting, that is no failure. Once none is, it is.
"""

from __future__ import annotations

from typing import Any

from promise import Promise

from sinetstream_conformance.actors import promise_state
from sinetstream_conformance.channels import AsyncWriterOutbox, Outbox
from sinetstream_conformance.library import is_library_error
from sinetstream_conformance.publishing import settled_in_turn, waiting
from sinetstream_conformance.stage import Stage

_TRIES = 3
_ROOM_S = 0.02
"""How long after a promise has settled there may be no room yet."""


def refusal(promise: Any = None, error: BaseException | None = None) -> BaseException | None:
    """Why a message was not taken, as far as is known by now; None if it was, for all one knows."""
    if error is not None:
        return error if is_library_error(error) else None
    if isinstance(promise, Promise) and promise_state(promise) == "rejected":
        reason: BaseException = promise.reason
        return reason
    return None


class Sender:
    """Sends through an outbox, one payload after another."""

    def __init__(self, stage: Stage, outbox: Outbox) -> None:
        self._stage, self._outbox = stage, outbox
        self._sent: list[tuple[bytes, Any]] = []

    def send(self, payload: bytes) -> None:
        """Send a payload; again, as soon as no other is waiting, if it is refused at once."""
        if isinstance(self._outbox, AsyncWriterOutbox):
            self._sent.append((payload, self._publish(self._outbox, payload)))
        else:
            self._outbox.send(payload)

    def rejected(self) -> list[bytes]:
        """The payloads whose promises are rejected, once all of them have settled."""
        settled_in_turn(self._stage, [promise for _, promise in self._sent])
        return [payload for payload, promise in self._sent if refusal(promise)]

    def send_rejected_again(self) -> int:
        """Send what was rejected later, one by one; how many of these messages were taken then."""
        rejected = self.rejected()
        if len(self._sent) < 2:
            return 0
        for taken, payload in enumerate(rejected):
            self.send(payload)
            promise = self._sent[-1][1]
            settled_in_turn(self._stage, [promise])
            if refusal(promise):
                return taken  # it is not for want of room
        return len(rejected)

    def _publish(self, outbox: AsyncWriterOutbox, payload: bytes) -> Any:
        actor = outbox.actor
        others = waiting(outbox.promises)
        result = actor.publish(payload)
        for _ in range(_TRIES):
            if not others or refusal(result.value, result.error) is None:
                break
            settled_in_turn(self._stage, others)
            self._stage.idle(_ROOM_S)
            result = actor.publish(payload)
        promise = self._stage.require(result, actor.role).value
        outbox.promises.append(promise)
        return promise
