"""Messaging systems held in memory: the models of delivery that the contract knows."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Letter:
    """A message as the broker keeps it."""

    topic: str
    payload: bytes


@dataclass
class Subscription:
    """What a reader has got and not yet taken."""

    topics: tuple[str, ...]
    effective_at: float = 0.0
    waiting: deque[Letter] = field(default_factory=deque)


class Broker:
    """Topics in memory.

    :param competing: readers of a topic share its messages; otherwise each gets them all
    :param retained: a reader also gets what was published before it subscribed
    :param delay_s: how long after subscribing messages begin to reach a reader
    """

    def __init__(self, *, competing: bool, retained: bool, delay_s: float = 0.0) -> None:
        self._competing, self._retained, self._delay_s = competing, retained, delay_s
        self._changed = threading.Condition()
        self._kept: defaultdict[str, deque[Letter]] = defaultdict(deque)
        self._subscriptions: list[Subscription] = []
        self.latest: dict[str, Letter] = {}
        """The last message of each topic."""
        self.refusing = False
        self.stalled = False
        self.away = False

    def subscribe(self, topics: tuple[str, ...]) -> Subscription:
        """Begin to receive."""
        with self._changed:
            subscription = Subscription(topics, time.monotonic() + self._delay_s)
            if self._retained and not self._competing:
                for topic in topics:
                    subscription.waiting.extend(self._kept[topic])
            self._subscriptions.append(subscription)
            return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop receiving, and wake who waits."""
        with self._changed:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)
            self._changed.notify_all()

    def put(self, topic: str, payload: bytes) -> None:
        """Take a message.

        :raises BrokenPipeError: the broker refuses
        :raises ConnectionResetError: the broker is away
        """
        with self._changed:
            self._changed.wait_for(lambda: not self.stalled, 30.0)
            self._check_connection()
            if self.refusing:
                raise BrokenPipeError("the broker refuses every message")
            letter = self.latest[topic] = Letter(topic, payload)
            if self._competing or self._retained:
                self._kept[topic].append(letter)
            if not self._competing:
                now = time.monotonic()
                for subscription in self._subscriptions:
                    if topic in subscription.topics and now >= subscription.effective_at:
                        subscription.waiting.append(letter)
            self._changed.notify_all()

    def take(self, subscription: Subscription, timeout_s: float | None) -> Letter | None:
        """The next message, or None when the time is up or the subscription has ended.

        :raises ConnectionResetError: the broker is away
        """
        with self._changed:
            deadline = None if timeout_s is None else time.monotonic() + timeout_s
            while subscription in self._subscriptions:
                self._check_connection()
                letter = self._next(subscription)
                if letter is not None:
                    return letter
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self._changed.wait(left)
            return None

    def _next(self, subscription: Subscription) -> Letter | None:
        if not self._competing:
            return subscription.waiting.popleft() if subscription.waiting else None
        return next((self._kept[t].popleft() for t in subscription.topics if self._kept[t]), None)

    def _check_connection(self) -> None:
        if self.away:
            raise ConnectionResetError("the broker is away")

    def wake(self) -> None:
        """Let who waits look again."""
        with self._changed:
            self._changed.notify_all()
