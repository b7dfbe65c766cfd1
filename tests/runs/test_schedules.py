"""Whatever many threads do to runs and their viewers, nothing is lost, doubled or reordered."""

import random
import sys
import threading
from collections import Counter

import pytest
import reactivex as rx

from rxagent.coalescing import channel
from rxagent.events import (
    FinalAnswer,
    ReasoningDelta,
    StepStarted,
    TextDelta,
    ToolCallDelta,
    ToolOutput,
    Usage,
)
from rxagent.runs import launch

from .watching import Feed, Seen, joined, run_of, scheduler, streamed

pytestmark = pytest.mark.slow

THREADS = 8


def some_events(chance):
    """Return the events of a run, each with a number of its own."""
    makers = [
        lambda n: TextDelta(f"{n} "),
        lambda n: ReasoningDelta(f"{n} "),
        lambda n: ToolCallDelta(chance.randrange(2), arguments=f"{n} "),
        lambda n: ToolOutput(f"call_{chance.randrange(2)}", TextDelta(f"{n} ")),
        lambda n: Usage(n, n),
        lambda n: ToolOutput("call_1", n),
        StepStarted,
    ]
    kinds = chance.choices(makers, [8, 3, 3, 3, 1, 1, 1], k=chance.randrange(20, 150))
    return [*(make(number) for number, make in enumerate(kinds)), FinalAnswer("done")]


class Scene:
    """A run, and all that was done to it."""

    def __init__(self, chance):
        self.events = some_events(chance)
        self.keep = chance.choice(["everything", "merged"])
        start = Feed()
        source = rx.concat(start.source, streamed(self.events))
        self.run = launch(source, keep=self.keep, scheduler=scheduler())
        self.reference = Seen()
        self.run.subscribe(self.reference)
        start.end()
        self.watched = []
        self.places = []

    def attach(self, chance):
        """Let one more viewer in, slow or quick, directly or beside, from any event on."""
        slow = chance.random() < 0.1
        seen = Seen(lambda _: threading.Event().wait(0.001) if slow else None)
        if chance.random() < 0.3:
            place, how, since = self.run.subscribe(seen), "direct", 0
        else:
            how = chance.choice(["merge", "merge", "block", "fail", "drop_oldest"])
            since = chance.choice([0, 0, chance.randrange(1 + len(self.run._event_log))])
            place = self.run.attach(
                seen,
                buffer=chance.choice([1, 2, 10, 1_000]),
                overflow=how,
                since=since,
                on=chance.choice(["thread", "thread", "thread", "loop"]) if not slow else "thread",
            )
        watched = [seen, how, since, False]
        self.watched.append(watched)
        self.places.append((place, watched))

    def detach(self, chance):
        """Let a viewer go."""
        if self.places:
            place, watched = chance.choice(self.places)
            watched[3] = True
            place.dispose()

    def pause(self, chance):
        """Pause, and now and then forget to resume."""
        self.run.pause()
        if chance.random() < 0.7:
            self.run.resume()

    def resume(self, chance):
        """Resume."""
        self.run.resume()

    def cancel(self, chance):
        """Cancel, now and then."""
        if chance.random() < 0.1:
            self.run.cancel()

    def check(self):
        """Bring the run to its end, and compare what all viewers received."""
        self.run.resume()
        status = run_of(self.run, 30)
        end = self.reference.end
        received = self.reference.events
        assert received == self.events[: len(received)]
        assert (status, len(received)) == ("completed", len(self.events)) or status == "cancelled"
        for seen, how, since, detached in self.watched:
            if detached:
                continue
            if how == "fail" and type(seen.end).__name__ == "BufferOverflow":
                assert_a_beginning(seen.events, received[since:])
            elif how in ("fail", "merge", "block", "direct"):
                assert end == seen.end
                assert joined(received[since:]) == joined(seen.events)
            else:
                assert end == seen.end
                others = [event for event in received[since:] if channel(event) is None]
                assert others == [event for event in seen.events if channel(event) is None]
        return status


def assert_a_beginning(events, of):
    """Check that events are those with which others begin, whether joined or not."""
    for count in range(len(of) + 1):
        if joined(events) == joined(of[:count]):
            return
    raise AssertionError(events)


def play(seed, actions):
    """Do so many things at random from eight threads, and return how the runs have ended."""
    scenes = [Scene(random.Random(f"{seed} {number}")) for number in range(4)]
    done = []
    changing = threading.Lock()
    raised = []

    def act(number):
        chance = random.Random(f"{seed} thread {number}")
        deeds = [Scene.attach, Scene.detach, Scene.pause, Scene.resume, Scene.cancel]
        try:
            for _ in range(actions // THREADS):
                with changing:
                    place = chance.randrange(len(scenes))
                    scene = scenes[place]
                    if len(scene.watched) > 40 or scene.run.status in ("completed", "cancelled"):
                        done.append(scene)
                        scene = scenes[place] = Scene(chance)
                chance.choices(deeds, [5, 3, 2, 3, 1])[0](scene, chance)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert [] == raised
    return Counter(scene.check() for scene in [*done, *scenes])


@pytest.fixture
def restless():
    """Threads that take turns far more often than they do by themselves."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("restless")
def test_a_random_schedule():
    """Whatever three thousand things eight threads do, each viewer receives what has happened."""
    ends = play("any", 3_000)

    assert {"completed", "cancelled"} == set(ends)
    assert sum(ends.values()) > 20


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("restless")
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_random_schedules(seed):
    """The same at length."""
    assert sum(play(seed, 10_000).values()) > 20
