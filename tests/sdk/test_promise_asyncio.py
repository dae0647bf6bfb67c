"""SafePromise awaited in event loops."""

from __future__ import annotations

import asyncio

import pytest
from provoking import Background

from sinetstream_sdk.promises import Deferred, SafePromise


def rejected(reason: BaseException) -> Deferred:
    deferred: Deferred = Deferred()
    deferred.reject(reason)
    return deferred


class TestAsyncio:
    def test_await_while_another_thread_settles(self):
        """A loop in debug mode, which refuses calls from other threads, is woken as it should."""
        deferred: Deferred = Deferred()

        async def main():
            waiting = asyncio.ensure_future(self._await(deferred.promise))
            await asyncio.sleep(0)
            Background(deferred.resolve, "v").result()
            return await waiting

        assert Background(lambda: asyncio.run(main(), debug=True)).result() == "v"

    async def _await(self, promise):
        return await promise

    def test_await_of_settled_ones(self):
        """Await of a settled promise gives the value or raises the reason."""
        assert asyncio.run(self._await(SafePromise.resolve(1))) == 1
        with pytest.raises(OSError, match="no"):
            asyncio.run(self._await(rejected(OSError("no")).promise))

    def test_await_of_a_rejection_from_another_thread(self):
        """Await raises the reason with which another thread rejects."""
        deferred: Deferred = Deferred()

        async def main():
            asyncio.get_running_loop().call_soon(Background, deferred.reject, OSError("late"))
            return await deferred.promise

        with pytest.raises(OSError, match="late"):
            Background(asyncio.run, main()).result()

    def test_awaited_by_several_loops(self):
        """Each thread may await the same promise in its own event loop, more than once."""
        deferred: Deferred = Deferred()

        async def main():
            return [await asyncio.gather(*(self._await(deferred.promise) for _ in range(2)))]

        waiters = [Background(asyncio.run, main()) for _ in range(3)]
        deferred.resolve("v")
        assert [waiter.result() for waiter in waiters] == [[["v", "v"]]] * 3

    def test_await_that_is_cancelled(self, caplog):
        """An await that timed out spoils neither the promise nor a later await."""
        deferred: Deferred = Deferred()

        async def main():
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(self._await(deferred.promise), 0.01)
            deferred.resolve("v")
            await asyncio.sleep(0)
            return await deferred.promise

        assert asyncio.run(main()) == "v"
        assert not caplog.records

    def test_future(self):
        """promise.future is a future of the running loop, for value and reason."""
        deferreds: list[Deferred] = [Deferred(), Deferred()]

        async def main():
            futures = [d.promise.future for d in deferreds]
            settler = Background(lambda: (deferreds[0].resolve(1), deferreds[1].reject(OSError())))
            outcome = await asyncio.gather(*futures, return_exceptions=True)
            settler.result()
            return outcome

        value, reason = asyncio.run(main())
        assert value == 1
        assert isinstance(reason, OSError)

    def test_future_with_a_reason_that_futures_refuse(self):
        """StopIteration, which no future takes, does not leave the awaiting task hanging."""

        async def main():
            return await asyncio.wait_for(rejected(StopIteration()).promise.future, 10)

        with pytest.raises((TypeError, RuntimeError), match="StopIteration"):
            asyncio.run(main())

    def test_future_without_a_loop(self):
        """Without an event loop there is no future."""
        with pytest.raises(RuntimeError, match="no running event loop"):
            _ = SafePromise().future

    def test_settling_after_the_loop_is_gone(self, caplog):
        """Settling a promise whose awaiting loop has closed disturbs nobody."""
        deferred: Deferred = Deferred()

        async def main():
            return deferred.promise.future

        asyncio.run(main())
        deferred.resolve(1)
        assert not caplog.records
