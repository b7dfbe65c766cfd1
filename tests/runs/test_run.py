"""A run goes on by itself, has one owner, and gives its answer to any caller."""

import asyncio
import gc
import json
import logging
import logging.handlers
import queue
import threading
import traceback
from contextvars import ContextVar

import pytest
import reactivex as rx
from reactivex import operators as rxo

from rxagent import Agent, Message, ToolCall, tool
from rxagent import operators as ops
from rxagent.errors import ModelUnavailable, NoAnswer, RunCancelled
from rxagent.events import FinalAnswer, RunStarted, StepStarted, TextDelta, ToolStarted
from rxagent.runs import launch
from rxagent.state import State, fold_all
from rxagent.streams import RunScheduler, daemon_loop, each, from_async
from rxagent.subscribers import on
from rxagent.testing import ScriptedModel, VirtualScheduler

from ..ids import shown
from .watching import EVENTS, WATCHDOG, Feed, Seen, done, joined, run_of, scheduler, streamed


def test_an_answer_is_a_result():
    """Blocking for a run gives the value of its answer, by either name, and again."""
    run = launch(streamed())

    assert "two" == run.result(WATCHDOG)
    assert "two" == run.run()
    assert "completed" == run.status


def test_awaiting_a_run():
    """Awaiting gives the answer's value, from the run's loop and from any other."""
    run = launch(streamed())

    async def main():
        return await run, await launch(streamed())

    assert ("two", "two") == asyncio.run(main())


WAYS_TO_WAIT = {
    "wait_for": lambda run: asyncio.wait_for(run, 0.01),
    "a task": lambda run: cancelled_soon(run),
    "shield": lambda run: asyncio.wait_for(asyncio.shield(run), 0.01),
    "wait": lambda run: asyncio.wait_for(run.wait(), 0.01),
}


async def cancelled_soon(run):
    """Await a run in a task that is cancelled meanwhile."""

    async def owner():
        await run

    task = asyncio.ensure_future(owner())
    await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    raise TimeoutError


@pytest.mark.parametrize("way", WAYS_TO_WAIT)
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_awaiting_is_owning(way, where):
    """A cancelled `await run` cancels the run, down to its source; to shield is only to wait."""

    async def main():
        feed = Feed()
        run = launch(feed.source, scheduler=None if where == "here" else scheduler())
        with pytest.raises(TimeoutError):
            await WAYS_TO_WAIT[way](run)
        if way in ("wait_for", "a task"):
            await asyncio.to_thread(feed.disposed.wait, WATCHDOG)
            assert ("cancelled", True) == (run.status, feed.disposed.is_set())
            return 1
        assert "running" == run.status
        feed.say(FinalAnswer(1))
        feed.end()
        return await run

    assert 1 == asyncio.run(main())


def test_a_wait_that_is_cancelled_leaves_nothing_behind():
    """When the wait and then the run are cancelled, no task is left whose error is lost."""
    lost = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
        run = launch(rx.never())
        waiting = asyncio.ensure_future(run.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert "running" == run.status
        run.cancel()
        await asyncio.sleep(0)
        del waiting, run
        gc.collect()
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert (set(), []) == (asyncio.run(main()), lost)


def test_what_is_wrong_with_a_run_is_raised():
    """`result` of a failed run raises its error, with the traceback it had."""
    error = NoAnswer("none", state=None)
    run = launch(rx.throw(error))

    with pytest.raises(NoAnswer) as raised:
        run.result(WATCHDOG)
    depth = len(traceback.extract_tb(raised.value.__traceback__))
    with pytest.raises(NoAnswer) as again:
        run.result(WATCHDOG)

    assert error is raised.value is again.value
    assert depth == len(traceback.extract_tb(again.value.__traceback__))
    assert "failed" == run.status


def test_a_result_may_be_waited_for_in_vain():
    """When the time is over the run goes on, and says so."""
    feed = Feed()
    run = launch(feed.source)

    with pytest.raises(TimeoutError, match=r"not ended after 0\.01 s"):
        run.result(timeout=0.01)
    assert "running" == run.status
    feed.say(FinalAnswer(5))
    feed.end()
    assert 5 == run.result(WATCHDOG)


def test_no_loop_is_blocked_by_its_own_run():
    """On the thread that does the work, blocking is refused at once, with what to write."""
    feed = Feed()
    refused = []

    def wait(run):
        try:
            run.result()
        except RuntimeError as error:
            refused.append(str(error))

    def loop_over(run):
        try:
            next(iter(each(run)))
        except RuntimeError as error:
            refused.append(str(error))

    async def main():
        own = launch(Feed().source)
        wait(own)
        loop_over(own)
        own.cancel()

    asyncio.run(main())
    run = launch(feed.source, scheduler=scheduler())
    feed.scheduler.loop.call_soon_threadsafe(wait, run)
    feed.scheduler.loop.call_soon_threadsafe(loop_over, run)
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), feed.scheduler.loop).result(WATCHDOG)
    run.subscribe(lambda event: wait(run))
    feed.say(StepStarted(1))
    run.cancel()

    words = ("await run", "async for", "attach")
    assert ["await run", "async for", "await run", "async for", "attach"] == [
        word for sentence in refused for word in words if word in sentence
    ]


