"""Runs over faulty servers: each ends with the right answer or a typed error, and nothing is left.

The real SDK speaks to a scripted server over real sockets. Every second request or so is refused,
limited, cut, stalled or garbled; `retry`, `fallback`, `timeout` and `budget` deal with it.
"""

import os
import time
from collections import Counter, deque
from random import Random
from threading import Event, Semaphore

import pytest
from attrs import frozen

from rxagent import Agent
from rxagent import operators as ops
from rxagent.errors import BudgetExceeded, ModelError
from rxagent.events import (
    Finish,
    MessageCompleted,
    RunCompleted,
    StepRetried,
    TextDelta,
    Usage,
)
from rxagent.models import OpenAIModel
from rxagent.testing import ScriptedServer
from rxagent.testing.faults import KINDS, Faults
from rxagent.testing.frames import INPUT_TOKENS, saying, task, text_chunk

RUNS = 500
MANY_RUNS = 2000
AT_ONCE = 32
IDLE = 1.0
LONGEST = 60
WORDS = ("one ", "two ", "three ", "four ", "two ")


def words_of(model, question):
    """Return the words with which a model answers."""
    random = Random(f"{model} {question}")
    return [f"{model}: ", *random.choices(WORDS, k=random.randrange(1, 7))]


def answering(body):
    """Answer with words that depend on the model and the question."""
    words = words_of(body["model"], task(body))
    return saying(body, [text_chunk(word) for word in words])


@frozen
class Soaked:
    """A run and all that it emitted."""

    question: str
    events: list
    errors: list
    run: object
    ended: Event


def start(agent, question, release):
    """Start a run, and collect what it emits."""
    run, events, errors, ended = agent.start(question), [], [], Event()

    def end(*error):
        errors.extend(error)
        ended.set()
        release()

    run.subscribe(events.append, end, end)
    return Soaked(question, events, errors, run, ended)


def agents_of(server):
    """Return agents that differ in what they do after a word was said, and in their budget."""
    big, small = (
        OpenAIModel(name, api_base=server.url, api_key="any").pipe(ops.timeout(idle=IDLE))
        for name in ("big", "small")
    )
    for midstream in (False, True):
        again = ops.retry(3, delay=0.001, midstream=midstream)
        careful = ops.fallback(big.pipe(again), small.pipe(again), midstream=midstream)
        for tokens in (1_000, 1_000, 1_000, 15):
            yield Agent(careful).pipe(ops.budget(tokens=tokens))


def attempts_of(events):
    """Return the deltas of each attempt."""
    attempts = [[]]
    for event in events:
        if isinstance(event, StepRetried):
            attempts.append([])
        attempts[-1].append(event)
    return attempts


def check(soaked):
    """Check a run by what it emitted, and return how it ended."""
    state, events = soaked.run.state, soaked.events
    answers = {name: words_of(name, soaked.question) for name in ("big", "small")}
    *_, last = attempts_of(events)
    for attempt in attempts_of(events):
        said = [event.text for event in attempt if isinstance(event, TextDelta)]
        reports = [event for event in attempt if isinstance(event, Usage)]
        # None is doubled and none is lost: what was said begins one of the answers.
        assert any(words[: len(said)] == said for words in answers.values())
        assert len([event for event in attempt if isinstance(event, Finish)]) <= 1
        known = [Usage(INPUT_TOKENS, len(words)) for words in answers.values()]
        assert not reports or (len(reports) == 1 and reports[0] in known)
    spent = None
    for event in events:
        spent = Usage.sum(spent, event) if isinstance(event, Usage) else spent
    assert spent == state.usage
    if soaked.errors:
        (error,) = soaked.errors
        assert isinstance(error, ModelError | BudgetExceeded)
        return type(error).__name__
    said = [event.text for event in last if isinstance(event, TextDelta)]
    assert said in answers.values()
    assert [Usage.sum(spent, None)] == [e.usage for e in events if isinstance(e, RunCompleted)]
    (message,) = [event.message for event in events if isinstance(event, MessageCompleted)]
    assert "".join(said) == message.text == state.answer == state.text
    return "answered"


def soak(server, seed, runs):
    """Run many questions over faulty servers, a hundred at once; count how they ended."""
    faults = Faults(seed, rate=0.4)
    for name in ("big", "small"):
        server.scenario(name, faults.around(answering))
    agents, ended = list(agents_of(server)), Counter()
    free, soaking = Semaphore(AT_ONCE), deque()
    for number in range(runs):
        assert free.acquire(timeout=LONGEST), "The runs hang."
        agent = agents[number % len(agents)]
        soaking.append(start(agent, f"Question {seed}.{number}?", free.release))
        while soaking and (soaking[0].ended.is_set() or number == runs - 1):
            soaked = soaking.popleft()
            assert soaked.ended.wait(LONGEST), f"{soaked.question} hangs."
            ended[check(soaked)] += 1
    server.wait_until(lambda: all(one.outcome for one in server.exchanges), LONGEST)
    server.exchanges.clear()
    return ended, faults.dealt


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_runs_with_faults_end_as_they_should():
    """All kinds of faults are met; most runs answer all the same."""
    with ScriptedServer() as server:
        ended, dealt = soak(server, 14, RUNS)

    assert RUNS == ended.total()
    assert KINDS.keys() == dealt.keys()
    assert ended["answered"] > RUNS / 2
    assert ended["BudgetExceeded"] > 0
    assert ended.keys() & {"ModelUnavailable", "MalformedReply", "RateLimited", "ModelTimeout"}


@pytest.mark.soak
def test_runs_with_faults_for_ten_minutes():
    """Other faults each time, for as long as RXAGENT_SOAK says, in seconds."""
    until = time.monotonic() + float(os.environ.get("RXAGENT_SOAK", "600"))
    seed = int(os.environ.get("RXAGENT_SEED", time.time()))
    with ScriptedServer() as server:
        while time.monotonic() < until:
            ended, dealt = soak(server, seed, MANY_RUNS)
            print(f"seed {seed}: {dict(ended)}; faults: {dict(dealt)}", flush=True)
            assert MANY_RUNS == ended.total()
            seed += 1
