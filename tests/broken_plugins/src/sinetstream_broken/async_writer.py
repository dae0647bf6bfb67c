"""Asynchronous writers that break the rules of ``rules/async_writer.py``."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from promise import Promise

from sinetstream_broken.correct import MemoryAsyncWriter
from sinetstream_broken.handmade import Client, GuideAsyncWriter, HandmadeAsyncWriter
from sinetstream_broken.marking import breaks
from sinetstream_sdk.promises import Deferred


@breaks(
    "AWRITE-PROMISE",
    role="async_writer",
    says=("(Future)", "future in place of a promise", "Deferred"),
)
class GivesFuture(HandmadeAsyncWriter):
    """Gives what the executor's submit() gave."""

    def publish(self, message: bytes) -> Any:
        self.check(message)
        with ThreadPoolExecutor(max_workers=1) as executor:
            return executor.submit(super().publish, message)


@breaks("AWRITE-PROMISE", role="async_writer", says="observed None (NoneType)")
class ForgetsToReturn(HandmadeAsyncWriter):
    """Forgets the promise, as a synchronous writer may."""

    def publish(self, message: bytes) -> Any:
        super().publish(message)


@breaks("AWRITE-NONBLOCK", role="async_writer", says=("at once", "at best of three it took"))
class FlushesEachMessage(HandmadeAsyncWriter):
    """Gives the client time to send before it returns."""

    def publish(self, message: bytes) -> Any:
        promise = super().publish(message)
        time.sleep(1.5)
        return promise


@breaks(
    "AWRITE-NONBLOCK",
    role="async_writer",
    says=("publish() was still running after", "async_writer.py", "promise.get()"),
)
class WaitsForTheBroker(HandmadeAsyncWriter):
    """Waits for the acknowledgement, which nobody notices while the broker is quick."""

    def publish(self, message: bytes) -> Any:
        promise = super().publish(message)
        promise.get()
        return promise


@breaks(
    "AWRITE-SETTLE",
    role="async_writer",
    says=("is still pending", "acknowledgement before registration", "publish() was stopped at"),
)
class RegistersTooLate(HandmadeAsyncWriter):
    """Learns the number by sending; an early acknowledgement finds nobody."""

    def publish(self, message: bytes) -> Any:
        client = self.check(message)
        deferred: Deferred[Any] = Deferred()
        number = client.send(message)
        self.outstanding[number] = deferred
        return deferred.promise


@breaks("AWRITE-SETTLE", role="async_writer", says="acknowledgement before registration")
class RegistersInOneLine(HandmadeAsyncWriter):
    """The same within one line, between the return of send() and the assignment."""

    def publish(self, message: bytes) -> Any:
        client, promise = self.check(message), Deferred[Any]()
        self.outstanding[client.send(message)] = promise
        return promise.promise


@breaks("AWRITE-SETTLE", role="async_writer", says="is still pending")
class KeepsOneOutstanding(HandmadeAsyncWriter):
    """Remembers the latest message only."""

    def publish(self, message: bytes) -> Any:
        client = self.check(message)
        self.outstanding.clear()
        number = client.number()
        deferred = self.outstanding[number] = Deferred[Any]()
        client.send(message, number)
        return deferred.promise


class PlainPromises(HandmadeAsyncWriter):
    """Gives plain promises, which are settled on the client's thread."""

    def publish(self, message: bytes) -> Any:
        client = self.check(message)
        number = client.number()
        promise: Promise[Any] = Promise()
        self.outstanding[number] = promise
        client.send(message, number)
        return promise

    def confirmed(self, number: int, failure: OSError | None) -> None:
        promise = self.outstanding.pop(number, None)
        if promise is not None and failure is None:
            promise.do_resolve(number)
        elif promise is not None:
            promise.do_reject(failure)


@breaks("AWRITE-SETTLE", role="async_writer", says="was settled more than once")
class SettlesTwice(PlainPromises):
    """Does not forget what is settled, and settles everything in close()."""

    def confirmed(self, number: int, failure: OSError | None) -> None:
        promise = self.outstanding[number]
        if failure is None:
            promise.do_resolve(number)
        else:
            promise.do_reject(failure)


@breaks("AWRITE-SETTLE", role="async_writer", says="was settled more than once")
class ConfirmsTwice(PlainPromises):
    """Resolves when the message is sent and when it is confirmed."""

    def publish(self, message: bytes) -> Any:
        promise = super().publish(message)
        promise.do_resolve(None)
        return promise


@breaks(
    "AWRITE-RACE",
    role="async_writer",
    says=("it stood at line", "of promise.py", "SafePromise", "it never did"),
)
class PlainPromise(PlainPromises):
    """Does all that a plugin can with a plain promise, settled with a number."""

    def confirmed(self, number: int, failure: OSError | None) -> None:
        promise = self.outstanding.pop(number, None)
        if promise is not None and failure is None:
            promise.do_resolve(None)
        elif promise is not None:
            promise.do_reject(failure)


@breaks("AWRITE-RACE", role="async_writer", says=("of promise.py", "SafePromise"))
class PlainPromiseWithValue(PlainPromises):
    """The same, but fulfilled with a value."""