def test_a_loop_over_a_run():
    """`async for` and `each` get everything, also when they begin late."""
    run = launch(streamed(), keep="everything")

    async def follow():
        return [event async for event in run]

    assert EVENTS == asyncio.run(follow())
    assert EVENTS == list(each(run))


def test_a_loop_over_a_failed_run():
    """`async for` ends in the run's error, after all that came before it."""
    error = ModelUnavailable("gone")
    received = []

    async def main():
        async for event in launch(rx.concat(streamed(EVENTS[:5]), rx.throw(error))):
            received.append(event)

    with pytest.raises(ModelUnavailable):
        asyncio.run(main())
    assert joined(EVENTS[:5]) == joined(received)


def test_leaving_a_loop_is_not_cancelling():
    """Breaking out of an `async for` unsubscribes, and the run goes on."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    feed.say(StepStarted(1))

    async def main():
        async for _ in run:
            break
        following = run.follow()
        await anext(following)
        del following
        gc.collect()

    asyncio.run(main())
    assert "running" == run.status
    assert () == run._broadcast._broadcaster._observers
    run.cancel()


def test_a_loop_that_was_left_receives_nothing_more():
    """A closed `follow` ends: for a task that waits for it, and before old events."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    feed.say(*EVENTS[:3])

    async def main():
        following = run.follow()
        received = [await anext(following) for _ in range(2)]
        await following.aclose()
        received.append(await anext(following, "ended"))
        following = run.follow(since=3)
        waiting = asyncio.ensure_future(anext(following, "ended"))
        await asyncio.sleep(0)
        await following.aclose()
        return [*received, await asyncio.wait_for(waiting, WATCHDOG)]

    assert [*EVENTS[:2], "ended", "ended"] == asyncio.run(main())
    run.cancel()


def test_following_from_where_one_was():
    """What follows knows its number, and going on from it misses nothing and doubles nothing."""

    async def main():
        run = launch(streamed(), keep="everything")
        first = []
        async with run.follow() as following:
            async for event in following:
                first.append(event)
                if len(first) == 20:
                    break
        return first, following.seq, [event async for event in run.follow(since=following.seq)]

    first, seq, rest = asyncio.run(main())

    assert 20 == seq
    assert EVENTS == first + rest


def test_a_slow_loop_does_not_brake_the_run():
    """An `async for` with a small buffer gets fewer pieces, and loses nothing."""
    events = [StepStarted(1), *(TextDelta(f"{number} ") for number in range(500)), FinalAnswer(1)]

    async def main():
        run = launch(streamed(events))
        received = []
        async for event in run.follow(buffer=4):
            received.append(event)
            if len(received) == 2:
                await run
        return received

    received = asyncio.run(main())

    assert len(received) < 10
    assert joined(events) == joined(received)


