"""The four roles a plugin can play, and the entry-point group each is found under (guide §3.3)."""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """One of the four roles; its value is the word used in node ids, options and reports."""

    READER = "reader"
    WRITER = "writer"
    ASYNC_READER = "async_reader"
    ASYNC_WRITER = "async_writer"

    @property
    def group(self) -> str:
        """The entry-point group in which a plugin registers its class for this role."""
        return f"sinetstream.{self.value}"

    @property
    def reads(self) -> bool:
        """Whether the role receives messages."""
        return self in (Role.READER, Role.ASYNC_READER)

    @property
    def asynchronous(self) -> bool:
        """Whether the role delivers through callbacks or promises."""
        return self in (Role.ASYNC_READER, Role.ASYNC_WRITER)

    def __str__(self) -> str:
        return self.value


GROUPS = tuple(role.group for role in Role)
"""Every entry-point group that this library looks at, in the order of :class:`Role`."""
