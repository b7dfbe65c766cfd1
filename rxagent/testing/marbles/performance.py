"""Performing a diagram: its rows play, its pipeline runs, and what happens is written down."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, frozen
from reactivex import Observable

from ...arguments import meant
from ...errors import MarbleSyntaxError, describe
from ..clock import Restless, VirtualHome
from .bindings import made
from .diagram import Diagram, Note, Pipeline
from .playing import ColdRow, Endless, HotRow, Recording, Row, Subscription
from .scope import public

__all__ = ["Outcome", "perform"]

_TOO_MUCH = 1_000
_TOO_LONG = 100_000
_CALL = "A model is called with a request: `model(request)`."
_IMPORT = "what is your own is imported: `from package.module import {}`."


@frozen
class Outcome:
    """What came of a diagram: what its result told, and when each row was subscribed.

    It `is_astray` when it is not over because something waits in real time.
    """

    notes: tuple[Note, ...]
    is_over: bool
    is_astray: bool
    subscriptions: Mapping[str, tuple[Subscription, ...]]


def perform(diagram: Diagram) -> Outcome:
    """Play a diagram in virtual time, and return what came of it.

    Raises:
        MarbleSyntaxError: The pipeline raises, is no stream, or never ends; or what it imports
            is not there.
    """
    own = {name: one.load() for name, one in diagram.imports.items()}
    for value in diagram.bindings.values():
        made(value)  # What cannot be made is told before anything plays.
    with VirtualHome() as home:
        rows: dict[str, Row] = {
            source.name: (HotRow if source.is_hot else ColdRow)(
                home, tuple(map(_made, source.notes))
            )
            for source in diagram.sources
        }
        recording = Recording(home, len(diagram.out.notes) + _TOO_MUCH)

        def begin() -> None:
            result = _evaluate(diagram.pipeline, {**own, **rows}, home)
            _plan(diagram, home, recording, lambda: recording.subscribe(result))
            for row in rows.values():
                if isinstance(row, HotRow):
                    row.start()

        # Who asks for a loop while the pipeline is evaluated must find the virtual one running.
        home.soon(begin)
        _run(diagram.pipeline, home)
        outcome = Outcome(
            tuple(recording.notes),
            recording.is_over,
            recording.is_astray,
            {name: tuple(row.subscriptions) for name, row in rows.items()},
        )
        recording.dispose()
    return outcome


def _made(note: Note) -> Note:
    return evolve(note, value=made(note.value))


def _plan(
    diagram: Diagram, home: VirtualHome, recording: Recording, begin: Callable[[], None]
) -> None:
    begun = 0.0
    for watch in diagram.watches_of("out"):
        begun = watch.subscribed or 0.0
        if watch.disposed is not None:
            home.schedule_relative(watch.disposed, recording.dispose)
    home.schedule_relative(begun, lambda *_: begin())


def _evaluate(pipeline: Pipeline, known: Mapping[str, Any], home: VirtualHome) -> Observable[Any]:
    scope: dict[str, Any] = {}
    for name, node in pipeline.names.items():
        try:
            scope[name] = known[name] if name in known else public(name, home)
        except LookupError:
            what = f"Nothing is called {name!r}; {_IMPORT.format(name)}"
            raise pipeline.snippet.flaw_at(node, what) from None
    try:
        result = eval(pipeline.code, scope)
    except Exception as error:
        hint = f". {_CALL}" if _is_uncalled(error) else _meant(error, scope)
        what = f"The pipeline raises {describe(error)}{hint}"
        raise pipeline.snippet.flaw_raised(error, what) from error
    if not isinstance(result, Observable):
        what = type(result).__name__
        hint = f" {_CALL}" if callable(result) else ""
        raise pipeline.snippet.flaw(f"The pipeline is a {what} and no Observable.{hint}")
    return result


def _is_uncalled(error: Exception) -> bool:
    return isinstance(error, AttributeError) and error.name == "pipe" and callable(error.obj)


def _meant(error: Exception, scope: Mapping[str, Any]) -> str:
    """Return a question after the name that may have been meant by one that is not there."""
    if not isinstance(error, AttributeError):
        return ""
    owner = next((f"{name}." for name, value in scope.items() if value is error.obj), "")
    return meant(error.name, dir(error.obj)).replace(" Did you mean ", f". Did you mean {owner}")


def _run(pipeline: Pipeline, home: VirtualHome) -> None:
    try:
        home.run(turns=_TOO_LONG)
    except MarbleSyntaxError:
        raise
    except (Endless, Restless) as error:
        raise pipeline.snippet.flaw(
            f"The pipeline never ends; a row `out^ ---!` disposes it. {error}"
        ) from None
    except Exception as error:
        what = f"While it plays, somebody raises {describe(error)}"
        raise pipeline.snippet.flaw_raised(error, what) from error