def test_leaving_a_run_cancels_it():
    """`with` and `async with` end the run when they are left."""
    feed = Feed()
    with launch(feed.source) as run:
        feed.say(StepStarted(1))

    async def main():
        other = Feed()
        async with launch(other.source) as run:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return run.status, other.disposed.is_set()

    assert ("cancelled", True) == (run.status, feed.disposed.wait(WATCHDOG))
    assert ("cancelled", True) == asyncio.run(main())


def test_leaving_a_run_that_has_ended():
    """Leaving later than the end changes nothing."""
    with launch(streamed()) as run:
        run.result(WATCHDOG)
    run.cancel()
    run.pause()
    run.resume()

    assert ("completed", "two") == (run.status, run.result())


def test_cancelling():
    """Cancelling disposes the source, and all observers receive the same error, with the state."""
    feed = Feed()
    direct, queued, late = Seen(), Seen(), Seen()
    run = launch(feed.source, attach=[queued])
    run.subscribe(direct)
    feed.say(RunStarted("a task", "agent"), StepStarted(1), TextDelta("Hel"), TextDelta("lo"))

    run.cancel("enough")
    run.cancel("more than enough")
    run.subscribe(late)
    feed.say(TextDelta("too late"))

    with pytest.raises(RunCancelled, match="enough") as raised:
        run.result(WATCHDOG)
    assert feed.disposed.wait(WATCHDOG)
    assert [raised.value] * 3 == [direct.end, queued.end, late.end]
    assert joined(direct.events) == joined(queued.events) == joined(late.events)
    assert ("enough", "Hello") == (raised.value.reason, raised.value.state.text)
    assert raised.value.state == run.state
    assert "RunCancelled: The run was cancelled: enough" == run.state.error
    assert "cancelled" == run.status


def test_cancelling_before_the_beginning():
    """A run that is cancelled at once never asks for anything."""
    asked = []

    async def main():
        run = launch(rx.defer(lambda _: asked.append(1) or rx.empty()))
        run.cancel()
        await asyncio.sleep(0.01)
        return run

    assert "cancelled" == asyncio.run(main()).status
    assert [] == asked


def test_cancelling_a_stream_that_knows_no_end():
    """Also a stream that emits everything at once is stopped from within."""
    seen = []

    def watch(event):
        seen.append(event)
        if len(seen) == 3:
            run.cancel()

    feed = Feed()
    run = launch(feed.source)
    run.subscribe(watch)
    feed.say(*(TextDelta(str(number)) for number in range(100)))

    assert 3 == len(seen)
    assert ("cancelled", "012") == (run_of(run), run.state.text)


def test_pausing():
    """A paused run reads no further chunk, and goes on where it was."""
    read = []
    paused = threading.Event()

    async def note(number):
        read.append(number)
        await asyncio.sleep(0)

    def watch(event):
        if event == StepStarted(2):
            run.pause()
            paused.set()

    seen = Seen()
    start = Feed()
    run = launch(
        rx.concat(start.source, streamed(after=note)), scheduler=scheduler(), attach=[seen]
    )
    run.subscribe(watch)
    start.end()
    at = EVENTS.index(StepStarted(2)) + 1

    assert paused.wait(WATCHDOG)
    with pytest.raises(TimeoutError):
        run.result(timeout=0.05)
    assert ("paused", at - 1) == (run.status, len(read))
    run.resume()
    assert ("two", "completed") == (run.result(WATCHDOG), run.status)
    assert (EVENTS, "completed") == (seen.events, seen.end)


def agent_of(words):
    """Return an agent whose model says so many words at once, and the words that were read."""
    asked = []

    def said(request):
        asked.append(request)
        return rx.from_iterable([TextDelta("word ")] * words)

    return Agent(said), asked


