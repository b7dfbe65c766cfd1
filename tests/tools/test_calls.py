import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest
import reactivex as rx
from reactivex import Observable
from reactivex import operators as rxo
from reactivex.disposable import Disposable
from reactivex.subject import Subject

from rxagent import Agent, Message
from rxagent.errors import RunCancelled
from rxagent.events import (
    Event,
    FinalAnswer,
    RunCompleted,
    RunStarted,
    TextDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
)
from rxagent.messages import ToolCall
from rxagent.streams import RunScheduler, each, last, merge
from rxagent.testing import ScriptedModel
from rxagent.testing.clock import VirtualScheduler
from rxagent.tools import Given, Toolbox, run_call, tool

WATCHDOG = 60
"""Seconds after which a test no longer believes that something happens."""


def run(function, arguments="{}", **options):
    """Return the events of one call, cold."""
    made = tool(function)
    return run_call(Toolbox([made]), ToolCall("c", made.name, arguments), **options)


def happened(function, arguments="{}", **options):
    """Return the events of one call but its ToolStarted, which must be there."""
    started, *events = each(run(function, arguments, **options))

    assert isinstance(started, ToolStarted)
    return events


def passed(stream):
    """Return what a stream emits in virtual time, and when."""
    seen = []
    with VirtualScheduler() as scheduler:
        stream.subscribe(
            lambda event: seen.append((scheduler.clock, event)),
            lambda error: seen.append((scheduler.clock, error)),
            lambda: seen.append((scheduler.clock, "|")),
            scheduler=scheduler,
        )
        scheduler.run()
    return seen


# What a tool returns and yields.


def returned() -> list[int]:
    """Return."""
    return [1, 2]


async def awaited() -> list[int]:
    """Return."""
    return [1, 2]


def returned_to_be_awaited() -> Any:
    """Return."""
    return awaited()


@pytest.mark.parametrize("function", [returned, awaited, returned_to_be_awaited])
def test_one_value_completes_the_call(function):
    """A function's result is its value, and its text is what the model reads."""
    assert [ToolCompleted("c", "[1,2]", [1, 2])] == happened(function)


def yielded() -> Iterator[int]:
    """Yield."""
    yield 1
    yield 2


async def yielded_async() -> AsyncIterator[int]:
    """Yield."""
    yield 1
    yield 2


def observable() -> Observable[int]:
    """Emit."""
    return rx.of(1, 2)


async def observable_async() -> Observable[int]:
    """Emit."""
    return rx.of(1, 2)


def returned_generator() -> Iterator[int]:
    """Yield."""
    return (number for number in (1, 2))


def returned_async_generator() -> AsyncIterator[int]:
    """Yield."""
    return yielded_async()


class Counting:
    """Count."""

    def __call__(self) -> Iterator[int]:
        yield 1
        yield 2


MANY = [
    yielded,
    yielded_async,
    observable,
    observable_async,
    returned_generator,
    returned_async_generator,
    Counting(),
]


@pytest.mark.parametrize("function", MANY, ids=lambda function: tool(function).name)
def test_each_of_many_values_is_an_output(function):
    """What a tool emits while it works is emitted at once; the last value is the result."""
    assert [
        ToolOutput("c", 1),
        ToolOutput("c", 2),
        ToolCompleted("c", "2", 2),
    ] == happened(function)


@pytest.mark.parametrize("function", MANY, ids=lambda function: tool(function).name)
def test_virtual_time_changes_nothing(function):
    """The same call gives the same events where no thread is, at one instant."""
    events = list(each(run(function)))

    assert [(0.0, happening) for happening in (*events, "|")] == passed(run(function))


RUN = [
    RunStarted("task", "inner"),
    TextDelta("4"),
    TextDelta("2"),
    FinalAnswer(42),
    RunCompleted(None),
]


