"""Mistakes that plugin authors make again and again, recognised by their traces.

A pitfall gives a failure its likely cause and a more exact mend than the rule's own hint.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from sinetstream_conformance.channels import is_pep479
from sinetstream_conformance.library import is_library_error
from sinetstream_conformance.verdict import Violation


@dataclass(frozen=True)
class Pitfall:
    """A known mistake: how it is recognised, what causes it and how to mend it."""

    name: str
    cause: str
    mend: str
    recognise: Callable[[str, Violation], bool]


def recognise(rule: str, violation: Violation) -> Pitfall | None:
    """The known mistake behind a failure of ``rule``, if there is one."""
    return next((p for p in PITFALLS if p.recognise(rule, violation)), None)


def _text(violation: Violation) -> str:
    return "\n".join([violation.observed, str(violation.error or ""), *violation.deaths])


def _attribute_error(violation: Violation, *words: str) -> bool:
    return isinstance(violation.error, AttributeError) and any(
        word in str(violation.error) for word in words
    )


def _is_topic_as_bytes(violation: Violation) -> bool:
    seen = re.fullmatch(r"b(['\"])(?P<topic>.+)\1 \(bytes\)", violation.observed)
    return (
        seen is not None and "topic" in violation.expected and seen["topic"] in violation.expected
    )


PITFALLS: tuple[Pitfall, ...] = (
    Pitfall(
        "params-only constructor",
        "params-only constructor: __init__ takes (params) alone, as the guide has it, but the "
        "published host calls the class with (confver, params)",
        "derive from the SDK's base class and write `def __init__(self, *args): "
        "super().__init__(*args)`, or write `def __init__(self, confver, params)`",
        lambda rule, v: (
            rule == "CTOR-HOST" and isinstance(v.error, TypeError) and "argument" in str(v.error)
        ),
    ),
    Pitfall(
        "PEP 479",
        "PEP 479: a `raise StopIteration` inside a generator is turned into RuntimeError by every "
        "Python since 3.7; the guide's own example does it",
        "write `return` in place of `raise StopIteration()` in the generator, or write the "
        "iterator as a class with __next__",
        lambda rule, v: is_pep479(v.error),
    ),
    Pitfall(
        "iterator without __iter__",
        "iterator without __iter__: the object that __iter__ of the reader returns has __next__ "
        "but is not itself iterable",
        "add `def __iter__(self): return self` to the iterator's class",
        lambda rule, v: rule == "READ-ITERATOR" and "__iter__" in v.observed,
    ),
    Pitfall(
        "property without a setter",
        "property without a setter: the class defines the property's getter only",
        "add `@on_message.setter` (and `@on_failure.setter`) with a method that keeps the callback",
        lambda rule, v: _attribute_error(v, "has no setter", "can't set"),
    ),
    Pitfall(
        "future in place of a promise",
        "future in place of a promise: publish() returns what an executor's submit() gave",
        "return a `promise.Promise`; `sinetstream_sdk.promises.Deferred` makes one that may be "
        "settled from any thread",
        lambda rule, v: rule == "AWRITE-PROMISE" and Future.__name__ in v.observed,
    ),
    Pitfall(
        "acknowledgement before registration",
        "acknowledgement before registration: it came while publish() was still under way and "
        "found no promise to settle",
        "register the promise before the message is sent; where the client gives the key only when "
        "it sends, use `sinetstream_sdk.outstanding.Outstanding`",
        lambda rule, v: rule == "AWRITE-SETTLE" and "while the acknowledgement came" in v.observed,
    ),
    Pitfall(
        "promise never settled",
        "promise never settled: neither resolve nor reject is called on some path",
        "settle the promise in the acknowledgement's handler, in its error handler and in close(); "
        "`sinetstream_sdk.publishing.PublishingAsyncWriter` does all three",
        lambda rule, v: rule.startswith("AWRITE-") and "is still pending" in v.observed,
    ),
    Pitfall(
        "module not found",
        "module not found: an import of the plugin's module fails in this environment",
        "correct the import, or add what provides the module to `dependencies` in pyproject.toml "
        "and install the plugin anew",
        lambda rule, v: rule == "PKG-LOAD" and ModuleNotFoundError.__name__ in v.observed,
    ),
    Pitfall(
        "guarantee refused",
        "guarantee refused: the plugin refuses a consistency that is declared for it; where the "
        "harness declares none, AT_MOST_ONCE and AT_LEAST_ONCE are taken for granted",
        "name in the harness the guarantees that the plugin gives, such as "
        "`Capabilities(consistencies=(Consistency.AT_MOST_ONCE,))`, or accept what is declared",
        lambda rule, v: (
            is_library_error(v.error, "InvalidArgumentError") and "'consistency'" in str(v.error)
        ),
    ),
    Pitfall(
        "topic as bytes",
        "topic as bytes: the topic is passed on as the client gave it",
        "decode it: `topic.decode()`",
        lambda rule, v: _is_topic_as_bytes(v),
    ),
    Pitfall(
        "zero taken for no limit",
        "zero taken for no limit: a timeout of 0 is tested for truth, or handed to a client that "
        "takes it for 'for ever'",
        "compare with None (`if timeout is None`), and where the client has another meaning for 0 "
        "give it the shortest time that it knows",
        lambda rule, v: (
            rule == "READ-TIMEOUT"
            and "receive_timeout_ms=0 " in v.expected
            and "running" in v.observed
        ),
    ),
    Pitfall(
        "None for a callback",
        "None for a callback: on_message is called while nobody has set it",
        "look at the callback once, keep it in a local variable, and hold the message while it is "
        "None",
        lambda rule, v: "'NoneType' object is not callable" in _text(v),
    ),
    Pitfall(
        "milliseconds taken for seconds",
        "milliseconds taken for seconds: receive_timeout_ms is passed on as it is to a call that "
        "counts in seconds",
        "divide by 1000, or use `self.params.receive_timeout_s()`",
        lambda rule, v: rule == "READ-TIMEOUT" and "receive_timeout_ms=1 it" in v.observed,
    ),
    Pitfall(
        "join from the thread itself",
        "join from the thread itself: close() called in a callback joins the thread that runs the "
        "callback",
        "compare with threading.current_thread() before joining, and let the loop end by itself",
        lambda rule, v: "cannot join current thread" in _text(v),
    ),
)
