"""The books of a pool: whatever happens in whatever order, the slots add up."""

from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import PoolExhausted
from rxagent.streams.jobs import Job, Jobs, names

LIMIT, SPARE = 2, 3

steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "begin", "end", "wait", "back", "abandon", "grow", "refuse"]),
        st.integers(0, 9),
    ),
    max_size=80,
)


@given(steps)
def test_the_slots_add_up(steps):
    """No more run than may, each job begins once or never, and at the end all slots are free."""
    jobs, all_jobs, begun, dropped = Jobs(LIMIT, SPARE), [], [], set()

    def begin():
        if jobs.free > 0 and (job := jobs.begin()):
            job.begun()
            begun.append(job)

    for step, number in steps:
        running = [*jobs.running]
        some = running[number % len(running)] if running else None
        if step == "add":
            refused = (lambda _: None) if number % 2 else None
            all_jobs.append(Job(lambda: None, number, refused, jobs.abandon))
            jobs.add(all_jobs[-1])
        elif step == "begin":
            begin()
        elif step == "grow" and jobs.free <= 0:
            jobs.add_slots(number - 2)
        elif step == "refuse":
            dropped |= {job for job in jobs.queued if job.refused}
            jobs.refuse(PoolExhausted("full"))
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