@pytest.mark.parametrize(
    ("items", "result", "value"),
    [
        ([], "(no result)", None),
        (["a", "b", "c"], "abc", "abc"),
        (["a", "b", 3], "3", 3),
        ([1, "a"], "a", "a"),
        ([1, None], "(no result)", None),
        ([""], "", ""),
        (RUN, "42", 42),
    ],
    ids=["nothing", "texts", "texts and a number", "a text at last", "none", "empty text", "a run"],
)
def test_many_values_come_to_one(items, result, value):
    """An inner run's answer counts, else the joined text if all is text, else the last value."""

    def emit() -> Observable[Any]:
        """Emit."""
        return rx.from_iterable(items)

    *outputs, completed = happened(emit)

    assert [ToolOutput("c", item) for item in items] == outputs
    assert ToolCompleted("c", result, value) == completed


def test_a_tool_s_time_is_the_run_s():
    """What a tool waits for passes on the run's clock, in Observables and coroutines alike."""

    async def slow() -> str:
        """Wait."""
        await asyncio.sleep(30)
        return "done"

    def timer() -> Observable[int]:
        """Wait."""
        return rx.timer(30)

    assert [(0, ToolStarted), (30, ToolCompleted), (30, str)] == [
        (at, type(event)) for at, event in passed(run(slow))
    ]
    assert [0, 30, 30, 30] == [at for at, _ in passed(run(timer))]


# What can go wrong.


def test_an_unknown_tool_fails_and_nothing_runs():
    """A call of what is not there ends without having begun."""
    events = list(each(run_call(Toolbox([returned]), ToolCall("c", "retuned"))))

    assert [
        ToolFailed(
            "c",
            "UnknownTool: There is no tool named 'retuned'. Did you mean returned? "
            "The tools are: returned, final_answer.",
        )
    ] == events


def test_bad_arguments_fail_and_nothing_runs():
    """A call that does not fit ends without having begun."""

    def add(a: int) -> int:
        """Add."""
        raise AssertionError("must not run")

    assert [
        ToolFailed(
            "c",
            "InvalidArguments: Argument a has type 'string' but should be 'integer'. "
            'add takes {"a": integer}.',
        )
    ] == list(each(run(add, '{"a": "1"}')))


def test_a_cut_call_fails_and_nothing_runs():
    """Where the length limit cut the arguments, the error says so."""
    (event,) = each(run(returned, '{"a', cut=True))

    assert isinstance(event, ToolFailed)
    assert "length limit cut off this call" in event.error


def test_what_the_run_gives_reaches_the_tool():
    """A given parameter is what the run has, as it is."""
    table = object()

    def look(table: Given[object]) -> bool:
        """Look."""
        return table is additional["table"]

    additional = {"table": table}

    assert [ToolCompleted("c", "true", True)] == happened(look, additional=additional)


class Unsayable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def failing_ways(error):
    """Return a tool of each kind that emits once, if it can, and raises."""

    def fail() -> None:
        """Fail."""
        raise error

    async def fail_async() -> None:
        """Fail."""
        raise error

    def fail_yielding() -> Iterator[int]:
        """Fail."""
        yield 1
        raise error

    async def fail_yielding_async() -> AsyncIterator[int]:
        """Fail."""
        yield 1
        raise error

    def fail_returned() -> Any:
        """Fail."""
        return fail_async()

    return [fail, fail_async, fail_yielding, fail_yielding_async, fail_returned]


RAISED = [
    (ValueError("too many"), "ValueError: too many"),
    (Unsayable(), "Unsayable"),
    (SystemExit(2), "SystemExit: 2"),
    (asyncio.CancelledError(), "CancelledError"),
    (GeneratorExit(), "GeneratorExit"),
    (KeyboardInterrupt(), "KeyboardInterrupt"),
]


@pytest.mark.parametrize(("error", "text"), RAISED, ids=lambda case: type(case).__name__)
def test_whatever_a_tool_raises_is_survived(error, text):
    """The call ends with what was raised, after what was emitted, and the pool goes on."""
    for way in failing_ways(error):
        *outputs, failed = happened(way)

        assert [ToolOutput("c", 1)] * ("yielding" in way.__name__) == outputs
        assert ToolFailed("c", text) == failed
    assert [ToolCompleted("c", "[1,2]", [1, 2])] == happened(returned)