@pytest.mark.parametrize("factory", ["", "eager_task_factory"])  # the latter since Python 3.12
def test_a_run_that_is_paused_at_once_on_its_loop_emits_nothing(factory):
    """Started and paused before the loop goes on, it asks no model until it is resumed."""
    agent, asked = agent_of(3)

    async def main():
        asyncio.get_running_loop().set_task_factory(getattr(asyncio, factory, None))
        seen = []
        run = agent.start("x")
        run.pause()
        run.subscribe(seen.append)
        for _ in range(20):
            await asyncio.sleep(0)
        assert ([], [], "paused") == (seen, asked, run.status)
        run.resume()
        assert "word word word" == (await run).strip()
        assert RunStarted("x", "agent") == seen[0]
        cancelled = agent.start("x")
        cancelled.pause()
        cancelled.cancel()
        with pytest.raises(RunCancelled):
            await cancelled

    asyncio.run(main())
    assert 1 == len(asked)


def test_a_pause_takes_effect_at_the_queue_s_next_turn():
    """On another thread, what was queued before is still emitted, and nothing that comes after."""
    at_work, go_on, seen = threading.Event(), threading.Event(), []
    feed = Feed()
    run = launch(feed.source)
    run.subscribe(seen.append)
    done(feed.scheduler)

    feed.scheduler.post(lambda: at_work.set() or go_on.wait(WATCHDOG))
    assert at_work.wait(WATCHDOG)
    feed.observer.on_next(TextDelta("before"))
    run.pause()
    feed.observer.on_next(TextDelta("after"))
    assert "paused" == run.status
    go_on.set()
    for _ in range(3):
        done(feed.scheduler)

    assert [TextDelta("before")] == seen
    run.resume()
    done(feed.scheduler)
    assert [TextDelta("before"), TextDelta("after")] == seen
    run.cancel()


def test_a_pause_in_an_observer_comes_before_what_is_queued():
    """Of three calls of one message, no other starts when the start of the first pauses the run."""

    @tool
    def delete(path: str) -> None:
        """Delete a file."""
        deleted.append(path)

    calls = tuple(ToolCall(name, "delete", json.dumps({"path": name})) for name in "abc")
    agent = Agent(ScriptedModel([Message("assistant", tool_calls=calls), "Done."]), [delete])
    started, deleted = [], []

    def watch(event):
        started.append(event)
        if len(started) == 1:
            run.pause()

    async def main():
        nonlocal run
        run = agent.start("x")
        run.subscribe(on(ToolStarted, watch))
        while not deleted:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert (1, 1) == (len(started), len(deleted))
        run.resume()
        return await run

    run = None
    assert "Done." == asyncio.run(main())
    assert ["a", "b", "c"] == sorted(deleted)


def test_what_operators_emit_waits_while_a_run_is_paused():
    """Operators of ReactiveX emit in actions of their own, which a pause does not stop."""
    seen = []
    with VirtualScheduler() as home:
        run = launch(rx.defer(lambda _: run.pause() or rx.of(*EVENTS)), scheduler=home)
        run.subscribe(seen.append, on_completed=lambda: seen.append("end"))
        home.run()
        assert ([], "paused") == (seen, run.status)
        run.resume()
        home.run()

    assert [*EVENTS, "end"] == seen


def test_pausing_twice_is_pausing_once():
    """Pausing and resuming do not add up."""
    feed = Feed()
    run = launch(feed.source)

    def is_held():
        done(feed.scheduler)
        return feed.scheduler.is_held

    assert feed.observer is not None
    run.pause()
    run.pause()
    assert (True, "paused") == (is_held(), run.status)
    run.resume()
    assert (False, "running") == (is_held(), run.status)
    run.resume()
    run.pause()
    assert is_held()
    run.cancel()
    assert ("cancelled", False) == (run.status, is_held())


def test_time_stops_while_paused():
    """A time-out does not run in a paused run."""
    with VirtualScheduler() as virtual:
        run = launch(rx.never().pipe(ops.timeout(total=10)), scheduler=virtual)
        virtual.advance_to(6)
        run.pause()
        virtual.advance_to(60)
        assert "paused" == run.status
        run.resume()
        virtual.advance_to(63.9)
        assert "running" == run.status
        virtual.advance_to(64)
        assert "failed" == run.status


