"""The books of a pool: whatever happens in whatever order, the slots add up."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import PoolExhausted
from rxagent.streams.job import Job, names
from rxagent.streams.jobs import Jobs
from rxagent.streams.nesting import may_all_wait

LIMIT, SPARE, RESERVE = 2, 3, 2

steps = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("add", "early", "nest", "begin", "end", "wait", "back", "abandon"),
                *("grow", "open", "refuse", "deepest", "newest"),
            ]
        ),
        st.integers(0, 9),
    ),
    max_size=80,
)


@given(steps, st.integers(0, SPARE))
def test_the_slots_add_up(steps, kept):
    """No more run than may, each job begins once or never, and at the end all slots are free."""
    jobs, all_jobs, begun, dropped = Jobs(LIMIT, SPARE, kept, RESERVE), [], [], set()

    def begin():
        if jobs.free > 0 and (job := jobs.begin()):
            job.begun()
            begun.append(job)

    for step, number in steps:
        running = [*jobs.running]
        some = running[number % len(running)] if running else None
        if step in ("add", "early", "nest"):
            refused = (lambda _: None) if number % 2 else None
            parent = some if step == "nest" else None
            born = 0 if step == "early" else None
            all_jobs.append(Job(lambda: None, number, refused, jobs.abandon, parent, born))
            jobs.add(all_jobs[-1])
        elif step == "begin":
            begin()
        elif step == "grow" and jobs.free <= 0:
            jobs.add_slots(number - 2)
        elif step == "refuse":
            dropped |= {job for job in jobs.queued if job.refused}
            jobs.refuse(PoolExhausted("full"))
        elif step == "open" and jobs.is_full:
            jobs.open_place()
        elif step in ("deepest", "newest"):
            refusable = {job for job in jobs.queued if job.refused}
            jobs.refuse_deepest() if step == "deepest" else jobs.refuse_newest()
            dropped |= refusable - set(jobs.queued)
        elif step == "abandon" and all_jobs:
            job = all_jobs[number % len(all_jobs)]
            dropped |= {job} - set(begun)
            job.abandon()
        elif some and step == "end":
            jobs.end(some)
        elif some and step == "wait":
            jobs.wait(some)
        elif some and step == "back":
            jobs.waiting.discard(some)
        assert 0 <= jobs.added <= SPARE
        assert jobs.live >= 0
        assert 0 <= jobs.opened <= RESERVE
        assert len(jobs.running) <= LIMIT + SPARE + RESERVE
        assert (jobs.ready > 0) <= (jobs.due > 0 and jobs.free > 0)
        assert jobs.abandoned.keys() | jobs.waiting <= jobs.running.keys()

    while jobs.running or jobs.due:
        for job in [*jobs.running]:
            jobs.end(job)
        begin()

    assert len(begun) == len(set(begun))
    assert set(all_jobs) == set(begun) | dropped
    assert set() == set(begun) & dropped
    assert (0, LIMIT, 0, 0) == (jobs.added + jobs.opened, jobs.free, jobs.live, len(jobs.overdue))


@given(st.integers(0, 20))
def test_threads_beyond_the_limit_are_capped(stopped):
    """Stopped jobs are replaced as long as there are spare threads, then keep their slots."""
    jobs = Jobs(LIMIT, SPARE)
    for _ in range(LIMIT + SPARE + stopped):
        job = Job(lambda: None, "job", None, jobs.abandon)
        jobs.add(job)
        if jobs.free > 0:
            jobs.begin()
            job.abandon()

    assert (LIMIT + SPARE, 0) == (len(jobs.running), max(0, jobs.free))


@given(st.integers(1, 9), st.integers(0, 9), st.booleans())
def test_the_deepest_is_refused_when_all_that_run_wait_for_it(deep, wide, is_leaf):
    """A job that is within all that run is refused; one beside which another goes on is not."""
    jobs, refused = Jobs(deep + is_leaf, 1, 1), []

    def add(name, parent):
        jobs.add(Job(lambda: None, name, lambda _: refused.append(name), jobs.abandon, parent))

    parent = None
    for level in range(deep):
        add(level, parent)
        parent = jobs.begin()
    if is_leaf:
        add("leaf", None)
        assert jobs.begin()
    add("deepest", parent)
    for number in range(wide):
        add(number, next(parent.ancestors(), None))

    assert is_leaf != jobs.refuse_deepest()
    assert ([] if is_leaf else ["deepest"]) == refused


@given(st.data(), st.integers(0, 4), st.integers(0, 4))
def test_all_may_wait_if_each_may_have_a_job_of_its_own(data, stuck, queued):
    """That is so if each running job can be given another one, whose run began after it."""

    def job(born, began=0):
        made = Job(lambda: None, "job", None, lambda _: None, None, born)
        made.began = began
        return made

    times = data.draw(st.permutations(range(2 * stuck + queued)))
    begun = [job(born, began) for born, began in batched_pairs(times[: 2 * stuck])]
    waiting = [job(born) for born in times[2 * stuck :]]
    others = [*begun, *waiting]

    assert may_all_wait(begun, others) == any(
        all(mine.born > one.began for one, mine in zip(begun, given, strict=True))
        for given in itertools.permutations(others, stuck)
    )


def batched_pairs(times):
    """Return pairs of times, the earlier one first."""
    return [sorted(pair) for pair in zip(times[::2], times[1::2], strict=True)]


def test_what_came_last_begins_first_in_the_reserve():
    """Beyond the spare places, only jobs of runs started later begin, the latest first."""
    jobs = Jobs(1, 1, 1, 3)

    def add(name, born=None):
        jobs.add(Job(lambda: None, name, None, jobs.abandon, None, born))

    for number in range(4):
        add(f"outer {number}", 0)
    jobs.begin()
    jobs.add_slots(1)
    jobs.begin()
    for number in range(2):
        add(f"inner {number}")
    assert (True, None) == (jobs.is_full, jobs.begin())
    assert [True, True] == [jobs.open_place() for _ in range(2)]
    begun = [jobs.begin() for _ in range(2)]
    assert ["inner 1", "inner 0"] == [job.what for job in begun]
    assert (False, None) == (jobs.open_place(), jobs.begin())
    jobs.end(begun[0])
    jobs.end(next(iter(jobs.running)))
    assert jobs.begin() is None
    jobs.end(begun[1])
    assert "outer 2" == jobs.begin().what


def test_names_are_counted():
    """The names of many jobs are few, with how often each occurs, be their text broken."""

    class Broken:
        def __repr__(self):
            raise ValueError

    jobs = Jobs(1, 1)
    whats = ["a", "b", "b", Broken(), *"cdef"]

    assert "b (2), a, Broken, c, d, ..." == names(
        Job(lambda: None, what, None, jobs.abandon) for what in whats
    )
