"""Together: one object serves any number of runs at once, and leaves nothing behind."""

import threading
from collections.abc import Sequence
from contextvars import ContextVar, copy_context

from ...events import Finish, TextDelta
from ...messages import Request
from .. import leaks
from ..far_ends import Endless, FarEnd, Item
from .listening import Listener, answer

__all__ = ["TogetherCells"]

_THREADS = 8

_user: ContextVar[str] = ContextVar("user", default="")


def echo(request: Request) -> Sequence[Item]:
    """Repeat the last message, a word at a time, twenty times."""
    words = request.messages[-1].text.split()
    return [*(TextDelta(f"{word} ") for word in words * 20), Finish("stop")]


def echoed(text: str) -> str:
    """Return what the script `echo` says to a text."""
    return f"{text} " * 20


class TogetherCells:
    """How one object serves several runs."""

    def test_each_subscription_asks_again(self, far_end: FarEnd) -> None:
        """A stream is cold: nothing is sent before it is subscribed, and each time again."""
        model = far_end.perform(echo)
        stream = model("Hi")
        assert [] == far_end.calls

        assert [echoed("Hi")] * 2 == [Listener(stream).wait_end().text for _ in range(2)]
        assert 2 == len(far_end.calls)

    def test_two_streams_at_once(self, far_end: FarEnd) -> None:
        """Two streams of one object at once do not mix."""
        model = far_end.perform(echo)
        inner: list[Listener] = []

        def begin_another(_: object) -> None:
            if not inner:
                inner.append(Listener(model("two zwei")))

        outer = Listener(model("one eins"), begin_another)
        assert echoed("one eins") == outer.wait_end().text
        assert echoed("two zwei") == inner[0].wait_end().text

    def test_eight_threads(self, far_end: FarEnd) -> None:
        """Eight threads call one object at once, and each gets its own answer."""
        model = far_end.perform(echo)
        texts: dict[int, str] = {}
        begin = threading.Barrier(_THREADS)

        def ask(number: int) -> None:
            begin.wait(10)
            texts[number] = answer(model, f"number {number}").text

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(150)  # engines that wait busily are slow on a busy machine

        assert {number: echoed(f"number {number}") for number in range(_THREADS)} == texts

    def test_contextvars(self, far_end: FarEnd) -> None:
        """Deltas come in the context in which the stream was subscribed."""
        model = far_end.perform(echo)
        seen: dict[str, set[str]] = {"Ada": set(), "Bob": set()}

        def listen(name: str) -> Listener:
            _user.set(name)
            return Listener(model("Hi"), lambda _: seen[name].add(_user.get()))

        listeners = [copy_context().run(listen, name) for name in seen]
        for listener in listeners:
            listener.wait_end()

        assert {"Ada": {"Ada"}, "Bob": {"Bob"}} == seen

    def test_nothing_is_left_open(self, far_end: FarEnd) -> None:
        """Answers that were read, and left, leave no thread, task, socket or work open."""
        model = far_end.perform(echo)
        endless = far_end.serve(Endless(TextDelta("more ")))
        answer(model)  # makes what is kept for the next request
        before = leaks.snapshot()

        for _ in range(3):
            answer(model)
            listener = Listener(endless("Hi"))
            listener.wait_deltas(1)
            listener.dispose()
        far_end.wait_hang_up(endless, 3)
        leaks.assert_no_leaks(before)
