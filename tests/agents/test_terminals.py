"""Terminals: whatever is raised anywhere, each run ends once, and no other run notices."""

import asyncio
import logging
import threading

import pytest
import reactivex as rx
from reactivex import operators as rxo

from rxagent import Agent, Message, ToolCall, launch, tool
from rxagent.errors import RxAgentError
from rxagent.events import FinalAnswer, TextDelta, ToolFailed
from rxagent.models import Model
from rxagent.streams import RunScheduler, daemon_loop
from rxagent.testing import ScriptedModel

WATCHDOG = 60

RAISED = [
    LookupError("no"),
    GeneratorExit("no"),
    KeyboardInterrupt("no"),
    SystemExit("no"),
    RecursionError("no"),
    asyncio.CancelledError("no"),
    StopIteration("no"),
    StopAsyncIteration("no"),
    BaseException("no"),
]
each_error = pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)


class Called(Model):
    """A model whose call raises."""

    def __init__(self, error):
        self.error = error

    def __call__(self, said):
        raise self.error


def broken_models(error):
    """Return models that raise at every place at which a model can."""

    async def at_once(request):
        raise error

    async def at_first(request):
        raise error
        yield

    async def halfway(request):
        yield "a"
        raise error

    def plain(request):
        raise error

    def plain_halfway(request):
        yield "a"
        raise error

    def observed(request):
        return rx.concat(rx.of(TextDelta("a")), rx.create(subscribing))

    def subscribing(observer, scheduler=None):
        raise error

    def mapped(request):
        return rx.of("a").pipe(rxo.map(failing))

    def failing(_):
        raise error

    return {
        "at once": at_once,
        "at first": at_first,
        "in the middle": halfway,
        "plain": plain,
        "plain, in the middle": plain_halfway,
        "an Observable": observed,
        "an operator": mapped,
        "Model.__call__": Called(error),
    }


def ended(run):
    """Return how a run has ended for one who subscribed to it and for one who attached."""
    direct, queued, over = [], [], threading.Semaphore(0)

    class Ends:
        def __init__(self, ends):
            self.ends = ends

        def on_error(self, error):
            self.ends.append(error)
            over.release()

        def on_completed(self):
            self.ends.append("completed")
            over.release()

    run.subscribe(Ends(direct))
    run.attach(Ends(queued))
    assert over.acquire(timeout=WATCHDOG)
    assert over.acquire(timeout=WATCHDOG)
    assert (1, direct) == (len(direct), queued)
    return direct[0]


@pytest.fixture
def other(caplog):
    """Start a run on the same loop, which must end well whatever else happens there."""
    caplog.set_level(logging.CRITICAL + 1, "rxagent")
    go = threading.Event()

    async def patient(request):
        await asyncio.to_thread(go.wait, WATCHDOG)
        yield "well"

    run = Agent(patient).start("x")
    yield run
    go.set()
    assert "well" == run.result(WATCHDOG)


@each_error
@pytest.mark.parametrize("place", broken_models(None))
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_model_that_raises(error, place, other):
    """The run fails once, and says what was raised."""
    run = Agent(broken_models(error)[place]).start("x")

    end = ended(run)
    assert run.status in ("failed", "cancelled")
    assert isinstance(end, Exception)
    causes = [repr(end), repr(end.__cause__), repr(end.__context__)]
    assert any("no" in cause or "stopped" in cause for cause in causes)


def broken_tools(error):
    """Return tools that raise at every place at which a tool can."""

    def plain():
        raise error

    def yielding():
        yield 1
        raise error

    async def asynchronous():
        raise error

    async def asynchronous_yielding():
        yield 1
        raise error

    def observed():
        return rx.throw(error) if isinstance(error, Exception) else rx.create(subscribing)

    def subscribing(observer, scheduler=None):
        raise error

    kinds = (plain, yielding, asynchronous, asynchronous_yielding, observed)
    return {kind.__name__: tool(kind, description="Fail.") for kind in kinds}


@each_error
@pytest.mark.parametrize("place", broken_tools(None))
def test_a_tool_that_raises(error, place, other):
    """The call fails, and the run goes on to its answer."""
    broken = broken_tools(error)[place]
    call = Message("assistant", tool_calls=[ToolCall("c", broken.name, "{}")])
    seen = []
    run = Agent(ScriptedModel([call, "done"]), [broken]).start("x", attach=[seen.append])

    assert "completed" == ended(run)
    assert "done" == run.result()
    run.drain(WATCHDOG)
    assert ["c"] == [event.call_id for event in seen if isinstance(event, ToolFailed)]


class AsyncCheck:
    """A check that is an object with an asynchronous call."""

    def __init__(self, verdict):
        self.verdict = verdict

    async def __call__(self, value, state):
        if isinstance(self.verdict, BaseException):
            raise self.verdict
        return self.verdict