async def by_itself() -> None:
    """Cancel the own task, and notice it."""
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


async def by_its_last_words() -> str:
    """Cancel the own task, and return before that is noticed."""
    asyncio.current_task().cancel()
    return "done"


async def by_a_callback() -> None:
    """Have the loop cancel the own task."""
    asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
    await asyncio.sleep(WATCHDOG)


async def by_a_task_of_its_own() -> None:
    """Have another task cancel the own one."""
    outer = asyncio.current_task()

    async def child():
        outer.cancel()

    task = asyncio.create_task(child())
    await asyncio.sleep(WATCHDOG)
    await task


async def by_what_it_awaits() -> None:
    """Await what is cancelled."""
    task = asyncio.create_task(asyncio.sleep(WATCHDOG))
    task.cancel()
    await task


async def between_its_items() -> AsyncIterator[int]:
    """Cancel the own task between two items."""
    yield 1
    asyncio.current_task().cancel()
    yield 2
    await asyncio.sleep(0)


def by_what_it_returns() -> Any:
    """Return what cancels its task."""
    return by_itself()


def by_what_it_returns_to_be_read() -> Any:
    """Return what cancels its task amid being read."""
    return between_its_items()


OWN = [
    by_itself,
    by_its_last_words,
    by_a_callback,
    by_a_task_of_its_own,
    by_what_it_awaits,
    between_its_items,
    by_what_it_returns,
    by_what_it_returns_to_be_read,
]


@pytest.mark.parametrize("function", OWN, ids=lambda function: function.__name__)
def test_a_tool_that_cancels_itself_costs_its_call_alone(function):
    """Its call ends by itself, failed or done, and the next tool's coroutine runs to its end."""
    *_, ended = happened(function)

    done = [ToolCompleted("c", "done", "done")] * (function is by_its_last_words)
    assert ended in [ToolFailed("c", "CancelledError"), *done]


@pytest.mark.parametrize("is_eager", [False, True])
@pytest.mark.parametrize("function", [by_itself, between_its_items])
def test_a_run_goes_on_after_a_tool_that_cancels_itself(function, is_eager):
    """What follows the failed call is asked for and answered."""
    call = ToolCall("c", function.__name__, "{}")
    model = ScriptedModel([Message("assistant", tool_calls=[call]), "It failed."])

    assert "It failed." == Agent(model, [function], eager=is_eager).run("x", timeout=WATCHDOG)


@pytest.mark.parametrize("has_cancelled_itself", [False, True])
@pytest.mark.parametrize("way", ["run", "task", "loop"])
def test_a_run_that_is_cancelled_from_outside_cancels_its_tool(way, has_cancelled_itself):
    """The tool's coroutine is cancelled, and no call of a run that ends is said to have failed."""
    ends, seen, tasks = [], [], []

    async def main():
        begun = asyncio.Event()

        async def waits() -> None:
            """Wait."""
            tasks.append(asyncio.current_task())
            if has_cancelled_itself:
                asyncio.current_task().cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0)
            begun.set()
            try:
                await asyncio.sleep(WATCHDOG)
            except asyncio.CancelledError:
                ends.append("cancelled")
                raise

        call = ToolCall("c", "waits", "{}")
        run = Agent(ScriptedModel([Message("assistant", tool_calls=[call])]), [waits]).start("x")
        run.subscribe(seen.append, lambda error: seen.append(type(error)))
        await begun.wait()
        if way == "run":
            run.cancel()
        elif way == "task":
            tasks[0].cancel()
        else:
            return
        with suppress(RunCancelled):
            await run.wait()

    asyncio.run(main())

    assert ["cancelled"] == ends
    assert RunCancelled == seen[-1]
    assert [] == [event for event in seen if isinstance(event, ToolFailed)]


