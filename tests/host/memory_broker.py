"""A messaging system in this process, with a plugin for each role, for the host's own tests."""

import threading
from collections import defaultdict
from queue import Empty, Queue
from typing import Any, ClassVar

from promise import Promise

from sinetstream_sdk.registry import default_registry
from sinetstream_sdk.roles import Role


class Broker:
    """Queues by topic, and every plugin that was built."""

    def __init__(self) -> None:
        self.topics: defaultdict[str, Queue[Any]] = defaultdict(Queue)
        self.built: list[Any] = []
        self.refuse: Exception | None = None


class Base:
    broker: ClassVar[Broker]

    def __init__(self, confver: Any, params: Any) -> None:
        self.confver, self.params = confver, params
        self.is_open = False
        self.broker.built.append(self)

    def open(self) -> None:
        if self.broker.refuse is not None:
            raise self.broker.refuse
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def metrics(self) -> Any:
        return {"open": self.is_open}

    def reset_metrics(self) -> None:
        self.was_reset = True

    def info(self, path: Any, options: Any) -> Any:
        return ["info", path, options]


class Reader(Base):
    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        topics = self.params["topics"]
        topic = topics[0] if isinstance(topics, list) else topics
        try:
            item = self.broker.topics[topic].get(timeout=self.params["receive_timeout_ms"] / 1000)
        except Empty:
            raise StopIteration from None
        if isinstance(item, Exception):
            raise item
        return item, topic, ("raw", item)


class Writer(Base):
    def publish(self, message: bytes) -> Any:
        if self.broker.refuse is not None:
            raise self.broker.refuse
        self.broker.topics[self.params["topic"]].put(message)


class AsyncWriter(Base):
    def publish(self, message: bytes) -> Any:
        if self.broker.refuse is not None:
            return Promise.reject(self.broker.refuse)
        self.broker.topics[self.params["topic"]].put(message)
        return Promise.resolve(None)


class AsyncReader(Base):
    def __init__(self, confver: Any, params: Any) -> None:
        super().__init__(confver, params)
        self.callbacks: dict[str, Any] = {}
        self.thread: Any = None

    @property
    def on_message(self) -> Any:
        return self.callbacks.get("on_message")

    @on_message.setter
    def on_message(self, on_message: Any) -> None:
        self.callbacks["on_message"] = on_message

    @property
    def on_failure(self) -> Any:
        return self.callbacks.get("on_failure")

    @on_failure.setter
    def on_failure(self, on_failure: Any) -> None:
        self.callbacks["on_failure"] = on_failure

    def open(self) -> None:
        super().open()
        self.thread = threading.Thread(target=self.loop)
        self.thread.start()

    def close(self) -> None:
        self.broker.topics[self.params["topics"]].put(None)
        if self.thread is not threading.current_thread():
            self.thread.join(10)
        super().close()

    def loop(self) -> None:
        topic = self.params["topics"]
        while (item := self.broker.topics[topic].get()) is not None:
            if isinstance(item, Exception):
                self.on_failure(item)
            else:
                self.on_message(item, topic, ("raw", item))


ROLES = {
    Role.READER: Reader,
    Role.WRITER: Writer,
    Role.ASYNC_READER: AsyncReader,
    Role.ASYNC_WRITER: AsyncWriter,
}


def install() -> Broker:
    broker = Broker()
    registry = default_registry()
    for role, cls in ROLES.items():
        registry.register(role, "memory", type(cls.__name__, (cls,), {"broker": broker}))
    return broker


def remove() -> None:
    for role in ROLES:
        default_registry().unregister(role, "memory")
