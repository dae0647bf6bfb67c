"""Roles that break the rules of ``rules/faults.py``: what they do when the broker is away."""

from __future__ import annotations

import threading
import time
from typing import Any

from sinetstream_broken.broker import Letter, Subscription
from sinetstream_broken.correct import MemoryReader, MemoryWriter
from sinetstream_broken.handmade import (
    RETRY_S,
    Client,
    HandmadeAsyncReader,
    HandmadeAsyncWriter,
)
from sinetstream_broken.marking import breaks
from sinetstream_sdk.errors import ConnectionError  # noqa: A004 - the published name


@breaks(
    "FAULT-READ",
    role="reader",
    says=("next() was still running after", "faults.py", "within receive_timeout_ms"),
)
class ReadHangsWhenCutOff(MemoryReader):
    """Waits for the broker to come back, however long that takes."""

    def take(self, subscription: Subscription) -> Letter | None:
        try:
            return super().take(subscription)
        except ConnectionError:
            threading.Event().wait(30)
            raise


@breaks("FAULT-READ", role="reader", says=("ConnectionResetError", "an error of this library"))
class ReadLetsClientsErrorThrough(MemoryReader):
    """Lets the client's own error through."""

    def take(self, subscription: Subscription) -> Letter | None:
        return self.broker.take(subscription, self.timeout_s)


@breaks("FAULT-READ", role="reader", says=("it did neither", "and no error"))
class ReadStaysDeaf(MemoryReader):
    """Takes the loss of the connection for silence, and does not subscribe again."""

    deaf = False

    def take(self, subscription: Subscription) -> Letter | None:
        if not self.deaf:
            try:
                return super().take(subscription)
            except ConnectionError:
                self.deaf = True
        time.sleep(self.timeout_s or 0)
        return None


@breaks(
    "FAULT-WRITE", role="writer", says=("publish() was still running after", "faults.py", "1.5 s")
)
class WriteTriesForEver(MemoryWriter):
    """Sends again until it works, without a deadline."""

    def send(self, message: bytes) -> None:
        while True:
            try:
                return super().send(message)
            except OSError:
                time.sleep(RETRY_S)


@breaks("FAULT-WRITE", role="writer", says=("publish() returned None", "cannot be reached"))
class WriteHopesForTheBest(MemoryWriter):
    """Takes no notice when sending fails."""

    def send(self, message: bytes) -> None:
        try:
            super().send(message)
        except OSError:
            return


@breaks("FAULT-WRITE", role="writer", says=("it did neither", "nothing arrived"))
class WriteStaysMute(MemoryWriter):
    """Says once that the connection is lost, and then writes to where nobody listens."""

    mute = False

    def send(self, message: bytes) -> None:
        if self.mute:
            return
        try:
            super().send(message)
        except OSError:
            self.mute = True
            raise


@breaks("FAULT-WRITE", role="writer", says=("ConnectionResetError", "an error of this library"))
class WriteLetsClientsErrorThrough(MemoryWriter):
    """Lets the client's own error through."""

    def publish(self, message: bytes) -> None:
        if self.is_open and isinstance(message, bytes):
            self.send(message)
        else:
            super().publish(message)


@breaks("FAULT-AREAD", role="async_reader", says=("on_failure is called within", "it was not"))
class KeepsTheLossToItself(HandmadeAsyncReader):
    """Tries again for ever and tells nobody."""

    def cut_off(self, error: OSError) -> None:
        time.sleep(RETRY_S)


@breaks("FAULT-AREAD", role="async_reader", says=("it did neither", "and no error"))
class EndsWithTheConnection(HandmadeAsyncReader):
    """Its thread ends with the connection."""

    def run(self, subscription: Subscription) -> None:
        try:
            super().run(subscription)
        except InterruptedError:
            return

    def cut_off(self, error: OSError) -> None:
        raise InterruptedError


@breaks("FAULT-AREAD", role="async_reader", says=("on_failure gets an error", "(str)"))
class ReportsTheLossInWords(HandmadeAsyncReader):
    """Reports the loss in words in place of an exception."""

    def cut_off(self, error: OSError) -> None:
        if self._on_failure is not None:
            self._on_failure(f"the connection is lost: {error}")
        time.sleep(RETRY_S)


@breaks("FAULT-AWRITE", role="async_writer", says=("settles within", "still pending"))
class LeavesPromisesPending(HandmadeAsyncWriter):
    """Waits for acknowledgements that cannot come."""

    def confirmed(self, number: int, failure: OSError | None) -> None:
        if not isinstance(failure, ConnectionResetError):
            super().confirmed(number, failure)


@breaks("FAULT-AWRITE", role="async_writer", says=("no promise is fulfilled", "3 of 3 are"))
class FulfilsWhenCutOff(HandmadeAsyncWriter):
    """Takes it that what was handed to the client is as good as sent."""

    def confirmed(self, number: int, failure: OSError | None) -> None:
        lost = isinstance(failure, ConnectionResetError)
        super().confirmed(number, None if lost else failure)


