"""Fairness: a stream that finds the time of a loop's turn spent waits for a later turn."""

import asyncio
import gc
import threading
import weakref

import pytest

from rxagent.streams import RunScheduler, from_async
from rxagent.streams.background_loop import daemon_loop
from rxagent.streams.fairness import FairShare


def test_all_of_a_loop_share_one_pace():
    """A loop has one pace, another loop has another."""

    async def main():
        loop = asyncio.get_running_loop()
        assert FairShare.of(loop) is FairShare.of(loop)
        return FairShare.of(loop)

    assert asyncio.run(main()) is not asyncio.run(main())


def test_a_loop_is_not_kept():
    """A loop that is no longer needed is collected, its fair share with it."""

    async def main():
        loop = asyncio.get_running_loop()
        assert not FairShare.of(loop).spent
        return weakref.ref(loop)

    gone = asyncio.run(main())
    gc.collect()

    assert gone() is None


def test_time_is_spent_within_a_turn_only():
    """Time that passes within one turn of the loop is spent, and the next turn has its own."""

    async def main():
        share = FairShare.of(asyncio.get_running_loop())
        share.seconds = 0
        within = [share.spent, share.spent]
        await asyncio.sleep(0)
        return within, share.spent

    assert ([False, True], False) == asyncio.run(main())


def test_one_is_let_on_in_each_turn():
    """Waiting streams go on in their order, one a turn, with other work in between."""

    async def main():
        share = FairShare.of(asyncio.get_running_loop())
        share.seconds = 0
        order = []

        async def pump(name):
            for _ in range(3):
                if share.spent:
                    await share.turn()
                order.append(name)

        async def heart():
            while len(order) - order.count("|") < 9:
                order.append("|") if order and order[-1] != "|" else None
                await asyncio.sleep(0)

        await asyncio.gather(*map(pump, "abc"), heart())
        return "".join(order)

    order = asyncio.run(main())
    assert "a" + "abc" + "abc" + "bc" == order.replace("|", "")
    assert max(map(len, order.split("|"))) <= 2


@pytest.mark.parametrize("others", [1, 3])
def test_a_queue_that_never_empties_leaves_turns_to_others(others):
    """The actions of each run get turns, however many actions another run has queued."""

    async def main():
        loop = asyncio.get_running_loop()
        FairShare.of(loop).seconds = 0
        order, busy = [], RunScheduler()

        def work():
            order.append("busy")
            if len(order) < 1000:
                busy.post(work)

        busy.post(work)
        for name in range(others):
            queue = RunScheduler()
            for _ in range(5):
                queue.post(order.append, name)
        while busy.is_busy:
            await asyncio.sleep(0)
        return order

    order = asyncio.run(main())
    for name in range(others):
        places = [place for place, who in enumerate(order) if who == name]
        assert len(places) == 5
        assert places[-1] <= 6 * (others + 1)


def test_beginning_and_going_on_take_turns():
    """However many are to begin, every other turn is for one that has begun."""

    async def main():
        share = FairShare.of(asyncio.get_running_loop())
        share.seconds = 0
        order = []

        async def pump():
            if share.spent:
                await share.begin()
            order.append("begun")
            for _ in range(2):
                await share.turn()
                order.append("gone on")

        await asyncio.gather(*(pump() for _ in range(20)))
        return order

    order = asyncio.run(main())
    assert ["begun", "gone on"] * 19 == order[1:39]
    assert (20, 40) == (order.count("begun"), order.count("gone on"))


def test_runs_that_begin_wait_with_those_that_begin():
    """However many runs begin at once, a stream that has begun goes on between them."""

    async def main():
        share = FairShare.of(asyncio.get_running_loop())
        share.seconds = 0
        begun = []
        for number in range(100):
            RunScheduler().post(begun.append, number)
        while not share.spent:
            await asyncio.sleep(0)
        for _ in range(5):
            await share.turn()
        return begun

    assert 100 > len(asyncio.run(main()))


@pytest.mark.parametrize("which", range(3))
def test_one_that_is_cancelled_in_line_delays_no_other(which):
    """The place in line of a pump that was cancelled is skipped."""

    async def main():
        share = FairShare.of(asyncio.get_running_loop())
        share.seconds = 0

        async def pump(number):
            if share.spent:
                waiting.append(number)
                await share.turn()

        waiting = []
        tasks = [asyncio.create_task(pump(number)) for number in range(4)]
        while len(waiting) < 3:
            await asyncio.sleep(0)
        tasks[waiting[which]].cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(*tasks, return_exceptions=True)
        return sum(task.cancelled() for task in tasks)

    assert 1 == asyncio.run(main())


def test_a_loop_without_rest_leaves_time_to_threads():
    """A thread goes on although a loop reads an endless stream, and turns every millisecond."""

    async def endless():
        while True:
            for _ in range(50_000):
                pass
            yield "piece"
            await asyncio.sleep(0)

    reading = from_async(endless).subscribe(scheduler=RunScheduler(loop=daemon_loop()))
    try:
        for _ in range(20):
            assert not threading.Event().wait(0.001)
    finally:
        reading.dispose()