class SlowClient(Client):
    """Waits for a broker that is far away."""

    def _send(self, number: int, message: bytes) -> None:
        time.sleep(1.0)
        super()._send(number, message)


@breaks(
    "AWRITE-RACE",
    role="async_writer",
    model="slow-later",
    says=("promise.py", "settled this Promise itself", "SafePromise"),
)
class PlainPromiseFarAway(PlainPromises):
    """The same, too far away for each stop to have its turn."""

    client_class = SlowClient


@breaks("AWRITE-RACE", role="async_writer", says=("of promise.py", "SafePromise"))
class CastsFuture(GuideAsyncWriter):
    """Makes a promise of the executor's future, as the guide's example does."""


@breaks("AWRITE-FULFIL", role="async_writer", says="is fulfilled")
class FulfilsAtOnce(HandmadeAsyncWriter):
    """Says that the message was sent when it is in the queue."""

    def publish(self, message: bytes) -> Any:
        self.check(message).send(message)
        return Promise.resolve(None)


@breaks("AWRITE-FULFIL", role="async_writer", says="never did")
class FulfilsAtOnceAndForgets(FulfilsAtOnce):
    """The same, and throws the queue away in close()."""

    def disconnect(self, client: Client) -> None:
        client.disconnect(drain=False)


@breaks("AWRITE-FULFIL", role="async_writer", says="while the broker refuses every message")
class FulfilsWhateverHappens(HandmadeAsyncWriter):
    """Does not look at the outcome."""

    def confirmed(self, number: int, failure: OSError | None) -> None:
        super().confirmed(number, None)


@breaks("AWRITE-FULFIL", role="async_writer", says=("is fulfilled", "[stalled]"))
class FulfilsInTime(HandmadeAsyncWriter):
    """Takes a message for sent some time after it was given to the client, come what may."""

    after_s = 0.7

    def publish(self, message: bytes) -> Any:
        self.check(message).send(message)
        deferred = Deferred[Any]()
        timer = threading.Timer(self.after_s, deferred.resolve, (None,))
        timer.daemon = True
        timer.start()
        return deferred.promise


@breaks("AWRITE-FULFIL", role="async_writer", says=("is fulfilled", "[stalled]"))
class FulfilsInLongTime(FulfilsInTime):
    """The same, after more than a second."""

    after_s = 1.2


@breaks("AWRITE-FULFIL", role="async_writer", says=("is fulfilled", "[stalled]"))
class FulfilsWhatTakesLong(HandmadeAsyncWriter):
    """Waits for the acknowledgement, but not for ever."""

    def publish(self, message: bytes) -> Any:
        promise = super().publish(message)
        for deferred in list(self.outstanding.values()):
            timer = threading.Timer(0.7, deferred.resolve, (None,))
            timer.daemon = True
            timer.start()
        return promise


@breaks(
    "AWRITE-REJECT",
    role="async_writer",
    says=("it is still pending", "promise never settled"),
)
class SwallowsFailures(HandmadeAsyncWriter):
    """Logs a failure and goes on."""

    def confirmed(self, number: int, failure: OSError | None) -> None:
        if failure is None:
            super().confirmed(number, None)


@breaks(
    "AWRITE-REJECT",
    role="async_writer",
    says=("publish() raised", "the broker refuses every message"),
)
class RaisesFailures(MemoryAsyncWriter):
    """Sends in publish()."""

    def publish(self, message: bytes) -> Any:
        self.wrapped.publish(message)
        return Promise.resolve(None)


@breaks("AWRITE-REJECT", role="async_writer", says="it is fulfilled")
class FulfilsWithTheError(HandmadeAsyncWriter):
    """Passes the error on as the value, as callbacks of the form (error, message) invite to."""

    def confirmed(self, number: int, failure: OSError | None) -> None:
        deferred = self.outstanding.pop(number, None)
        if deferred is not None:
            deferred.resolve(failure)


@breaks(
    "AWRITE-CLOSE",
    role="async_writer",
    says=("is still pending", "promise never settled", "and in close()"),
)
class ForgetsTheQueue(HandmadeAsyncWriter):
    """Ends the client without a thought for what it has not sent yet."""

    def disconnect(self, client: Client) -> None:
        client.disconnect(drain=False)


@breaks("AWRITE-CLOSE", role="async_writer", says="never did")
class FulfilsTheQueue(ForgetsTheQueue):
    """Settles in close() what was not sent, but as if it had been."""

    def disconnect(self, client: Client) -> None:
        super().disconnect(client)
        for number in list(self.outstanding):
            self.confirmed(number, None)


@breaks("AWRITE-CLOSE", role="async_writer", says=("close() was still running", "time.sleep"))
class NeverDrained(HandmadeAsyncWriter):
    """Waits in close() until nothing is outstanding, which never comes about."""

    def confirmed(self, number: int, failure: OSError | None) -> None:
        deferred = self.outstanding.get(number)
        if deferred is not None:
            deferred.resolve(number)

    def disconnect(self, client: Client) -> None:
        while self.outstanding:
            time.sleep(0.01)
        client.disconnect()