class _LostUnderWay(ConnectionResetError):
    """The connection broke after the message had been sent and before there was an answer."""


class _TellingClient(Client):
    """Tells what was under way when the connection broke from what could not be sent."""

    def _send(self, number: int, message: bytes) -> None:
        connected = not self._broker.away
        failure: OSError | None = None
        try:
            self._broker.put(self._topic, bytes(message))
        except OSError as error:
            failure = _LostUnderWay("the broker is away") if connected else error
        self._on_confirmed(number, failure)


@breaks("FAULT-AWRITE", role="async_writer", says=("FAULT-AWRITE[under-way]", "are still pending"))
class ForgetsWhatWasUnderWay(HandmadeAsyncWriter):
    """Rejects what cannot be sent, and waits for answers to what was sent when there are none."""

    client_class = _TellingClient

    def confirmed(self, number: int, failure: OSError | None) -> None:
        if not isinstance(failure, _LostUnderWay):
            super().confirmed(number, failure)


@breaks(
    "FAULT-AT-LEAST-ONCE",
    role="async_writer",
    says=("FAULT-AT-LEAST-ONCE[cut]", "lost (", "acknowledged", "the connections are cut"),
)
class FulfilsWhatWasUnderWay(HandmadeAsyncWriter):
    """Rejects what cannot be sent, and takes what was sent for arrived."""

    client_class = _TellingClient

    def confirmed(self, number: int, failure: OSError | None) -> None:
        super().confirmed(number, None if isinstance(failure, _LostUnderWay) else failure)


class _SentBefore(MemoryWriter):
    """A writer to which ``lost_under_way`` happens if a message had been sent by then."""

    def send(self, message: bytes) -> None:
        connected = not self.broker.away
        try:
            super().send(message)
        except ConnectionResetError:
            if not connected:
                raise
            self.lost_under_way()

    def lost_under_way(self) -> None:
        """The connection broke before the message was answered."""


@breaks(
    "FAULT-WRITE",
    role="writer",
    says=("FAULT-WRITE[under-way]", "publish() was still running after", "faults.py"),
)
class HangsOnWhatWasUnderWay(_SentBefore):
    """Raises what cannot be sent, and waits for answers to what was sent when there are none."""

    def lost_under_way(self) -> None:
        threading.Event().wait(30)


@breaks(
    "FAULT-AT-LEAST-ONCE",
    role="writer",
    says=("FAULT-AT-LEAST-ONCE[cut]", "lost (", "acknowledged", "the connections are cut"),
)
class HopesForWhatWasUnderWay(_SentBefore):
    """Raises what cannot be sent, and takes what was sent for arrived."""


class _AfterTheFault(MemoryWriter):
    """A writer that remembers what failed to be sent; ``make_up`` is there to be mutated."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.unsent: list[bytes] = []

    def send(self, message: bytes) -> None:
        try:
            super().send(message)
        except OSError:
            self.unsent.append(message)
            self.failed()
            return
        unsent, self.unsent = self.unsent, []
        if unsent:
            self.make_up(unsent, message)

    def failed(self) -> None:
        """What to do while the broker is away."""
        raise ConnectionResetError("the broker is away")

    def make_up(self, unsent: list[bytes], message: bytes) -> None:
        """What to do once it is back, after ``message`` was sent."""


@breaks(
    "FAULT-AT-LEAST-ONCE",
    role="writer",
    says=("AT_LEAST_ONCE holds", "lost (", "acknowledged", "the broker is restarted"),
)
class AcknowledgesWhatItDrops(_AfterTheFault):
    """Returns from publish() although the broker is away, and has nothing to send later."""

    def failed(self) -> None:
        time.sleep(RETRY_S)


@breaks("FAULT-AT-LEAST-ONCE", role="writer", says=("AT_LEAST_ONCE holds", "reordered ("))
class SendsTheBacklogLast(_AfterTheFault):
    """Keeps what it could not send, and sends it after what came later."""

    def failed(self) -> None:
        time.sleep(RETRY_S)

    def make_up(self, unsent: list[bytes], message: bytes) -> None:
        for kept in unsent:
            self.broker.put(self.topic, kept)


@breaks(
    "FAULT-EXACTLY-ONCE",
    role="writer",
    says=("EXACTLY_ONCE holds", "duplicated (", "delivered", "the broker is restarted"),
)
@breaks("FAULT-AT-MOST-ONCE", role="writer", says=("AT_MOST_ONCE holds", "duplicated ("))
class SendsAgainToBeSure(_AfterTheFault):
    """Sends a message again because it does not know whether the first one arrived."""

    def make_up(self, unsent: list[bytes], message: bytes) -> None:
        self.broker.put(self.topic, message)


@breaks("FAULT-EXACTLY-ONCE", role="writer", says=("EXACTLY_ONCE holds", "phantom ("))
class SendsHalfOfIt(_AfterTheFault):
    """Sends the rest of what it had begun to send."""

    def make_up(self, unsent: list[bytes], message: bytes) -> None:
        self.broker.put(self.topic, unsent[0][3:])