def test_an_observable_s_error_is_the_tool_s():
    """What travels by on_error inside is an event outside."""

    def emit() -> Observable[int]:
        """Emit."""
        return rx.concat(rx.of(1), rx.throw(ValueError("too many")))

    assert [ToolOutput("c", 1), ToolFailed("c", "ValueError: too many")] == happened(emit)


def test_an_observable_that_cannot_be_subscribed_to_fails():
    """An error while subscribing is the tool's too."""

    def emit() -> Observable[int]:
        """Emit."""

        def subscribe(observer, scheduler=None):
            raise ValueError("closed")

        return Observable(subscribe)

    assert [ToolFailed("c", "ValueError: closed")] == happened(emit)


class Mute:
    def __str__(self):
        raise RuntimeError("no words")

    def __repr__(self):
        return "Mute()"


def mute() -> Any:
    """Return what has no text."""
    return Mute()


async def mute_async() -> Any:
    """Return what has no text."""
    return Mute()


def mute_yielding() -> Iterator[Any]:
    """Yield what has no text."""
    yield Mute()


@pytest.mark.parametrize("function", [mute, mute_async, mute_yielding])
def test_a_result_without_text_is_a_failure(function):
    """A value without text fails the call, and the model reads why."""
    assert ToolFailed("c", "RuntimeError: no words") == happened(function)[-1]


def test_a_sibling_is_unharmed():
    """A failing call takes nothing from those beside it."""
    fail, *_ = failing_ways(ValueError("too many"))
    box = Toolbox([fail, returned, awaited])
    names = ["fail", "returned", "awaited", "fail"]
    calls = [run_call(box, ToolCall(f"c{n}", name)) for n, name in enumerate(names)]

    events = list(each(merge(*calls)))
    ends = {event.call_id: type(event) for event in events if not isinstance(event, ToolStarted)}

    assert {"c0": ToolFailed, "c1": ToolCompleted, "c2": ToolCompleted, "c3": ToolFailed} == ends


def test_an_interrupt_on_the_main_thread_is_a_person_s():
    """A Ctrl-C that happens to meet a coroutine tool is not swallowed."""

    async def interrupted() -> None:
        """Be interrupted."""
        raise KeyboardInterrupt

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        async for _ in each(run(interrupted)):
            pass

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())


def test_a_loop_that_stops_ends_the_run():
    """A tool cancelled with its loop is no failure the agent could survive."""
    received = []

    async def wait() -> None:
        """Wait."""
        await asyncio.Event().wait()

    async def main() -> None:
        started = asyncio.Event()
        run(wait).subscribe(lambda _: started.set(), received.append, lambda: received.append("|"))
        async with asyncio.timeout(WATCHDOG):
            await started.wait()
        await asyncio.sleep(0)

    asyncio.run(main())

    assert [RunCancelled] == [type(error) for error in received]


# Time-outs.


def test_a_coroutine_is_stopped_when_its_time_is_up():
    """The call ends at that instant, and the coroutine with it."""
    ended = []

    async def slow() -> None:
        """Wait."""
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(asyncio.get_running_loop().time())

    events = passed(run(tool(slow, timeout=2)))

    assert [
        (2, ToolFailed("c", "ToolTimeout: slow took longer than 2 s and was stopped.")),
        (2, "|"),
    ] == events[1:]
    assert [2] == ended


def test_what_was_emitted_before_the_time_was_up_stays():
    """Outputs do not prolong the time, and are not lost with it."""

    async def ticks() -> AsyncIterator[int]:
        """Tick."""
        for number in range(9):
            await asyncio.sleep(1)
            yield number

    assert [(0, ToolStarted), (1, ToolOutput), (2, ToolOutput), (2.5, ToolFailed), (2.5, str)] == [
        (at, type(event)) for at, event in passed(run(tool(ticks, timeout=2.5)))
    ]


def test_an_observable_is_disposed_when_its_time_is_up():
    """A stream of the tool's own is let go of."""
    seen = []

    def never() -> Observable[int]:
        """Never end."""
        return Observable(lambda *_: Disposable(lambda: seen.append("disposed")))

    with VirtualScheduler() as scheduler:
        events = run(tool(never, timeout=1.5))
        events.subscribe(lambda event: seen.append(type(event)), scheduler=scheduler)
        scheduler.advance_to(1.5)

    assert [ToolStarted, ToolFailed, "disposed"] == seen


