"""Rejections of SafePromise that nobody looks at."""

from __future__ import annotations

import gc
import logging

import pytest
from promise import Promise
from provoking import Background

from sinetstream_sdk.promises import Deferred, SafePromise


def rejected(reason: BaseException) -> Deferred:
    deferred: Deferred = Deferred()
    deferred.reject(reason)
    return deferred


class TestUnseenRejections:
    @pytest.fixture
    def errors(self, caplog):
        """The errors logged so far, garbage collected first."""
        gc.collect()  # what earlier tests left is not to be told of here
        caplog.set_level(logging.ERROR, "sinetstream_sdk.promises")
        caplog.clear()

        def collect():
            gc.collect()
            return [record for record in caplog.records if record.levelno == logging.ERROR]

        return collect

    def test_logged_once(self, errors):
        """A rejection that nobody looked at is logged once, with its reason, by this module."""
        reason = OSError("unseen")
        rejected(reason)
        (record,) = errors()
        assert record.name == "sinetstream_sdk.promises"
        assert record.exc_info[1] is reason
        assert len(errors()) == 1

    def test_logged_at_once(self, caplog):
        """No garbage collection is needed for the end of a chain to be logged."""
        gc.disable()
        try:
            SafePromise.resolve(1).then(lambda v: v / 0)
            assert len(caplog.records) == 1
        finally:
            gc.enable()

    @pytest.mark.parametrize(
        "look",
        [
            lambda p: p.reason,
            lambda p: p.value,
            lambda p: p.catch(lambda e: None),
            lambda p: p.then(None, lambda e: None),
            lambda p: p.done(None, lambda e: None),
            lambda p: SafePromise.all([p]).catch(lambda e: None),
            lambda p: Promise.all([p]),
            lambda p: Promise.resolve(1).then(lambda _: p),
            lambda p: Background(p.get),
        ],
    )
    def test_not_logged_when_seen(self, errors, look):
        """Whoever takes the reason, or asks for it, has seen it."""
        look(rejected(OSError()).promise)
        assert errors() == []

    @pytest.mark.parametrize("early", [True, False])
    def test_the_end_of_the_chain_is_logged(self, errors, early):
        """In a chain only the last promise is at fault, and only once."""
        deferred: Deferred = Deferred()
        if not early:
            deferred.reject(OSError())
        end = deferred.promise.then(lambda v: v).then(lambda v: v)
        if early:
            deferred.reject(OSError())
        del end, deferred
        assert len(errors()) == 1

    def test_done_is_the_end(self, errors):
        """done() logs what its callback raises, and a rejection that it has no callback for."""
        SafePromise.resolve(1).done(lambda v: v / 0)
        assert len(errors()) == 1
        SafePromise.reject(OSError()).done(print)
        assert len(errors()) == 2

    def test_nothing_else_is_logged(self, errors):
        """Pending and fulfilled promises, and rejections that came too late, go in silence."""
        pending: Deferred = Deferred()
        fulfilled: Deferred = Deferred()
        fulfilled.resolve(1)
        fulfilled.reject(OSError())
        del pending, fulfilled
        assert errors() == []

    def test_a_callback_without_a_promise(self, errors):
        """What a callback raises that no promise stands for is logged, and others run."""
        promise: SafePromise = SafePromise()
        seen: list = []
        promise._add_callbacks(lambda v: v / 0, None, None)
        promise.then(seen.append)
        promise.do_resolve(1)
        assert seen == [1]
        assert [record.exc_info[0] for record in errors()] == [ZeroDivisionError]
