"""Functions as models."""

import asyncio
import contextvars
import functools
import threading
from threading import Event

import pytest
import reactivex as rx

from rxagent.errors import MalformedReply
from rxagent.events import Finish, ReasoningDelta, StepStarted, TextDelta, ToolCallDelta, Usage
from rxagent.messages import Message, Request, ToolCall
from rxagent.models import Model, OpenAIModel, as_model
from rxagent.streams import each

CALL = ToolCall("c", "add", '{"a": 1}')
SAID = Message("assistant", "Hm.", (CALL, CALL), reasoning="So")
EXPECTED = [
    ReasoningDelta("So"),
    TextDelta("Hm."),
    ToolCallDelta(0, "c", "add", '{"a": 1}'),
    ToolCallDelta(1, "c", "add", '{"a": 1}'),
    Finish("tool_calls"),
]
DELTAS = [TextDelta("Hi"), Usage(1, 2), Finish("length")]

GIVEN = {
    "text": ("Hi", [TextDelta("Hi"), Finish("stop")]),
    "no text": ("", [Finish("stop")]),
    "message": (SAID, EXPECTED),
    "delta": (TextDelta("Hi"), [TextDelta("Hi"), Finish("stop")]),
    "call": (ToolCallDelta(0, "c"), [ToolCallDelta(0, "c"), Finish("tool_calls")]),
}
YIELDED = {
    "nothing": ([], [Finish("stop")]),
    "texts": (["Hi", " there"], [TextDelta("Hi"), TextDelta(" there"), Finish("stop")]),
    "deltas": (DELTAS, DELTAS),
    "a mixture": (
        ["Hi", SAID, Usage(1, 2)],
        [TextDelta("Hi"), *EXPECTED[:-1], Usage(1, 2), EXPECTED[-1]],
    ),
    "messages": (
        [SAID, Message("assistant", "Yes.", (CALL,))],
        [*EXPECTED[:-1], TextDelta("Yes."), ToolCallDelta(2, "c", "add", '{"a": 1}'), EXPECTED[-1]],
    ),
}


def plain(value):
    """Return a function that returns a value."""
    return lambda request: value


def asynchronous(value):
    """Return an async function that returns it."""

    async def function(request):
        await asyncio.sleep(0)
        return value

    return function


def by_coroutine(value):
    """Return a plain function that returns a coroutine."""
    return lambda request: asynchronous(value)(request)


def callable_object(value):
    """Return an object with an async `__call__`."""

    class Callable:
        async def __call__(self, request):
            return value

    return Callable()


def generator(values):
    """Return a generator function."""

    def function(request):
        yield from values

    return function


def async_generator(values):
    """Return an async generator function."""

    async def function(request):
        for value in values:
            await asyncio.sleep(0)
            yield value

    return function


def by_async_generator(values):
    """Return a plain function that returns an async generator."""
    return lambda request: async_generator(values)(request)


def deltas(function, request="Hi"):
    """Return the deltas of a function as a model."""
    return list(each(as_model(function)(request)))


@pytest.mark.parametrize("case", GIVEN)
@pytest.mark.parametrize("form", [plain, asynchronous, by_coroutine, callable_object])
def test_returned(form, case):
    """What a function returns, in whatever form, becomes the same deltas."""
    value, wanted = GIVEN[case]

    assert wanted == deltas(form(value))


@pytest.mark.parametrize("case", YIELDED)
@pytest.mark.parametrize(
    "form", [generator, async_generator, by_async_generator, plain, asynchronous]
)
def test_yielded(form, case):
    """So is what it yields, or returns in a list."""
    values, wanted = YIELDED[case]

    assert wanted == deltas(form(values))


@pytest.mark.parametrize("form", [plain, asynchronous])
def test_observables(form):
    """An Observable is passed on, its texts as deltas, and nothing is added."""
    observable = rx.from_iterable(["Hi", Usage(1, 2), TextDelta("!")])

    assert [TextDelta("Hi"), Usage(1, 2), TextDelta("!")] == deltas(form(observable))


def test_observables_of_other_threads():
    """An Observable may emit on threads of its own."""

    def function(request):
        def subscribe(observer, scheduler=None):
            def work():
                for text in "abc":
                    observer.on_next(text)
                observer.on_completed()

            threading.Thread(target=work).start()

        return rx.create(subscribe)

    assert [TextDelta("a"), TextDelta("b"), TextDelta("c")] == deltas(function)


