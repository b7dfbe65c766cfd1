"""A wait that a server names: read by the SDK's own client, and waited by `retry`."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import reactivex as rx

from rxagent import Agent
from rxagent import operators as ops
from rxagent.errors import ModelError
from rxagent.events import TextDelta
from rxagent.models import OpenAIModel
from rxagent.streams import each
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.frames import saying, text_chunk
from rxagent.testing.scenarios import Reply

FORMS = {
    "seconds": lambda: {"retry-after": "20"},
    "a date": lambda: {
        "retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    },
    "milliseconds": lambda: {"retry-after-ms": "20000"},
    "milliseconds in words": lambda: {"retry-after": "20000ms"},
}


def failing(server, status, headers):
    """Return the error of a request over a socket that is answered like this."""
    busy = Reply(status, {"error": {"message": "Come back later."}}, headers)
    server.scenario("busy", lambda body: [busy])
    with pytest.raises(ModelError) as raised:
        list(each(OpenAIModel("busy")("Hi")))
    return raised.value


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("status", [429, 503, 529])
def test_retry_waits_as_long_as_the_server_says(server, status, form):
    """The second request comes after that time, however short `delay` is; never before."""
    error = failing(server, status, form())
    asked = []

    def answer(_):
        asked.append(scheduler.clock)
        return rx.throw(error) if len(asked) == 1 else rx.of(TextDelta("Hi"))

    with VirtualScheduler() as scheduler:
        model = ops.fallback(answer).pipe(ops.retry(2, delay=0.1, jitter=1))
        model("Hi").subscribe(scheduler=scheduler)
        scheduler.run()

    assert 18 < asked[1] - asked[0] <= 20.00001


def test_a_wait_that_is_too_long_is_the_callers(server):
    """Beyond `max_delay` the error passes, with the wait, and nothing is asked again."""
    error = failing(server, 429, {"retry-after": "20"})
    received = []
    with VirtualScheduler() as scheduler:
        ops.fallback(lambda _: rx.throw(error)).pipe(ops.retry(5, max_delay=19))("Hi").subscribe(
            received.append, received.append, scheduler=scheduler
        )
        scheduler.run()

    assert [error] == received
    assert 20 == error.retry_after


@pytest.mark.parametrize("status", [429, 503, 529])
def test_the_answer_after_the_wait_is_whole(server, status):
    """An agent over a socket whose model is busy at first gets the answer at the next attempt."""
    busy = Reply(status, {"error": {"message": "Come back."}}, {"retry-after-ms": "5"})

    def reply(body):
        first = len(server.requests) == 1
        return [busy] if first else saying(body, [text_chunk("Hello")])

    server.scenario("here", reply)
    agent = Agent(OpenAIModel("here").pipe(ops.timeout(idle=20), ops.retry(2, delay=30)))

    assert "Hello" == agent.run("Hi", timeout=20)
    assert 2 == len(server.requests)