def test_a_tool_in_time_is_not_stopped():
    """The time-out ends with the call."""

    async def quick() -> str:
        """Wait."""
        await asyncio.sleep(1)
        return "done"

    assert [(0, ToolStarted), (1, ToolCompleted), (1, str)] == [
        (at, type(event)) for at, event in passed(run(tool(quick, timeout=2)))
    ]


def test_a_coroutine_that_does_not_listen_is_not_waited_for():
    """Control comes back at once, also from a tool that swallows its cancellation."""

    async def deaf() -> str:
        """Wait."""
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await asyncio.sleep(30)
        return "done"

    assert [(0, ToolStarted), (2, ToolFailed), (2, str)] == [
        (at, type(event)) for at, event in passed(run(tool(deaf, timeout=2)))
    ]


def test_a_blocking_tool_is_not_waited_for():
    """Control comes back while the function still blocks its worker."""
    released = threading.Event()

    def block() -> bool:
        """Block."""
        return released.wait(WATCHDOG)

    events = happened(tool(block, timeout=0.01))

    assert not released.is_set()
    assert [
        ToolFailed("c", "ToolTimeout: block took longer than 0.01 s and was stopped.")
    ] == events
    released.set()


# Holding and letting go.


def test_nothing_starts_while_the_run_is_held():
    """A call that is due waits for the run to go on, and so does its time-out."""
    seen = []

    async def slow() -> None:
        """Wait."""
        await asyncio.sleep(30)

    with VirtualScheduler() as scheduler:
        hold = scheduler.hold()
        run(tool(slow, timeout=1)).subscribe(seen.append, scheduler=scheduler)
        scheduler.advance_to(5)
        before = list(seen)
        hold.dispose()
        scheduler.advance_to(5.5)
        hold = scheduler.hold()
        scheduler.advance_to(8)
        amid = [type(event) for event in seen]
        hold.dispose()
        scheduler.advance_to(8.25)
        late = len(seen)
        scheduler.advance_to(8.5)

    assert [] == before
    assert [ToolStarted] == amid
    assert 1 == late
    assert [ToolStarted, ToolFailed] == [type(event) for event in seen]


def test_a_call_disposed_while_held_never_starts():
    """What is let go of before its time leaves nothing behind."""
    seen = []

    def note() -> None:
        """Note."""
        seen.append("ran")

    with VirtualScheduler() as scheduler:
        hold = scheduler.hold()
        subscription = run(note).subscribe(seen.append, scheduler=scheduler)
        subscription.dispose()
        hold.dispose()
        scheduler.run()

    assert [] == seen


def test_a_call_is_emitted_before_it_runs():
    """ToolStarted is recorded before the first line of the tool."""
    seen = []

    def note() -> None:
        """Note."""
        seen.append("ran")

    done = threading.Event()
    run(note).subscribe(lambda event: seen.append(type(event)), on_completed=done.set)

    assert done.wait(WATCHDOG)
    assert [ToolStarted, "ran", ToolCompleted] == seen


class Watched(VirtualScheduler):
    """A run scheduler that counts its actions."""

    def __init__(self):
        super().__init__()
        self.jobs = self.tasks = 0

    def work(self, *args, **kwargs):
        self.jobs += 1
        return super().work(*args, **kwargs)

    def spawn(self, *args, **kwargs):
        self.tasks += 1
        return super().spawn(*args, **kwargs)


def seen_until(position, stream, scheduler):
    """Return the first events of a stream, which is disposed when the last of them is emitted."""
    seen = []

    def note(event):
        seen.append(event)
        if len(seen) > position:
            subscription.dispose()

    with scheduler:
        subscription = stream.subscribe(note, scheduler=scheduler)
        scheduler.run()
    return seen


