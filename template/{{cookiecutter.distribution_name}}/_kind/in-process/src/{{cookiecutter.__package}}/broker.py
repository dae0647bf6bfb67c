"""The messaging system: topics held in this process, each a queue that its readers share.

A message waits until one reader takes it, be it published before that reader was opened.
"""

# REPLACE: this module by what your messages really travel through: a directory of files, a pipe, a
# device, whatever needs no client library. If reading from it blocks and cannot be woken, see that
# take() waits in short steps and looks whether the subscription has ended.

import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True)
class Message:
    """A message as the broker keeps it; ``number`` tells one from the next of the same bytes."""

    topic: str
    number: int
    payload: bytes


@dataclass
class Subscription:
    """What a reader holds from ``open()`` to ``close()``; once ended it takes nothing more."""

    topics: tuple[str, ...]
    ended: bool = False


class Broker:
    """All topics. One condition guards them, so that a reader can wait on several at once."""

    def __init__(self) -> None:
        self._topics: defaultdict[str, deque[Message]] = defaultdict(deque)
        self._numbers = count()
        self._changed = threading.Condition()

    def put(self, topic: str, payload: bytes) -> None:
        """Keep one message for whichever reader comes for it."""
        with self._changed:
            self._topics[topic].append(Message(topic, next(self._numbers), payload))
            self._changed.notify_all()

    def take(self, by: Subscription, timeout_s: float | None) -> Message | None:
        """The oldest message there is, or None once the time is up or the subscription ended."""
        with self._changed:
            found = self._changed.wait_for(lambda: by.ended or self._oldest(by.topics), timeout_s)
            return found.popleft() if isinstance(found, deque) else None

    def end(self, subscription: Subscription) -> None:
        """Let it take nothing more, and wake whoever is waiting on it."""
        with self._changed:
            subscription.ended = True
            self._changed.notify_all()

    def _oldest(self, topics: tuple[str, ...]) -> deque[Message] | None:
        waiting = (self._topics[topic] for topic in topics if self._topics[topic])
        return min(waiting, key=lambda queue: queue[0].number, default=None)


broker = Broker()
