"""The books of a pool: whatever happens in whatever order, the slots add up."""

from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import PoolExhausted
from rxagent.streams.jobs import Job, Jobs, names

LIMIT, SPARE = 2, 3

steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["add", "nest", "begin", "end", "wait", "back", "abandon", "grow", "refuse", "deepest"]
        ),
        st.integers(0, 9),
    ),
    max_size=80,
)


@given(steps, st.integers(0, SPARE))
def test_the_slots_add_up(steps, kept):
    """No more run than may, each job begins once or never, and at the end all slots are free."""
    jobs, all_jobs, begun, dropped = Jobs(LIMIT, SPARE, kept), [], [], set()

    def begin():
        if jobs.free > 0 and (job := jobs.begin()):
            job.begun()
            begun.append(job)

    for step, number in steps:
        running = [*jobs.running]
        some = running[number % len(running)] if running else None
        if step in ("add", "nest"):
            refused = (lambda _: None) if number % 2 else None
            parent = some if step == "nest" else None
            all_jobs.append(Job(lambda: None, number, refused, jobs.abandon, parent))
            jobs.add(all_jobs[-1])
        elif step == "begin":
            begin()
        elif step == "grow" and jobs.free <= 0:
            jobs.add_slots(number - 2)
        elif step == "refuse":
            dropped |= {job for job in jobs.queued if job.refused}
            jobs.refuse(PoolExhausted("full"))
        elif step == "deepest":
            refusable = {job for job in jobs.queued if job.refused}
            jobs.refuse_deepest()
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
        assert len(jobs.running) <= LIMIT + SPARE
        assert (jobs.ready > 0) <= (jobs.due > 0 and jobs.free > 0)
        assert jobs.abandoned.keys() | jobs.waiting <= jobs.running.keys()

    while jobs.running or jobs.due:
        for job in [*jobs.running]:
            jobs.end(job)
        begin()

    assert len(begun) == len(set(begun))
    assert set(all_jobs) == set(begun) | dropped
    assert set() == set(begun) & dropped
    assert (0, LIMIT, 0, 0) == (jobs.added, jobs.free, jobs.live, len(jobs.overdue))


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