def test_the_state_of_a_run():
    """The state is right at every event, for a direct observer and for any other thread."""
    states = []
    other = []
    feed = Feed()
    run = launch(feed.source)

    def ask():
        thread = threading.Thread(target=lambda: other.append(run.state))
        thread.start()
        thread.join(WATCHDOG)

    run.subscribe(lambda event: (states.append(run.state), ask()))
    for event in EVENTS:
        feed.say(event)
    feed.end()

    expected = [fold_all(State(), EVENTS[: number + 1]) for number in range(len(EVENTS))]
    assert expected == states
    assert expected == other
    assert expected[-1] == run.state


def test_the_state_of_a_failed_run():
    """What was said before the failure is kept, and the failure too."""
    feed = Feed()
    run = launch(feed.source)
    feed.say(*EVENTS[:20])
    feed.end(ModelUnavailable("It broke off."))

    assert "failed" == run_of(run)
    assert "".join(event.text for event in EVENTS[12:20]) == run.state.text
    assert "ModelUnavailable: It broke off." == run.state.error


def test_a_run_continues_a_state():
    """A run that was given a state goes on from it."""
    before = launch(streamed(EVENTS))
    before.result(WATCHDOG)
    run = launch(streamed(EVENTS), before=before.state)
    run.result(WATCHDOG)

    assert fold_all(State(), EVENTS * 2) == run.state


def test_a_run_that_cannot_begin():
    """A source that raises when it is subscribed fails the run."""

    def broken(observer, scheduler=None):
        raise OSError("no such thing")

    run = launch(rx.create(broken))

    with pytest.raises(OSError, match="no such thing"):
        run.result(WATCHDOG)
    assert "failed" == run.status


def test_a_pipeline_that_raises_fails_the_run():
    """What an operator raises beside the observers ends the run, and is not swallowed."""
    feed = Feed()
    run = launch(feed.source.pipe(rxo.do_action(lambda event: 1 / 0)))
    feed.say(StepStarted(1))

    with pytest.raises(ZeroDivisionError):
        run.result(WATCHDOG)


@pytest.mark.parametrize("begun", [False, True])
def test_a_loop_that_is_stopped_ends_its_runs(begun):
    """Waiting for a run whose loop has ended raises, and does not block."""

    async def main():
        run = launch(rx.concat(streamed(EVENTS[:3]), streamed(EVENTS[:1], lambda _: stall())))
        if begun:
            seen = asyncio.Event()
            run.subscribe(lambda event: seen.set())
            await seen.wait()
        return run

    async def stall():
        await asyncio.Event().wait()

    run = asyncio.run(main())

    assert "cancelled" == run_of(run)


@pytest.mark.parametrize("source", [rx.never(), rx.timer(60)], ids=["never", "timer"])
def test_a_loop_that_ends_cancels_runs_without_tasks(source):
    """The end of `asyncio.run` ends a run also when nothing of it is read on that loop."""
    direct, queued = Seen(), Seen()

    async def main():
        run = launch(source, attach=[queued])
        run.attach(on_loop := Seen(), on="loop")
        run.subscribe(direct)
        await asyncio.sleep(0)
        return run, on_loop

    run, on_loop = asyncio.run(main())

    assert "cancelled" == run_of(run)
    assert [RunCancelled] * 3 == [type(seen.end) for seen in (direct, queued, on_loop)]


class Interrupted(RunScheduler):
    """A scheduler in which Ctrl-C comes as soon as a task was started."""

    def spawn(self, *what):
        super().spawn(*what)
        raise KeyboardInterrupt


def test_ctrl_c_while_a_run_is_started():
    """A run that was not returned, because Ctrl-C came first, is not left open."""
    seen = Seen()
    with pytest.raises(KeyboardInterrupt):
        launch(rx.never(), attach=[seen], scheduler=Interrupted(loop=daemon_loop()))

    assert isinstance(seen.end, RunCancelled)


def test_a_loop_that_is_closed_begins_no_run():
    """A run on a loop that is closed is cancelled from the beginning."""
    loop = asyncio.new_event_loop()
    loop.close()
    seen = Seen()
    on_closed = scheduler()
    on_closed.loop = loop
    run = launch(streamed(), scheduler=on_closed, attach=[seen])

    assert isinstance(seen.end, RunCancelled)
    assert "cancelled" == run.status


