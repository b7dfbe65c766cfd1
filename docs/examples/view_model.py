"""A view-model: what a chat shows is a function of the state of its run."""

import reactivex as rx
from attrs import frozen
from reactivex import operators as rxo

from rxagent import State, fold
from rxagent import operators as ops


@frozen
class View:
    """What the screen shows."""

    text: str = ""
    spinner: str | None = None
    banner: str | None = None


def views(hz=30):
    """Emit views of a run, at most so many a second."""
    return rx.compose(
        ops.settle(),
        rxo.scan(fold, State()),
        rxo.sample(1 / hz),
        rxo.map(view_of),
        rxo.distinct_until_changed(),
    )


def view_of(state):
    """Return the view of a state."""
    if state.error is not None:
        return View(state.text, banner=state.error)
    if state.answer is not None:
        return View(state.text)
    running = [
        call.name
        for step in state.steps[-1:]
        for call in step.calls
        if call.id not in step.outcomes
    ]
    return View(state.text, spinner=", ".join(running) or "thinking")