@pytest.mark.parametrize("kind", range(5))
def test_a_subscriber_may_dispose_a_call_before_it_runs(kind):
    """Disposing at ToolStarted means that no code runs."""
    way = failing_ways(AssertionError("must not run"))[kind]
    scheduler = Watched()

    assert [ToolStarted] == [type(event) for event in seen_until(0, run(way), scheduler)]


@pytest.mark.parametrize("position", range(5))
@pytest.mark.parametrize("seconds", [None, 0, 1])
def test_letting_go_at_any_event_closes_what_is_open(position, seconds):
    """Wherever a call is disposed, nothing follows, and its generator is closed if it began."""
    opened, closed = [], []

    def emit() -> Iterator[int]:
        """Emit."""
        opened.append(True)
        try:
            yield from range(3)
        finally:
            closed.append(True)

    async def emit_async() -> AsyncIterator[int]:
        """Emit."""
        opened.append(True)
        try:
            for number in range(3):
                await asyncio.sleep(seconds)
                yield number
        finally:
            closed.append(True)

    seen = seen_until(position, run(emit if seconds is None else emit_async), VirtualScheduler())

    assert position + 1 == len(seen)
    assert [True] * (position > 0) == opened == closed


@pytest.mark.parametrize("function", [yielded, yielded_async])
def test_disposing_closes_a_generator_that_is_still_referenced(function):
    """A generator is closed by who reads it, not when it happens to be forgotten."""
    kept = function()

    def share() -> Any:
        """Share."""
        return kept

    with VirtualScheduler() as scheduler:
        subscription = run(share).subscribe(
            lambda event: isinstance(event, ToolOutput) and subscription.dispose(),
            scheduler=scheduler,
        )
        scheduler.run()

        assert None is getattr(kept, "gi_frame", None) is getattr(kept, "ag_frame", None)


def test_letting_go_cancels_a_coroutine_where_it_waits():
    """The tool's own clean-up runs, and emits nothing."""
    ended, seen = [], []

    async def slow() -> None:
        """Wait."""
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(asyncio.get_running_loop().time())

    with VirtualScheduler() as scheduler:
        subscription = run(slow).subscribe(seen.append, seen.append, scheduler=scheduler)
        scheduler.advance_to(4)
        subscription.dispose()
        scheduler.run()

    assert [ToolStarted] == [type(event) for event in seen]
    assert [4] == ended


def test_a_blocking_generator_is_closed_once_it_can_be():
    """A worker that is busy is fenced off, and closes its generator afterwards."""
    entered, released, closed = threading.Event(), threading.Event(), threading.Event()
    seen = []

    def block() -> Iterator[bool]:
        """Block."""
        try:
            entered.set()
            yield released.wait(WATCHDOG)
        finally:
            closed.set()

    subscription = run(block).subscribe(seen.append, seen.append)

    assert entered.wait(WATCHDOG)
    subscription.dispose()
    released.set()
    assert closed.wait(WATCHDOG)
    assert [ToolStarted] == [type(event) for event in seen]


def test_a_stream_of_foreign_threads_is_serialized():
    """What another thread emits is passed on when no other action runs."""
    subject = Subject()
    subscribed = threading.Event()
    seen = []

    def listen() -> Observable[int]:
        """Listen."""

        def subscribe(observer, scheduler=None):
            subscription = subject.subscribe(observer)
            subscribed.set()
            return subscription

        return Observable(subscribe)

    run_scheduler = RunScheduler()
    done = threading.Event()
    run(listen).subscribe(seen.append, on_completed=done.set, scheduler=run_scheduler)

    def emit():
        subject.on_next(1)
        seen.append("outside")

    assert subscribed.wait(WATCHDOG)
    foreign = threading.Thread(target=emit)

    def inside():
        foreign.start()
        foreign.join(WATCHDOG)
        inside_is_over.set()

    inside_is_over = threading.Event()
    run_scheduler.run_serialized(inside)
    assert inside_is_over.wait(WATCHDOG)
    subject.on_completed()

    assert done.wait(WATCHDOG)
    assert ["outside", ToolOutput("c", 1), ToolCompleted("c", "1", 1)] == seen[1:]