def checks(verdict):
    """Return checks of every kind with one verdict, or that raise it."""

    def plain(value, state):
        if isinstance(verdict, BaseException):
            raise verdict
        return verdict

    async def asynchronous(value, state):
        return plain(value, state)

    return {"plain": plain, "async": asynchronous, "an object": AsyncCheck(verdict)}


@each_error
@pytest.mark.parametrize("kind", checks(None))
def test_a_check_that_raises(error, kind, other):
    """The answer does not pass, whatever the check raises."""
    agent = Agent(ScriptedModel(["a", "b"]), final_answer_checks=[checks(error)[kind]], max_steps=1)

    end = ended(agent.start("x"))
    assert isinstance(end, RxAgentError)


@pytest.mark.parametrize("kind", checks(None))
@pytest.mark.parametrize(("verdict", "answers"), [(False, []), (True, ["a"]), (None, ["a"])])
def test_checks_of_every_kind_are_asked(kind, verdict, answers):
    """A check that says False lets no answer pass, be it plain, asynchronous or an object."""
    seen = []
    agent = Agent(
        ScriptedModel(["a", "a"]), final_answer_checks=[checks(verdict)[kind]], max_steps=1
    )
    run = agent.start("x", attach=[seen.append])
    ended(run)
    run.drain(WATCHDOG)

    assert answers == [event.value for event in seen if isinstance(event, FinalAnswer)]


@each_error
@pytest.mark.parametrize("at", ["on_next", "on_completed"])
def test_an_observer_that_raises(error, at, other):
    """It is detached, and the run goes on to its answer."""

    class Broken:
        def on_next(self, event):
            if at == "on_next":
                raise error

        def on_completed(self):
            raise error

    watched = threading.Event()

    def model(request):
        assert watched.wait(WATCHDOG)
        return "done"

    run = Agent(model).start("x", attach=[Broken()])
    run.subscribe(Broken())  # before the end: a late one is notified here, on the main thread
    watched.set()

    assert "completed" == ended(run)
    assert "done" == run.result()
    run.drain(WATCHDOG)


@each_error
def test_an_operator_that_raises(error, other):
    """A pipeline that raises past its observers ends its run, once."""

    def broken(source):
        def subscribe(observer, scheduler=None):
            def on_next(event):
                raise error

            return source.subscribe(
                on_next, observer.on_error, observer.on_completed, scheduler=scheduler
            )

        return rx.Observable(subscribe)

    stream = Agent(ScriptedModel(["done"]))("x").pipe(broken)

    assert isinstance(ended(launch(stream, scheduler=RunScheduler(loop=daemon_loop()))), Exception)


@each_error
def test_a_cold_subscriber_that_raises(error, other, caplog):
    """Its run is disposed and the fault logged; it is not notified again."""
    caplog.set_level(logging.ERROR, "rxagent")
    closed, received = threading.Event(), []

    async def model(request):
        try:
            for number in range(100):
                yield str(number)
                await asyncio.sleep(0)
        finally:
            closed.set()

    def subscriber(event):
        received.append(event)
        if isinstance(event, TextDelta):
            raise error

    Agent(model)("x").subscribe(subscriber, received.append, lambda: received.append("completed"))

    assert closed.wait(WATCHDOG)
    assert 1 == sum(isinstance(event, TextDelta) for event in received)
    assert isinstance(received[-1], TextDelta)


def test_stopping_the_loop_stops_no_run(other):
    """A model that stops the loop it runs on ends as it would; so do all others."""

    async def stopping(request):
        asyncio.get_running_loop().stop()
        yield "a"
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0)
        yield "b"

    assert "ab" == Agent(stopping).run("x", timeout=WATCHDOG)


def test_an_error_that_is_none(other):
    """What gives `on_error` something else than an exception has failed, and the run ends."""
    run = Agent(lambda request: rx.create(lambda o, s=None: o.on_error("oops"))).start("x")

    assert "TypeError: on_error takes an exception, not 'oops'." == (
        f"{type(end := ended(run)).__name__}: {end}"
    )


def test_checks_that_yield_are_judged():
    """A check that yields its verdict lets no answer pass when that is False."""

    def yielding(value, state):
        yield False

    async def yielding_later(value, state):
        yield False

    for check in (yielding, yielding_later):
        agent = Agent(ScriptedModel(["a", "a"]), final_answer_checks=[check], max_steps=1)
        assert isinstance(ended(agent.start("x")), RxAgentError)


@pytest.mark.parametrize("wrong", [lambda value: True, AsyncCheck, lambda: True])
def test_what_cannot_check_is_refused(wrong):
    """A check that takes something else is refused when the agent is made."""
    with pytest.raises(TypeError, match="check"):
        Agent(ScriptedModel(["a"]), final_answer_checks=[wrong])
