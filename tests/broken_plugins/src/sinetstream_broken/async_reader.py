"""Asynchronous readers that break the rules of ``rules/async_reader.py``."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from sinetstream_broken.broker import Letter, Subscription
from sinetstream_broken.correct import MEMORY
from sinetstream_broken.handmade import HandmadeAsyncReader
from sinetstream_broken.marking import breaks


@breaks(
    "AREAD-ON-MESSAGE",
    role="async_reader",
    says=("has no setter", "property without a setter", "@on_message.setter"),
)
class OnMessageWithoutSetter(HandmadeAsyncReader):
    """Defines the getter only."""

    @property
    def on_message(self) -> Any:
        return self._on_message


@breaks("AREAD-ON-MESSAGE", role="async_reader", says="on_message reads back as the callback")
class WrapsOnMessage(HandmadeAsyncReader):
    """Gives back what it made of the callback."""

    @property
    def on_message(self) -> Any:
        return self._on_message

    @on_message.setter
    def on_message(self, on_message: Callable[..., Any]) -> None:
        self._on_message = partial(on_message)


@breaks(
    "AREAD-ON-MESSAGE", role="async_reader", says="on_message called with (b'for the callback',)"
)
class CallsWithPayload(HandmadeAsyncReader):
    """Gives the payload only."""

    def deliver(self, letter: Letter) -> None:
        self._on_message(letter.payload)


@breaks(
    "AREAD-ON-MESSAGE", role="async_reader", says="on_message called with ((b'for the callback'"
)
class CallsWithTuple(HandmadeAsyncReader):
    """Gives the three values as one, as an iterator would."""

    def deliver(self, letter: Letter) -> None:
        self._on_message((letter.payload, letter.topic, letter))


@breaks(
    "AREAD-ON-FAILURE",
    role="async_reader",
    says=("has no setter", "property without a setter", "@on_failure.setter"),
)
class OnFailureWithoutSetter(HandmadeAsyncReader):
    """Defines the getter only."""

    @property
    def on_failure(self) -> Any:
        return self._on_failure


@breaks("AREAD-ON-FAILURE", role="async_reader", says="on_failure reads back as the callback")
class ForgetsOnFailure(HandmadeAsyncReader):
    """Accepts the callback and does not keep it."""

    @property
    def on_failure(self) -> Any:
        return None

    @on_failure.setter
    def on_failure(self, on_failure: Any) -> None:
        return


@breaks(
    "AREAD-SET-BEFORE",
    role="async_reader",
    says=("none of", "do not reset the callbacks in open()"),
)
class ResetsInOpen(HandmadeAsyncReader):
    """Begins anew in open()."""

    def open(self) -> None:
        super().open()
        self._on_message = self._on_failure = None


@breaks(
    "AREAD-SET-AFTER",
    role="async_reader",
    says=("the message went elsewhere or nowhere", "read the callback once per message"),
)
class FixesCallbackInOpen(HandmadeAsyncReader):
    """Looks at the callback when it opens, and no more."""

    def open(self) -> None:
        self.fixed = self._on_message
        super().open()

    def ready(self, subscription: Subscription) -> bool:
        return self.fixed is not None

    def deliver(self, letter: Letter) -> None:
        self.fixed(letter.payload, letter.topic, letter)


@breaks(
    "AREAD-SET-AFTER",
    role="async_reader",
    says=("'NoneType' object is not callable", "None for a callback", "hold the message"),
)
class CallsNone(HandmadeAsyncReader):
    """Expects that there is a callback."""

    def ready(self, subscription: Subscription) -> bool:
        return True

    def deliver(self, letter: Letter) -> None:
        self._on_message(letter.payload, letter.topic, letter)


@breaks("AREAD-SET-AFTER", role="async_reader", says="were dropped")
class DropsWithoutCallback(CallsNone):
    """Does nothing with a message for which there is no callback, as the guide's example does."""

    def deliver(self, letter: Letter) -> None:
        if self._on_message is not None:
            super().deliver(letter)


