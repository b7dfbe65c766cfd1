"""Together: one object serves any number of runs at once, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from contextvars import ContextVar, copy_context

from ...errors import ModelRejected, ModelUnavailable
from ...events import Finish, TextDelta, ToolCallDelta
from ...messages import Request
from ...models import Model
from .. import leaks
from ..far_ends import Cut, Endless, FarEnd, Held, Item, Rejected
from .calls import ADD, ARGUMENTS, NOW
from .listening import Listener, answer, forms

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


async def _heard(model: Model, text: str) -> Listener:
    """Return what a model said on the loop that runs, when it has ended."""
    listener = Listener(model(text))
    await asyncio.to_thread(listener.wait_end)
    return listener


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

    def test_one_of_several_is_cut(self, far_end: FarEnd) -> None:
        """Of several replies at once one is cut: it fails, and the others are whole."""
        held = {"cut": threading.Event(), "slow": threading.Event()}

        def script(request: Request) -> Sequence[Item]:
            text = request.messages[-1].text
            begun = TextDelta(f"{text} ")
            add = ToolCallDelta(0, "call_1", "add", ARGUMENTS[:6])
            rest = ToolCallDelta(0, arguments=ARGUMENTS[6:])
            match text:
                case "cut":
                    return [begun, Held(held["cut"]), TextDelta("half"), Cut()]
                case "slow":
                    return [begun, add, Held(held["slow"]), rest, Finish("tool_calls")]
                case _:
                    return [begun, ToolCallDelta(0, "call_2", "now", "{}"), Finish("tool_calls")]

        model = far_end.perform(script)
        for order in (["cut", "slow"], ["slow", "cut"]):
            listeners = {text: Listener(model(Request(text, tools=[ADD, NOW]))) for text in order}
            for listener in listeners.values():
                listener.wait_deltas(1)
            quick = answer(model, Request("quick", tools=[ADD, NOW]))
            for text in order:
                held[text].set()
                listeners[text].wait_end()
                held[text].clear()

            cut, slow = listeners["cut"], listeners["slow"]
            assert isinstance(cut.error, ModelUnavailable), f"cut, it ended with {cut.error!r}"
            assert ("cut half", []) == (cut.reply.text, cut.reply.reasons)
            assert slow.error is None, f"beside one that was cut it failed with {slow.error!r}"
            for reply, name, arguments in [(slow.reply, "add", ARGUMENTS), (quick, "now", "{}")]:
                (call,) = reply.message.tool_calls
                assert (name, json.loads(arguments)) == (call.name, json.loads(call.arguments))
                assert ["tool_calls"] == reply.reasons

    def test_a_second_loop(self, far_end: FarEnd) -> None:
        """One object serves a second loop after the first was closed, with what that one kept."""

        def script(request: Request) -> Sequence[Item]:
            if request.messages[-1].text == "refused":
                return [Rejected(400, "No.")]
            return [TextDelta("Hello"), Finish("stop")]

        refused = [] if "rejected" in far_end.not_offered else ["refused"]
        for form in forms(far_end):
            model = far_end.perform(script, **form)

            async def ask(model: Model = model) -> list[Listener]:
                return [await _heard(model, text) for text in ["Hi", *refused]]

            for _ in range(2):
                greeted, *others = asyncio.run(ask())
                assert greeted.error is None, f"it failed with {greeted.error!r}"
                assert "Hello" == greeted.reply.text
                assert all(isinstance(other.error, ModelRejected) for other in others)

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
