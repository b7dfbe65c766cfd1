"""Operators that make messages and actions out of deltas."""

from collections.abc import Callable, Iterable
from functools import partial
from operator import attrgetter
from typing import Any

from reactivex import Observable, abc, compose
from reactivex import operators as rxo

from ..arguments import number, one_of, several
from ..draft import EMPTY, Draft, grow
from ..errors import MalformedReply
from ..events import Delta, Finish, ReasoningDelta, StepRetried, TextDelta, ToolCallDelta
from ..messages import Message, ToolCall
from ._brackets import takes_nothing
from ._fit import check_fit
from ._fragments import Fragments
from ._json_calls import find_calls

__all__ = ["accumulate", "normalise", "parse_calls", "sealed"]

_SIGNS = {ToolCallDelta, Finish, StepRetried}
_TEXTS = {TextDelta, ReasoningDelta}
_MANY = 256


def accumulate(
    partial: bool = True,
) -> Callable[[Observable[Delta]], Observable[Message]]:
    """Make one message of a turn's deltas, as `scan` does.

    Every message emitted holds the text so far, so a screen that needs few of many puts `sample`
    or `debounce` on the deltas first.

    .. marbles:: accumulate/accumulate

    Args:
        partial: Emit the message as it grows, once for each delta; otherwise only when the
            deltas have completed, as `reduce` does. A turn without deltas is an empty message.
    """
    one_of("partial", partial, (True, False))
    if partial:
        return compose(rxo.scan(grow, Draft()), rxo.map(attrgetter("message")))
    return _whole


def _whole(source: Observable[Delta]) -> Observable[Message]:
    """Emit the message once it is complete; its text is joined before it is folded."""

    def subscribe(
        observer: abc.ObserverBase[Message], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        draft = Draft()
        kind: type[TextDelta] | type[ReasoningDelta] | None = None
        said: list[str] = []

        def on_next(delta: Any) -> None:
            nonlocal draft, kind
            if type(delta) is kind:
                said.append(delta.text)
                if len(said) >= _MANY:
                    join()
                return
            join()
            if type(delta) in _TEXTS:
                kind = type(delta)
                said.append(delta.text)
            else:
                draft = grow(draft, delta)

        def join() -> None:
            nonlocal draft
            if kind is not None:
                draft = grow(draft, kind("".join(said)))
                said.clear()

        def on_completed() -> None:
            join()
            observer.on_next(draft.message)
            observer.on_completed()

        return source.subscribe(on_next, observer.on_error, on_completed, scheduler=scheduler)

    return Observable(subscribe)


def normalise(step: int = 1) -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Bring the fragments of tool calls into one form: an index for each call, an id, a whole name.

    Providers number parallel calls alike, leave out ids, or send names in pieces; after this
    operator the first fragment of a call has its own index, an id and the whole name, and later
    ones have arguments alone. Other deltas pass unchanged.

    .. marbles:: accumulate/normalise

    Args:
        step: The number of the step, for the ids made where the provider gave none:
            ``call_<step>_<attempt>_<index>``.

    Raises:
        MalformedReply: Something is no delta, or holds what a delta cannot; by `on_error`.
    """
    number("step", step, least=0, whole=True, what="the number of a step")

    def normalised(source: Observable[Delta]) -> Observable[Delta]:
        def subscribe(
            observer: abc.ObserverBase[Delta], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            emit = observer.on_next
            fragments = Fragments(step)

            def on_next(delta: Any) -> None:
                kind = type(delta)
                if kind in _TEXTS and isinstance(delta.text, str):
                    emit(delta)
                    return
                try:
                    check_fit(delta)
                except MalformedReply as error:
                    observer.on_error(error)
                    return
                if kind in _SIGNS:
                    for piece in fragments.take(delta):
                        emit(piece)
                else:
                    emit(delta)

            def on_completed() -> None:
                for piece in fragments.flush():
                    emit(piece)
                observer.on_completed()

            return source.subscribe(on_next, observer.on_error, on_completed, scheduler=scheduler)

        return Observable(subscribe)

    return normalised


def parse_calls(
    tools: Iterable[str] = (),
    step: int = 1,
    name_key: str = "name",
    arguments_key: str = "arguments",
) -> Callable[[Observable[Message]], Observable[tuple[ToolCall, ...]]]:
    """Emit the calls that a message makes: the native ones, else the one its text spells out.

    A text spells out a call by one JSON object that names a tool. Emits an empty tuple for a
    message that makes none.

    .. marbles:: accumulate/parse_calls

    Args:
        tools: The names of the tools that a text may call.
        step: The number of the step, for the made id of a call in a text.
        name_key: The key of the tool's name in the JSON object.
        arguments_key: The key of its arguments.

    Raises:
        ParseError: The text spells out several calls, or one that is not JSON; by `on_error`.
    """
    look = partial(
        find_calls,
        names=frozenset(several("tools", tools, "tools' names", str)),
        made_id=f"call_{step}_1_0",
        name_key=name_key,
        arguments_key=arguments_key,
    )
    return rxo.map(lambda message: message.tool_calls or look(message.text))


@takes_nothing
def sealed() -> Callable[[Observable[Delta]], Observable[ToolCall]]:
    """Emit each call of a turn as soon as its arguments can grow no more.

    A call is sealed by the first fragment of the next one, by the finish reason, or by the end;
    arguments that merely parse are not, and the one that the length limit has cut never is. Takes
    normalised deltas.

    .. marbles:: accumulate/sealed
    """

    def seals(source: Observable[Delta]) -> Observable[ToolCall]:
        def subscribe(
            observer: abc.ObserverBase[ToolCall], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            growing: dict[int, Draft] = {}
            told: set[int] = set()
            latest: int | None = None
            is_cut = False

            def seal(but: int | None = None) -> None:
                for index in [index for index in growing if index != but]:
                    told.add(index)
                    observer.on_next(*growing.pop(index).message.tool_calls)

            def on_next(delta: Delta) -> None:
                nonlocal latest, is_cut
                match delta:
                    case ToolCallDelta(latest):
                        if latest not in told:
                            growing[latest] = grow(growing.get(latest, EMPTY), delta)
                        seal(but=latest)
                    case Finish(reason):
                        is_cut = reason == "length"
                        seal(but=latest if is_cut else None)
                    case StepRetried():
                        latest, is_cut = None, False
                        growing.clear()
                        told.clear()

            def on_completed() -> None:
                seal(but=latest if is_cut else None)
                observer.on_completed()

            return source.subscribe(on_next, observer.on_error, on_completed, scheduler=scheduler)

        return Observable(subscribe)

    return seals