@breaks("AREAD-SET-AFTER", role="async_reader", says="reached none")
class RemovesToChange(CallsNone):
    """Has no callback for a moment while it is changed, and drops what comes then."""

    @property
    def on_message(self) -> Any:
        return self._on_message

    @on_message.setter
    def on_message(self, on_message: Any) -> None:
        self._on_message = None
        time.sleep(0.005)
        self._on_message = on_message
        time.sleep(0.005)

    def run(self, subscription: Subscription) -> None:
        while self.subscription is subscription:
            callback = self._on_message
            letter = MEMORY.take(subscription, 0.02)
            if letter is not None and callback is self._on_message is not None:
                callback(letter.payload, letter.topic, letter)


@breaks(
    "AREAD-OPEN",
    role="async_reader",
    says=("open() was still running", "async_reader.py", "on a thread of your own"),
)
class DeliversInOpen(HandmadeAsyncReader):
    """Delivers on the thread that opens."""

    def start(self, subscription: Subscription) -> None:
        self.run(subscription)


@breaks("AREAD-OPEN", role="async_reader", says=("open() was still running", "broker.py"))
class WaitsForTheFirst(HandmadeAsyncReader):
    """Waits in open() for a first message, to see whether the connection works."""

    def start(self, subscription: Subscription) -> None:
        first = MEMORY.take(subscription, None)
        super().start(subscription)
        if first is not None:
            self.deliver(first)


@breaks(
    "AREAD-RAISING",
    role="async_reader",
    says=("the next message never came", "raised by the conformance kit's on_message", "died"),
)
class DiesOfCallback(HandmadeAsyncReader):
    """Does not expect a callback to raise."""

    def deliver(self, letter: Letter) -> None:
        self._on_message(letter.payload, letter.topic, letter)


@breaks("AREAD-RAISING", role="async_reader", says="the next message never came")
class TriesThriceAndEnds(HandmadeAsyncReader):
    """Repeats a message for a callback that raises, then reports the error and stops delivering."""

    def deliver(self, letter: Letter) -> None:
        for left in (2, 1, 0):
            try:
                self._on_message(letter.payload, letter.topic, letter)
                return
            except Exception as error:  # noqa: BLE001 - whatever a callback raises
                if not left:
                    self._on_failure(error)
                    MEMORY.unsubscribe(self.subscription)  # type: ignore[arg-type]


@breaks("AREAD-RAISING", role="async_reader", says=("on_failure is called with", "it is not"))
class SwallowsErrors(HandmadeAsyncReader):
    """Keeps to itself what a callback raises."""

    def deliver(self, letter: Letter) -> None:
        with suppress(Exception):
            self._on_message(letter.payload, letter.topic, letter)


@breaks(
    "AREAD-RAISING",
    role="async_reader",
    says=("on_failure(<the exception that the callback raised>)", "on_failure called with"),
)
class ReportsText(HandmadeAsyncReader):
    """Gives on_failure the error's text."""

    def deliver(self, letter: Letter) -> None:
        try:
            self._on_message(letter.payload, letter.topic, letter)
        except Exception as error:  # noqa: BLE001 - whatever a callback raises
            self._on_failure(str(error))


@breaks(
    "AREAD-CLOSE",
    role="async_reader",
    says=("no callback runs when close() returns", "1 was still running", "join the delivering"),
)
class DoesNotJoin(HandmadeAsyncReader):
    """Tells the thread to end, and does not wait for it."""

    def join(self) -> None:
        return


@breaks("AREAD-CLOSE", role="async_reader", says=("was still running", "join the delivering"))
class LeavesPoolRunning(HandmadeAsyncReader):
    """Calls back on a pool of threads that it does not wait for."""

    def open(self) -> None:
        self.executor = ThreadPoolExecutor(max_workers=1)
        super().open()

    def close(self) -> None:
        super().close()
        if hasattr(self, "executor"):
            self.executor.shutdown(wait=False)

    def deliver(self, letter: Letter) -> None:
        self.executor.submit(super().deliver, letter)


