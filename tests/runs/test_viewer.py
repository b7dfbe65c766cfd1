"""Viewers: what one is told, whoever comes first."""

from collections.abc import Callable

from rxagent.events import StepStarted
from rxagent.runs.buffers import Mailbox
from rxagent.runs.viewer import Viewer
from rxagent.runs.viewer_pool import Place
from rxagent.streams import Observing


class Observer:
    def __init__(self) -> None:
        self.told: list[object] = []

    def on_next(self, event: object) -> None:
        self.told.append(event)

    def on_completed(self) -> None:
        self.told.append("end")


def test_nothing_waits_for_one_that_has_left() -> None:
    """An event on its way to a viewer that leaves meanwhile waits for nobody."""
    due: list[Callable[[], None]] = []
    observer = Observer()
    place = Place(due.append, lambda: lambda: False, lambda: False)
    viewer = Viewer(Observing.of(observer), Mailbox(4), place, lambda *_: None)
    viewer.on_next(StepStarted(1))
    viewer.dispose()
    viewer.on_next(StepStarted(2))
    assert 0 == viewer.waiting
    for call in due:
        call()
    assert observer.told == []


def test_the_end_is_told_once() -> None:
    """A viewer that was told the end before it was woken for it is not told it again."""
    due: list[Callable[[], None]] = []

    def tell_all() -> None:
        while due:
            due.pop()()

    class OvertakenViewer(Viewer):
        def _wake(self) -> None:
            tell_all()
            super()._wake()

    observer = Observer()
    place = Place(due.append, lambda: lambda: False, lambda: False)
    viewer = OvertakenViewer(Observing.of(observer), Mailbox(4), place, lambda *_: None)
    viewer.on_next(StepStarted(1))
    viewer.on_completed()
    tell_all()
    assert observer.told == [StepStarted(1), "end"]