def test_words_that_are_not_known_are_refused():
    """A misspelt way, place or number is refused at once, with those there are."""
    with pytest.raises(ValueError, match="keep is 'everything', 'merged' or 'nothing'"):
        launch(rx.empty(), keep="all")
    with launch(Feed().source) as run:
        for wrong, sentence in (
            ({"overflow": "drop"}, "overflow is one of 'merge', 'block', 'fail', 'drop_oldest'"),
            ({"on": "process"}, "on is 'thread' or 'loop'"),
            ({"buffer": 0}, "buffer must be a number of events, 1 or more"),
            ({"since": 7}, "since is a number from 0 to 0"),
            ({"since": -1}, "since is a number from 0 to 0"),
        ):
            with pytest.raises(ValueError, match=sentence):
                run.attach(print, **wrong)


def test_a_run_that_says_nothing_is_no_fault(caplog):
    """The run's own error is not logged because an observer has no on_error."""
    caplog.set_level(logging.DEBUG)
    feed = Feed()
    run = launch(feed.source, attach=[lambda event: None])
    run.subscribe(lambda event: None)
    run.pipe(ops.text()).subscribe(lambda piece: None)
    feed.say(TextDelta("Hi"))
    feed.end(ModelUnavailable("gone"))

    assert "failed" == run_of(run)
    assert [] == [record.message for record in caplog.records if record.name == "rxagent"]


UNOBSERVED = "a run failed, and its end was never observed: ModelUnavailable: gone"
NOTHING = {
    "none": (lambda run: None, lambda run: None),
    "only of events": (lambda run: run.subscribe(lambda event: None), lambda run: None),
}
SOMETHING = {
    "the result": (lambda run: None, run_of),
    "a subscriber": (lambda run: run.subscribe(Seen()), lambda run: None),
    "a viewer": (lambda run: run.attach(Seen()), lambda run: run.drain(WATCHDOG)),
    "a late one": (lambda run: None, lambda run: run.subscribe(on_error=lambda error: None)),
}
CASES = [(1, *asking) for asking in NOTHING.values()] + [
    (0, *asking) for asking in SOMETHING.values()
]


def collect():
    """Collect unreferenced objects, and let the loop log what its finalisers posted."""
    for _ in range(3):
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), daemon_loop()).result(WATCHDOG)
    gc.collect()
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), daemon_loop()).result(WATCHDOG)


@pytest.mark.parametrize(("logged", "before", "after"), CASES, ids=[*NOTHING, *SOMETHING])
def test_a_failure_that_is_not_observed(logged, before, after, caplog):
    """A failed run is logged when it is collected, unless its error was observed."""
    collect()  # what other tests have left
    caplog.clear()
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    before(run)
    feed.end(ModelUnavailable("gone"))
    after(run)
    del run, feed
    collect()

    assert [UNOBSERVED] * logged == caplog.messages


class Collecting(queue.Queue):
    """A queue in which things are collected while its lock is held, as may happen any time."""

    def _put(self, item):
        super()._put(item)
        gc.collect()


def test_a_failure_that_is_found_while_something_is_logged(caplog):
    """A thread that collects a failed run may hold a log's lock, so it does not log."""
    collect()
    log, records = logging.getLogger("rxagent"), Collecting()
    handler = logging.handlers.QueueHandler(records)
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    feed.end(ModelUnavailable("gone"))
    collect()
    circle = [run]
    circle.append(circle)
    log.addHandler(handler)
    try:
        del run, feed, circle
        logging_it = threading.Thread(target=log.warning, args=("something else",), daemon=True)
        logging_it.start()
        logging_it.join(WATCHDOG)
        assert not logging_it.is_alive()
        collect()
    finally:
        log.removeHandler(handler)

    assert "something else" == caplog.messages[0]
    assert [UNOBSERVED] == caplog.messages[1:]