@breaks("AREAD-CLOSE", role="async_reader", says=("no callback starts after close()", "ms later"))
class DeliversAfterClose(HandmadeAsyncReader):
    """Leaves a thread behind that waits for a message, and delivers it whenever it comes."""

    poll_s = None

    def close(self) -> None:
        self.subscription = None


@breaks(
    "AREAD-CLOSE-INSIDE",
    role="async_reader",
    says=(
        "cannot join current thread",
        "join from the thread itself",
        "compare with threading.current_thread()",
    ),
)
class JoinsItself(HandmadeAsyncReader):
    """Joins whatever thread delivers."""

    def join(self) -> None:
        if self.thread is not None:
            self.thread.join()


@breaks("AREAD-CLOSE-INSIDE", role="async_reader", says=("a deadlock", "do not join"))
class WaitsForItself(HandmadeAsyncReader):
    """Waits in close() until no callback runs, and so for the one that it is called in."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.idle = threading.Event()
        self.idle.set()

    def deliver(self, letter: Letter) -> None:
        self.idle.clear()
        super().deliver(letter)
        self.idle.set()

    def join(self) -> None:
        self.idle.wait(6.0)
        super().join()


@breaks("AREAD-ORDER", role="async_reader", says=("observed", "deliver from one thread"))
class DeliversInPool(HandmadeAsyncReader):
    """Calls back on several threads."""

    def open(self) -> None:
        self.executor = ThreadPoolExecutor()
        super().open()

    def close(self) -> None:
        super().close()
        if hasattr(self, "executor"):
            self.executor.shutdown()

    def deliver(self, letter: Letter) -> None:
        self.executor.submit(super().deliver, letter)


@breaks(
    "AREAD-ORDER", role="async_reader", says=("in the order of publishing", "after a later one")
)
class DeliversLatestFirst(HandmadeAsyncReader):
    """Takes what waits from the wrong end."""

    def run(self, subscription: Subscription) -> None:
        waiting: deque[Letter] = deque()
        while self.subscription is subscription:
            if self.ready(subscription):
                letter = MEMORY.take(subscription, 0.0 if waiting else 0.05)
                if letter is not None:
                    waiting.append(letter)
                elif waiting:
                    self.deliver(waiting.pop())


@breaks(
    "AREAD-BLOCKED", role="async_reader", says=("although the first callback is slow", "never did")
)
class DropsWhenFull(HandmadeAsyncReader):
    """Fetches on while a callback runs, and has room for sixteen messages."""

    def open(self) -> None:
        self.waiting: deque[Letter] = deque(maxlen=16)
        super().open()
        self.deliverer = threading.Thread(target=self.work, args=(self.subscription,), daemon=True)
        self.deliverer.start()

    def close(self) -> None:
        super().close()
        if hasattr(self, "deliverer") and self.deliverer is not threading.current_thread():
            self.deliverer.join(5.0)

    def deliver(self, letter: Letter) -> None:
        self.waiting.append(letter)

    def work(self, subscription: Subscription) -> None:
        """Call back for what waits."""
        while self.subscription is subscription:
            if self.waiting:
                super().deliver(self.waiting.popleft())
            else:
                time.sleep(0.002)


@breaks("AREAD-BLOCKED", role="async_reader", says="never did")
class IgnoresWhileBusy(HandmadeAsyncReader):
    """Calls back on another thread, and takes no message while that is busy."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.busy = threading.Lock()

    def deliver(self, letter: Letter) -> None:
        if self.busy.acquire(blocking=False):
            threading.Thread(target=self.work, args=(letter,), daemon=True).start()

    def work(self, letter: Letter) -> None:
        """Call back for one message."""
        try:
            super().deliver(letter)
        finally:
            self.busy.release()