# The pool and the context.


def test_calls_run_side_by_side():
    """Eight blocking calls meet, which they could not one after the other."""
    barrier = threading.Barrier(8, timeout=WATCHDOG)

    def meet() -> bool:
        """Meet the others."""
        barrier.wait()
        return True

    box = Toolbox([meet])
    events = list(each(merge(*(run_call(box, ToolCall(f"c{n}", "meet")) for n in range(8)))))

    assert {f"c{n}" for n in range(8)} == {
        event.call_id for event in events if isinstance(event, ToolCompleted)
    }


@tool
def deep(levels: int) -> int:
    """Call itself, and count."""
    if levels == 0:
        return 0
    return 1 + last(deep.stream({"levels": levels - 1}))


def test_a_tool_may_wait_for_tools():
    """Forty calls, each within another, need no more workers than there are."""
    assert [ToolCompleted("c", "40", 40)] == happened(deep, '{"levels": 40}')


def test_many_tools_may_wait_for_tools():
    """Eight calls beside each other, five deep, all come to their end."""
    box = Toolbox([deep])
    calls = (run_call(box, ToolCall(f"c{n}", "deep", '{"levels": 5}')) for n in range(8))
    events = list(each(merge(*calls)))

    assert [5] * 8 == [event.value for event in events if isinstance(event, ToolCompleted)]


def test_a_tool_may_loop_over_calls():
    """An inner call's events can be read by a blocking loop, as any stream's."""

    def outer() -> list[str]:
        """Call the others."""
        calls = [run_call(Toolbox([returned]), ToolCall(f"i{n}", "returned")) for n in range(40)]
        return [event.result for event in each(merge(*calls)) if isinstance(event, ToolCompleted)]

    (completed,) = happened(outer)

    assert ["[1,2]"] * 40 == completed.value


WHO = contextvars.ContextVar("WHO", default="default")


def test_every_kind_of_tool_sees_the_run_s_context():
    """A context variable set before the run is seen in it, wherever its tools run."""

    def plainly() -> str:
        """Tell."""
        return WHO.get()

    async def asynchronously() -> str:
        """Tell."""
        return WHO.get()

    def yielding() -> Iterator[str]:
        """Tell."""
        yield WHO.get()

    async def yielding_async() -> AsyncIterator[str]:
        """Tell."""
        yield WHO.get()

    def nested() -> str:
        """Tell."""
        return last(tool(plainly).stream({}))

    token = WHO.set("caller")
    try:
        received = [
            happened(function)[-1].value
            for function in (plainly, asynchronously, yielding, yielding_async, nested)
        ]
    finally:
        WHO.reset(token)

    assert ["caller"] * 5 == received


@pytest.mark.parametrize(
    ("function", "jobs", "tasks"), [(awaited, 0, 1), (yielded_async, 0, 1), (returned, 1, 0)]
)
def test_an_async_tool_needs_no_worker(function, jobs, tasks):
    """Coroutines share the loop, so that many of them need few threads."""
    with Watched() as scheduler:
        run(function).subscribe(scheduler=scheduler)
        scheduler.run()

    assert (jobs, tasks) == (scheduler.jobs, scheduler.tasks)


def test_a_context_changed_in_a_tool_stays_there():
    """What one tool sets, no other call sees."""

    def rename() -> str:
        """Rename."""
        before = WHO.get()
        WHO.set("another")
        return before

    assert ["default"] * 3 == [happened(rename)[-1].value for _ in range(3)]


def test_an_inner_run_is_emitted_as_it_happens():
    """A stream of events is the tool's output, event by event, at its own pace."""

    def agent() -> Observable[Event]:
        """Answer."""
        return rx.interval(1).pipe(rxo.take(len(RUN)), rxo.map(lambda number: RUN[number]))

    received = [
        (at, event.value) for at, event in passed(run(agent)) if isinstance(event, ToolOutput)
    ]

    assert list(enumerate(RUN, 1)) == received