def test_observables_are_not_gathered():
    """What an Observable emits while it is being subscribed is emitted piece by piece."""

    def function(request):
        def subscribe(observer, scheduler=None):
            for number in range(3):
                observer.on_next(f"{number}")
                assert arrived.acquire(timeout=60)
            observer.on_completed()

        return rx.create(subscribe)

    ended, arrived = Event(), threading.Semaphore(0)
    as_model(function)("Hi").subscribe(lambda _: arrived.release(), on_completed=ended.set)

    assert ended.wait(60)


@pytest.mark.parametrize("value", [None, 5, {"role": "assistant"}, b"Hi", StepStarted(1), {"Hi"}])
@pytest.mark.parametrize("form", [plain, asynchronous])
def test_what_is_no_answer(form, value):
    """Anything else is an error that says what it was, and what is accepted."""
    part = f"of type {type(value).__name__}: it must return or yield text, messages or deltas"
    with pytest.raises(MalformedReply, match=part):
        deltas(form(value))


@pytest.mark.parametrize("form", [generator, async_generator])
def test_what_is_no_piece(form):
    """What was yielded before is emitted."""
    found = []
    with pytest.raises(MalformedReply, match="of type int"):
        found.extend(each(as_model(form(["Hi", 5]))("Hi")))

    with pytest.raises(MalformedReply, match="of type int"):
        deltas(lambda request: rx.of("Hi", 5))


@pytest.mark.parametrize("error", [ValueError("no"), MalformedReply("no")])
def test_errors(error):
    """What a function raises, at once or in mid-stream, comes by on_error as it is."""

    def at_once(request):
        raise error

    async def asynchronously(request):
        raise error

    def later(request):
        yield "Hi"
        raise error

    for function in (at_once, asynchronously, later, lambda request: rx.throw(error)):
        found = []
        with pytest.raises(type(error)) as caught:
            for delta in each(as_model(function)("Hi")):
                found.append(delta)
        assert error is caught.value
        assert ([TextDelta("Hi")] if function is later else []) == found


def test_request():
    """A function is given a Request, whatever the model was called with."""
    seen = []
    model = as_model(lambda request: seen.append(request) or "")
    request = Request((Message("user", "Hi"),))
    for argument in (request, "Hi", Message("user", "Hi"), [Message("user", "Hi")]):
        list(each(model(argument)))

    assert [request] * 4 == seen


def test_cold():
    """Nothing is called before a subscription, and each subscription calls again."""
    calls = []
    stream = as_model(lambda request: calls.append(1) or "Hi")("Hi")
    assert [] == calls
    list(each(stream))
    list(each(stream))

    assert [1, 1] == calls


def test_where_it_runs():
    """A plain function runs on a worker, an async one on the run's loop, both in its context."""
    name = contextvars.ContextVar("name")
    name.set("run")
    seen = []

    def note():
        seen.append((threading.current_thread().name, name.get()))

    def plain(request):
        note()
        yield "Hi"
        note()

    async def asynchronous(request):
        note()
        return "Hi"

    async def main():
        for function in (plain, asynchronous, functools.partial(asynchronous)):
            async for _ in each(as_model(function)("Hi")):
                pass

    asyncio.run(main())

    here = threading.current_thread().name, "run"
    assert [("rxagent-worker", "run")] * 2 + [here] * 2 == seen


def test_dispose_closes():
    """Disposing closes the generator, wherever it stands."""
    closed = Event()

    def function(request):
        try:
            while True:
                yield "Hi"
        finally:
            closed.set()

    async def asynchronous(request):
        try:
            while True:
                await asyncio.sleep(0)
                yield "Hi"
        finally:
            closed.set()

    for each_function in (function, asynchronous, lambda request: asynchronous(request)):
        closed.clear()
        for _ in each(as_model(each_function)("Hi")):
            break
        assert closed.wait(60)


def test_dispose_at_once():
    """Disposing before anything has begun leaves nothing behind, and no coroutine unawaited."""
    for function in (plain("Hi"), asynchronous("Hi"), by_coroutine("Hi"), generator(["Hi"])):
        for _ in range(20):
            as_model(function)("Hi").subscribe().dispose()


def test_models_are_left_alone():
    """What is a model already, or says so, is not adapted."""

    class Mine(Model):
        def __call__(self, request):
            return rx.of(TextDelta("Hi"))

    def marked(request):
        return rx.empty()

    marked.is_model = True

    for model in (Mine(), OpenAIModel("plain"), marked, as_model(plain("Hi"))):
        assert model is as_model(model)


@pytest.mark.parametrize("thing", [None, 5, Request(())])
def test_no_model(thing):
    """What cannot be called is refused, with what would do."""
    with pytest.raises(TypeError, match="is no model: give a name like 'openai:gpt-5-mini'"):
        as_model(thing)