@pytest.mark.parametrize("cancel", [True, False], ids=["cancelled", "failed"])
def test_events_that_no_state_can_be_made_of(cancel):
    """A run whose events do not fold ends all the same, and all observers receive that."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler(), attach=[queued := Seen()])
    run.subscribe(direct := Seen())
    feed.say(TextDelta("a"), TextDelta(None))
    direct.wait_items(2)
    if cancel:
        run.cancel()
    else:
        feed.end(ModelUnavailable("gone"))

    assert ("cancelled" if cancel else "failed") == run_of(run)
    assert direct.end is queued.end


def test_what_a_run_says_of_itself():
    """A run shows its status and its number of events, and why it was cancelled, if known."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    feed.say(*EVENTS[:3])
    run.subscribe(seen := Seen())
    seen.wait_items(3)
    shown = [repr(run)]
    run.cancel()

    viewer = run.attach(print)
    run.drain(WATCHDOG)

    assert ["<Run: running, 3 events>", "<Run: cancelled, 3 events>"] == [*shown, repr(run)]
    assert "<Viewer <built-in function print>: 3 events received, 0 waiting>" == repr(viewer)
    assert ("The run was cancelled.", "") == (str(seen.end), seen.end.reason)


@pytest.mark.parametrize("wrong", [None, 5, [StepStarted(1)], launch], ids=shown)
def test_only_streams_are_launched(wrong):
    """What is no stream is refused at once, and so is what is no list of observers."""
    with pytest.raises(TypeError, match=r"launch takes a stream, as launch\(agent\(task\)\), not "):
        launch(wrong)
    with pytest.raises(TypeError, match="attach must be a list of observers, not print"):
        launch(streamed(), attach=print)


def test_a_run_is_made_of_events():
    """A stream of anything else fails as a run, and says what was no event."""
    run = launch(rx.of(StepStarted(1), "Hello"), scheduler=scheduler())

    with pytest.raises(TypeError, match="A run emits events, and 'Hello' is none"):
        run.result(WATCHDOG)


@pytest.mark.parametrize(
    "late",
    [
        rxo.sample(0.01),
        rxo.delay(0.01),
        rxo.merge(rx.timer(0.01)),
        rxo.flat_map(lambda event: rx.timer(0.01)),
    ],
    ids=["sample", "delay", "merge", "flat_map"],
)
@pytest.mark.parametrize(
    "made",
    [
        lambda run: run,
        lambda run: run.pipe(rxo.skip(0)),
        lambda run: run + rx.of(1),
        lambda run: run[:],
    ],
    ids=["once", "twice", "plus", "slice"],
)
@pytest.mark.parametrize("begin", ["hot", "cold"])
def test_what_is_piped_to_a_run_is_emitted_on_its_loop(begin, made, late):
    """Timers of ReactiveX do not leave the loop's thread, nor the context of the subscriber."""
    user = ContextVar("user", default="unknown")
    seen = set()

    async def main():
        user.set("Ada")
        ended = asyncio.Event()

        def observe(_):
            seen.add((threading.get_ident(), user.get()))

        run = launch(streamed()) if begin == "hot" else Agent(lambda request: "two")("x")
        made(run).pipe(late).subscribe(observe, on_completed=ended.set)
        async with asyncio.timeout(WATCHDOG):
            await ended.wait()

    asyncio.run(main())
    assert {(threading.get_ident(), "Ada")} == seen


def test_a_time_limit_piped_to_a_run_ends_on_its_loop():
    """Operators of ours that may begin a run join the one that they are piped to."""
    threads = []

    async def main():
        ended = asyncio.Event()
        run = launch(rx.never())

        def end(error):
            threads.append(threading.get_ident())
            asyncio.get_running_loop().call_soon(ended.set)

        limited = run.pipe(ops.timeout(total=0.001))
        await asyncio.to_thread(limited.subscribe, print, end)
        async with asyncio.timeout(WATCHDOG):
            await ended.wait()
        run.cancel()

    asyncio.run(main())
    assert [threading.get_ident()] == threads


def test_a_loop_over_a_fast_run_behind_a_clock_holds_no_loop():
    """Its operators emit on a loop, not on a worker that holds the lock of an operator."""
    pieces = [TextDelta(str(number)) for number in range(3_000)]
    run = launch(from_async(lambda: slowly(pieces)), keep="everything")

    assert pieces == list(each(run.pipe(rxo.delay(0.01))))


