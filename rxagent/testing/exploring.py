"""Exploring: a pipeline in many orders of events, with many faults, in virtual time.

.. code-block:: python

    def careful(world):
        return world.model("Hello there.").pipe(ops.retry(3))("Hi.")

    def says_nothing_twice(explored):
        assert "Hello there.".startswith(explored.text)

    explore(careful, says_nothing_twice)
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from inspect import isasyncgen, isawaitable, isgenerator
from traceback import extract_tb
from typing import Any

from attrs import evolve, frozen
from reactivex import Observable

from ..arguments import shown
from ..errors import describe
from ..events import StepRetried, TextDelta
from .clock import Restless, VirtualScheduler
from .marbles.constructors import constructed
from .marbles.diagram import Note, Subscription
from .marbles.performance import Recording
from .marbles.rows import Kind
from .marbles.writing import Signs, WrittenRow, binding, lay_out, signs_of, watch_signs
from .world import PlayedRow, World

__all__ = ["Explored", "World", "explore"]

_TICK = 0.001
_LIMIT = 1_000
_TURNS = 20_000
_SHOWN = 60
"""How many rows, and marbles of a row, a diagram shows."""


@frozen
class Explored:
    """What came of a pipeline with one seed.

    Attributes:
        seed: The seed.
        notes: What the pipeline emitted, with times.
        rows: What the streams of its world played, a row for each subscription.
    """

    seed: int
    notes: Sequence[Note]
    rows: Sequence[PlayedRow]

    @property
    def items(self) -> list[Any]:
        """What the pipeline emitted."""
        return [note.value for note in self.notes if note.kind is Kind.NEXT]

    @property
    def error(self) -> Exception | None:
        """The error with which it failed."""
        found: list[Exception] = [note.value for note in self.notes if note.kind is Kind.ERROR]
        return found[0] if found else None

    @property
    def has_ended(self) -> bool:
        """Whether it completed or failed."""
        return bool(self.notes) and self.notes[-1].kind is not Kind.NEXT

    @property
    def text(self) -> str:
        """The text that it said and did not retract."""
        text = ""
        for item in self.items:
            if isinstance(item, TextDelta):
                text += item.text
            elif isinstance(item, StepRetried):
                text = ""
        return text

    def __str__(self) -> str:
        """Return a marble diagram."""
        signs = Signs({})
        rows: list[WrittenRow] = []
        for row in self.rows[:_SHOWN]:
            played = signs_of(row.notes[:_SHOWN], signs.of, row.begun)
            rows.append(WrittenRow(f"{row.name}:", played, row.begun))
            ended = row.disposed
            if ended is None and not row.is_open:
                ended = round(row.begun + row.notes[-1].at, 6)
            rows.append(
                WrittenRow(f"{row.name}^", watch_signs(Subscription(row.begun, ended)), row.begun)
            )
        rows.append(WrittenRow("out:", signs_of(self.notes[:_SHOWN], signs.of)))
        ruler, lines = lay_out(rows, _TICK)
        bindings = [
            binding(letter, value)
            if isinstance(value, Exception)
            else f"{letter} = {constructed(value)}"
            for letter, value in signs.added.items()
        ]
        longest = max(len(self.rows), len(self.notes), *(len(row.notes) for row in self.rows), 0)
        more = [f"(The first {_SHOWN} rows and marbles.)"] if longest > _SHOWN else []
        return "\n".join([*([ruler] if ruler else []), *lines, *more, "", *bindings])


def explore(
    pipeline: Callable[[World], Observable[Any]],
    check: Callable[[Explored], object] | None = None,
    seeds: int | Iterable[int] = 200,
) -> None:
    """Run a pipeline in virtual time with many seeds, and raise for the shortest failure.

    The seed determines how long its models, streams and tools are silent, how they fail, in which
    order things happen that are due at the same instant, and what fits into a turn of the event
    loop. The pipeline must end, it must have
    closed all that it opened, and the check must hold.

    Args:
        pipeline: Makes a stream of the models, streams and tools of a `World`.
        check: A function of what came; it raises an AssertionError, or returns False, if that is
            wrong.
        seeds: How many seeds, from 0; or the seeds.

    Raises:
        TypeError: The check is asynchronous, or a generator.
        ValueError: There is no seed.
        AssertionError: It fails with some seed. The message holds the seed, to give it as
            `seeds=[seed]`, and a marble diagram of what happened.
    """
    chosen = _chosen(seeds)
    failures = [
        (explored, wrong, cause)
        for seed in chosen
        for explored, wrong, cause in [_tried(pipeline, check, seed)]
        if wrong
    ]
    if not failures:
        return
    explored, wrong, cause = min(failures, key=lambda failure: _length(failure[0]))
    raise AssertionError(
        f"{wrong}\nThis is seed {explored.seed}, the shortest of {len(failures)} failures; "
        f"seeds=[{explored.seed}] repeats it.\n\n{explored}"
    ) from cause


def _chosen(seeds: int | Iterable[int]) -> Sequence[int]:
    chosen: Sequence[Any] = ()
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        chosen = range(seeds)
    elif isinstance(seeds, Iterable):
        chosen = tuple(seeds)
    if not chosen or not all(type(seed) is int for seed in chosen):
        raise ValueError(
            "seeds must be a number of seeds, at least 1, or some seeds, as [7], "
            f"not {shown(seeds)}: without a seed nothing is tried."
        )
    return chosen


def _length(explored: Explored) -> int:
    return len(explored.notes) + sum(1 + len(row.notes) for row in explored.rows)


def _tried(
    pipeline: Callable[[World], Observable[Any]],
    check: Callable[[Explored], object] | None,
    seed: int,
) -> tuple[Explored, str, BaseException | None]:
    """Return what came, what is wrong with it, and why; an empty text if nothing is."""
    world, wrong = World(seed), ""
    cause: BaseException | None = None
    with VirtualScheduler(world.random) as scheduler:
        recording = Recording(scheduler, _LIMIT)
        try:
            scheduler.call_on_loop(lambda: recording.subscribe(pipeline(world)))
            scheduler.run(_TURNS)
        except Restless as error:
            wrong = f"It never comes to rest: {error}"
        except Exception as error:
            wrong, cause = f"It raises {describe(error)}", error
        # As they are now: disposing the result closes what is still open.
        explored = Explored(seed, tuple(recording.notes), tuple(map(evolve, world.rows)))
        recording.dispose()
    if not wrong:
        wrong, cause = _judged(explored, check)
    return explored, wrong, cause


def _judged(
    explored: Explored, check: Callable[[Explored], object] | None
) -> tuple[str, BaseException | None]:
    if not explored.has_ended:
        return "It does not end, and nothing more is to come.", None
    if left := [row.name for row in explored.rows if row.is_open]:
        return f"It has ended, and left open: {', '.join(left)}.", None
    if check is None:
        return "", None
    try:
        verdict = check(explored)
    except AssertionError as error:
        return f"The check does not hold: {error or _line_of(error)}", error
    if isawaitable(verdict) or isgenerator(verdict) or isasyncgen(verdict):
        if isinstance(verdict, Coroutine):
            verdict.close()
        raise TypeError(
            f"The check {shown(check)} has not run: it is asynchronous, or a generator. "
            "Write a plain function of what was explored, which asserts or returns False."
        )
    return ("The check returns False.", None) if verdict is False else ("", None)


def _line_of(error: BaseException) -> str:
    """Return the line that raised an error without a message."""
    *_, frame = extract_tb(error.__traceback__)
    return frame.line or "an assertion"
