"""Classes that break CTOR-INVALID and CTOR-INVALID-READER of ``rules/constructor.py``."""

from __future__ import annotations

import math
from typing import Any

from sinetstream_broken.correct import (
    MemoryAsyncReader,
    MemoryAsyncWriter,
    MemoryReader,
    MemoryWriter,
)
from sinetstream_broken.marking import breaks
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.spi import PluginMessageReader, PluginMessageWriter

# -- CTOR-INVALID --------------------------------------------------------------------------------


class LenientWriter(MemoryWriter):
    """A writer whose look at the topic is there to be mutated."""

    def __init__(self, *args: Any) -> None:
        PluginMessageWriter.__init__(self, *args)
        self.topic = self.read_topic()
        self.is_open = False

    def read_topic(self) -> str:
        """The topic, checked."""
        return self.params.topic()


@breaks("CTOR-INVALID", role="writer", says=("[topic-missing]", "KeyError: 'topic'"))
class TopicOrKeyError(LenientWriter):
    """Lets ``KeyError`` out."""

    def read_topic(self) -> str:
        if "topic" not in self.params:
            raise KeyError("topic")
        return self.params.topic()


@breaks("CTOR-INVALID", role="writer", says=("[topic-none]", "'topic': None", "returned"))
class TopicNone(LenientWriter):
    """Takes whatever ``get()`` gives."""

    def read_topic(self) -> str:
        topic = self.params.get("topic")
        return topic if topic is None else self.params.topic()


@breaks("CTOR-INVALID", role="writer", says=("[topic-empty]", "'topic': ''", "returned"))
class TopicEmpty(LenientWriter):
    """Looks at the type alone."""

    def read_topic(self) -> str:
        topic = self.params.get("topic")
        return topic if topic == "" else self.params.topic()


class TopicToStr(LenientWriter):
    """Makes a str of anything."""

    def read_topic(self) -> str:
        topic = self.params.get("topic")
        return str(topic) if isinstance(topic, int) else self.params.topic()


@breaks("CTOR-INVALID", role="async_writer", says=("[topic-not-a-str]", "'topic': 17", "returned"))
class TopicConverted(MemoryAsyncWriter):
    """Wraps a writer that makes a str of anything."""

    writer_class = TopicToStr


@breaks(
    "CTOR-INVALID",
    role="reader",
    says=("[topic-missing]", "a message that names topic", "name the parameter"),
)
class NamelessRefusal(MemoryReader):
    """Does not say what is wrong, as in the guide's example."""

    def __init__(self, *args: Any) -> None:
        try:
            super().__init__(*args)
        except InvalidArgumentError:
            raise InvalidArgumentError from None


@breaks("CTOR-INVALID", role="async_reader", says=("[topic-empty]", "ValueError"))
class RefusalOfPython(MemoryAsyncReader):
    """Raises Python's error in place of this library's."""

    def __init__(self, *args: Any) -> None:
        try:
            super().__init__(*args)
        except InvalidArgumentError as error:
            raise ValueError(str(error)) from error


@breaks("CTOR-INVALID", role="reader", says=("[topic-missing]", "returned"))
class RefusesWhenOpened(MemoryReader):
    """Finds out in ``open()``."""

    def __init__(self, *args: Any) -> None:
        PluginMessageReader.__init__(self, *args)
        self.timeout_s = self.params.receive_timeout_s()
        self.subscription = None

    def open(self) -> None:
        self.topics = self.params.topics()
        super().open()


# -- CTOR-INVALID-READER -------------------------------------------------------------------------


class LenientReader(MemoryReader):
    """A reader whose look at its parameters is there to be mutated."""

    def __init__(self, *args: Any) -> None:
        PluginMessageReader.__init__(self, *args)
        self.topics = tuple(self.read_topics())
        self.timeout_s = self.read_timeout()
        self.subscription = None

    def read_topics(self) -> Any:
        """The topics, checked."""
        return self.params.topics()

    def read_timeout(self) -> float | None:
        """The time in seconds, checked."""
        return self.params.receive_timeout_s()


@breaks("CTOR-INVALID-READER", role="reader", says=("[topics-none]", "TypeError"))
class TopicsNone(LenientReader):
    """Iterates over None."""

    def read_topics(self) -> Any:
        if "topics" in self.params:
            topics = self.params["topics"]
            return [topics] if isinstance(topics, str) else list(topics)
        return super().read_topics()


@breaks("CTOR-INVALID-READER", role="reader", says=("[topics-empty-list]", "returned"))
class TopicsEmptyList(LenientReader):
    """Is content with no topic at all."""

    def read_topics(self) -> Any:
        return () if self.params.get("topics") == [] else super().read_topics()


@breaks("CTOR-INVALID-READER", role="reader", says=("[topics-empty-member]", "returned"))
@breaks("CTOR-INVALID-READER", role="reader", says=("[topics-member-not-a-str]", "returned"))
class TopicsMember(LenientReader):
    """Looks at the list and not into it."""

    def read_topics(self) -> Any:
        topics = self.params.get("topics")
        return topics if isinstance(topics, list) and topics else super().read_topics()


@breaks("CTOR-INVALID-READER", role="reader", says=("[timeout-negative]", "-1", "returned"))
class TimeoutNegative(LenientReader):
    """Divides by 1000 and waits for less than no time."""

    def read_timeout(self) -> float | None:
        timeout_ms = self.params.get("receive_timeout_ms")
        if isinstance(timeout_ms, int) and timeout_ms < 0:
            return timeout_ms / 1000
        return super().read_timeout()


@breaks("CTOR-INVALID-READER", role="reader", says=("[timeout-nan]", "nan", "returned"))
class TimeoutNan(LenientReader):
    """Compares, which NaN comes through."""

    def read_timeout(self) -> float | None:
        timeout_ms = self.params.get("receive_timeout_ms")
        if isinstance(timeout_ms, float) and not timeout_ms < 0:
            return None if timeout_ms == math.inf else timeout_ms / 1000
        return super().read_timeout()


@breaks(
    "CTOR-INVALID-READER",
    role="reader",
    says=("[timeout-not-a-number]", "TypeError: unsupported operand"),
)
@breaks("CTOR-INVALID-READER", role="reader", says=("[timeout-none]", "counts as absent"))
class TimeoutDivided(LenientReader):
    """Divides whatever is there by 1000."""

    def read_timeout(self) -> float | None:
        timeout_ms = self.params.get("receive_timeout_ms", math.inf)
        if timeout_ms is None or isinstance(timeout_ms, str):
            return timeout_ms / 1000  # type: ignore[operator]
        return super().read_timeout()


@breaks("CTOR-INVALID-READER", role="async_reader", says=("[timeout-negative]", "returned"))
class TimeoutUnread(MemoryAsyncReader):
    """Looks away, since the parameter has no meaning for it."""

    def _wrapped_params(self) -> dict[str, Any]:
        return {**self.params, "receive_timeout_ms": self.poll_ms}
