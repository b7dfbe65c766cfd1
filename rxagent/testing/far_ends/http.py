"""HttpFarEnd: a far end on a socket of 127.0.0.1, which the provider's real SDK connects to."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

from ...events import Delta
from ...models import Model
from ..frames import Body, Chunk, frame
from ..scenarios import Ending, Reply
from ..server import ScriptedServer
from .far_end import Call, FarEnd
from .items import (
    Blank,
    Broken,
    Cut,
    Endless,
    Failure,
    Garbage,
    Held,
    Item,
    LastFrame,
    Rejected,
    Reported,
    Script,
    Silence,
    Waiting,
)

__all__ = ["Frame", "HttpFarEnd", "Rendering", "one_by_one"]

Frame = bytes | Chunk
"""Bytes of a reply, or a chunk of OpenAI's chat protocol."""

_PACE = 0.001
"""Seconds between the deltas of an endless reply."""


class Rendering(Protocol):
    """Renders the items of one script as the frames of a provider."""

    def begin(self) -> Iterable[Frame]:
        """Return what is sent before the first delta."""

    def delta(self, delta: Delta, /) -> Iterable[Frame]:
        """Return the frames of a delta."""

    def blank(self) -> Iterable[Frame]:
        """Return frames that say nothing, in each form that the provider or its like send."""

    def garbage(self) -> Iterable[Frame]:
        """Return what the protocol does not allow, such as a frame of broken JSON."""

    def failure(self, failure: Reported, /) -> Iterable[Frame]:
        """Return the frames that report an error in mid-stream."""

    def end(self) -> Iterable[Frame]:
        """Return what is sent after the last delta."""

    def last(self, items: Sequence[Delta | Reported], /) -> Iterable[Frame]:
        """Return the end, with these deltas and this error in the same frame, if it has room."""


def one_by_one(rendering: Rendering, items: Sequence[Delta | Reported]) -> Iterator[Frame]:
    """Yield items and the end one after another, for a protocol whose end is a frame of its own."""
    for item in items:
        yield from rendering.failure(item) if isinstance(item, Reported) else rendering.delta(item)
    yield from rendering.end()


class HttpFarEnd(FarEnd):
    """A far end on a socket.

    Attributes:
        paths: The paths that the SDK posts to; `{name}` in one stands for the model's name, which
            is the body's field `model` otherwise. Those of OpenAI's chat protocol are known.
        server: The server, from `start` to `close`.
    """

    paths: ClassVar[Sequence[str]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.server = ScriptedServer(paths=self.paths)

    @abstractmethod
    def connect(self, name: str, /, **options: Any) -> Model:
        """Return the provider's model of this name, connected to `server`."""

    @abstractmethod
    def rejection(self, rejected: Rejected, /) -> Reply:
        """Return the reply with an error status, in the provider's form."""

    @abstractmethod
    def rendering(self, body: Body, items: Sequence[Item], /) -> Rendering:
        """Return what renders the items of a script, in answer to this request."""

    @property
    def url(self) -> str:
        """The server's URL, without a path."""
        return self.server.azure_endpoint

    def start(self) -> Self:
        """Start to serve."""
        self.server.start()
        return self

    def close(self) -> None:
        """Close all connections, and end."""
        self.server.close()

    def perform(self, script: Script, /, **options: Any) -> Model:
        """Return a new model, whose requests are answered by a script."""
        name = self._new_name()
        self.server.scenario(name, lambda body: self._answer(name, script, body))
        return self.connect(name, **options)

    def _answer(
        self, name: str, script: Script, body: Mapping[str, Any]
    ) -> Iterable[Frame | float | Reply | Ending]:
        try:
            call, request = self._receive(name, body)
        except Exception as error:
            return [self.rejection(Rejected(400, str(error)))]
        with self._noting_faults():
            items = script(request)
            return self._play(call, items, self.rendering(body, items), body)

    def _play(
        self, call: Call, items: Sequence[Item], rendering: Rendering, body: Mapping[str, Any]
    ) -> Iterator[Frame | float | Reply | Ending]:
        ended = False
        try:
            with self._noting_faults():
                for part in self._parts(items, rendering):
                    ended = isinstance(part, Reply | Ending)
                    data = frame(body, part) if isinstance(part, dict) else part
                    yield from _apart(data) if isinstance(data, bytes) else [part]
                ended = True
        finally:
            if not ended:  # the server closes the script of a client that left
                self._left(call)

    def _parts(
        self, items: Sequence[Item], rendering: Rendering
    ) -> Iterator[Frame | float | Reply | Ending]:
        begun = False
        for item in items:
            if not begun and not isinstance(item, Failure):
                begun = True
                yield from rendering.begin()
            match item:
                case Rejected():
                    yield self.rejection(item)
                    return
                case Waiting():
                    yield math.inf
                case Silence():
                    yield b""
                    yield math.inf
                case Broken():
                    yield Ending.ABORT
                    return
                case Cut():
                    yield Ending.EARLY
                    return
                case Reported():
                    yield from rendering.failure(item)
                    yield Ending.QUIET
                    return
                case LastFrame(last):
                    yield from rendering.last(last)
                    yield Ending.QUIET
                    return
                case Endless(delta):
                    while True:
                        yield from rendering.delta(delta)
                        yield _PACE
                case Held(until):
                    while not until.is_set():
                        yield _PACE
                case Garbage():
                    yield from rendering.garbage()
                case Blank():
                    yield from rendering.blank()
                case _:
                    yield from rendering.delta(item)
        yield from rendering.end()
        yield Ending.QUIET


def _apart(data: bytes) -> Iterator[bytes | float]:
    """Yield the bytes of a frame, of which the first letter of several bytes comes in pieces."""
    try:
        first = next((at for at, sign in enumerate(data.decode()) if sign > "\x7f"), None)
    except UnicodeDecodeError:  # it is no text
        first = None
    if first is None:
        yield data
    else:
        yield data[: first + 1]
        yield _PACE
        yield data[first + 1 :]