async def slowly(items):
    """Yield items, with a turn of the loop between two."""
    for item in items:
        yield item
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "late",
    [rxo.delay(0.001), rxo.map(repr), rxo.merge(rx.interval(0.001)), rxo.start_with("first")],
    ids=["late", "at once", "beside a clock", "while it is subscribed to"],
)
@pytest.mark.parametrize("how", ["running", "ended", "with a scheduler"])
def test_a_subscriber_that_raises_behind_operators_is_alone(how, late, caplog):
    """It gets nothing more, its timers end, its error is a fault, and the run goes on."""
    called, faults = [], []

    def raising(item):
        called.append(item)
        if not isinstance(item, int):
            raise ZeroDivisionError

    async def main():
        run = launch(streamed())
        run.faults.subscribe(faults.append)
        if how == "ended":
            await run
        scheduler = RunScheduler() if how == "with a scheduler" else None
        run.pipe(late).subscribe(raising, scheduler=scheduler)
        return await run, await asyncio.sleep(0.02)

    assert ("two", None) == asyncio.run(main())
    assert not isinstance(called.pop(), int)
    assert all(isinstance(item, int) for item in called)
    assert [ZeroDivisionError] == [type(fault.error) for fault in faults]
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("late", [rxo.merge(rx.interval(1)), rxo.start_with("first")])
def test_a_subscriber_that_raises_behind_operators_of_a_cold_run_ends_them(late):
    """Also with a scheduler of the subscriber's own, no timer of the operators goes on."""
    with VirtualScheduler() as home:
        stream = Agent(lambda request: "two")("x").pipe(late)
        stream.subscribe(lambda _: 1 / 0, scheduler=home)
        with pytest.raises(ZeroDivisionError):
            home.run(1_000)


async def word_by_word(request):
    """Answer with a word each second."""
    for number in range(3):
        yield f"w{number} "
        await asyncio.sleep(1)


TIMED = {
    "delay": rxo.delay(0.5),
    "timestamp": rxo.timestamp(),
    "throttle": rxo.throttle_first(1.5),
    "sample": rxo.sample(0.7),
    "debounce": rxo.debounce(0.5),
    "a plain function": rxo.flat_map(lambda _: Agent(lambda request: "two")("x").pipe(ops.text())),
}


@pytest.mark.parametrize("late", TIMED.values(), ids=TIMED)
def test_what_is_piped_to_a_run_keeps_virtual_time(late):
    """Operators get the time of the run, however it was begun, and nothing uses a thread."""

    def emitted(begin):
        seen = []
        with VirtualScheduler() as home:
            begin(home).pipe(ops.text(), late).subscribe(
                lambda item: seen.append((round(home.clock, 3), item)),
                scheduler=home if begin is cold else None,
            )
            home.run()
        return seen

    def cold(home):
        return Agent(word_by_word)("x")

    def hot(home):
        return launch(cold(home), scheduler=home)

    def ended(home):
        run = launch(cold(home), keep="everything", scheduler=home)
        home.run()
        return run

    assert emitted(cold) == emitted(hot) != []
    assert all(3 <= at < 6 for at, _ in emitted(ended))


@pytest.mark.parametrize("begin", ["hot", "cold"])
def test_what_is_piped_to_parts_of_a_run_loses_nothing(begin):
    """Streams that share a subscription are subscribed to in the order in which that was asked."""
    seen = []

    async def main():
        agent = Agent(lambda request: "two")
        run = agent.start("x") if begin == "hot" else agent("x")
        is_start = rxo.partition(lambda event: isinstance(event, RunStarted))
        started, others = run.pipe(rxo.skip(0), is_start)
        ended = asyncio.Event()
        others.pipe(rxo.skip(0)).subscribe(on_completed=ended.set)
        started.pipe(rxo.skip(0)).subscribe(seen.append)
        async with asyncio.timeout(WATCHDOG):
            await ended.wait()

    asyncio.run(main())
    assert [RunStarted] == list(map(type, seen))
