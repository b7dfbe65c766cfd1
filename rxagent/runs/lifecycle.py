"""The life of a run: how it starts, pauses and ends, and the answer that it gives its owner."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pickle import PicklingError
from types import TracebackType
from typing import Any, Literal, Never, Self, TypeAlias

from reactivex import Observable, abc
from reactivex.disposable import Disposable, SingleAssignmentDisposable

from ..errors import MessageRefused, RunCancelled
from ..events import Event
from ..frozen import thaw
from ..messages import Message
from ..state import State
from ..streams import RunScheduler
from ..streams.observe_on_run import serialize_on_run
from ..streams.open_work import OpenWork
from ..streams.process_end import disposing_with_loop
from .broadcast import RunBroadcast, RunSink
from .event_log import EventLog, Keep
from .inbox import Inbox, Said, Steer, as_message, check_steer
from .last_state import set_last_state
from .outcome import Outcome

__all__ = ["Lifecycle", "Status"]

_ENDED = {"completed": "its answer", "failed": "failed", "cancelled": "been cancelled"}

Status: TypeAlias = Literal["running", "paused", "completed", "failed", "cancelled"]


class Lifecycle(Observable[Event]):
    """What the owner of a run can do with it: pause, cancel, and wait for its answer."""

    def __init__(
        self,
        source: Observable[Event],
        keep: Keep,
        before: State,
        scheduler: RunScheduler,
        inbox: Inbox | None,
    ) -> None:
        super().__init__()
        if keep not in ("everything", "merged", "nothing"):
            raise ValueError(f"keep is 'everything', 'merged' or 'nothing', not {keep!r}.")
        self._source = source
        self._scheduler = scheduler
        self._event_log = EventLog(before, keep)
        self._subscription = SingleAssignmentDisposable()
        self._outcome = Outcome(scheduler)
        self._broadcast = RunBroadcast(scheduler, self._event_log, self._outcome)
        self._inbox = inbox
        self._unfinished = [None]
        self._work: OpenWork | None = None
        self._paused = False
        self._hold: abc.DisposableBase | None = None

    # Start and end, on the run's loop thread.

    def _launch(self) -> None:
        if self._outcome.ending is not None:  # its loop does not run
            return
        try:
            self._work = OpenWork(
                "rxagent-run",
                self._scheduler.loop,
                self._interrupt,
                is_awaited=not self._scheduler.is_moved_by_hand,
                run=self,
            )
            self._scheduler.spawn("rxagent-launch", self._arrive, self._lost)
        except Exception as error:
            self._end(error)
        except KeyboardInterrupt:  # the caller gets no run that it could cancel
            self._interrupt()
            raise

    def _interrupt(self) -> None:
        self.cancel("interrupted")

    async def _arrive(self) -> None:
        disposing_with_loop()
        self._scheduler.when_resumed(self._begin)

    def _lost(self) -> None:
        self._end(RunCancelled("The event loop was stopped."))

    def _begin(self) -> None:
        if self._outcome.ending is None:
            self._scheduler.owns(Disposable(), self._end)
            self._subscription.disposable = serialize_on_run(self._source).subscribe(
                RunSink(self._broadcast, self._end), scheduler=self._scheduler
            )

    def _end(self, error: Exception | None) -> None:
        """Decide how the run has ended, unless that is decided, and finish it on its loop."""
        set_last_state(error, self._event_log, self._scheduler)
        if self._outcome.claim(error):
            if error is not None:
                self._event_log.fail(error)
            self._scheduler.post_or_run(self._finish)

    def _finish(self) -> None:
        try:
            self._unfinished.pop()
        except IndexError:
            return
        try:
            if self._inbox is not None:
                self._inbox.dispose()
            self.resume()
            self._subscription.dispose()
        except BaseException as fault:
            self._broadcast.report(self, fault)
        try:
            self._broadcast.end(self._outcome.error)
        finally:
            self._outcome.finish()
            if self._work is not None:
                self._work.close()
            self._scheduler.disown()

    def _end_if_stopped(self) -> None:
        """End the run here if its loop does not run any more."""
        if self._scheduler.is_stopped and not self._broadcast.ended:
            self._end(RunCancelled("The event loop of this run has stopped."))
            self._finish()

    # What the owner sees and does, on any thread.

    @property
    def seq(self) -> int:
        """The number of events so far; passed as `since`, it skips all of them."""
        return len(self._event_log)

    @property
    def status(self) -> Status:
        """Whether the run is running or paused, or how it has ended."""
        return self._outcome.ending or ("paused" if self._paused else "running")

    @property
    def state(self) -> State:
        """The state that the events so far fold into; safe on any thread, at any time."""
        return self._event_log.state

    def pause(self) -> None:
        """Pause the run: no chunk is read, no tool starts, and time-outs do not run.

        It takes effect after the event that is being emitted. If a coroutine starts a run and
        pauses it with no `await` in between, nothing is emitted. A script still waits at its end
        for a run that is paused.
        """
        self._paused = True
        if self._scheduler.is_inside:  # of an observer: what is queued already waits, too
            self._obey()
        else:
            self._scheduler.post(self._obey)

    def resume(self) -> None:
        """Resume the run."""
        self._paused = False
        self._scheduler.post(self._obey)

    def _obey(self) -> None:
        paused = self._paused and self._outcome.ending is None
        if paused and self._hold is None:
            self._hold = self._scheduler.hold()
        elif not paused and self._hold is not None:
            self._hold.dispose()
            self._hold = None

    def say(self, message: str | Message, *, steer: Steer | None = None) -> None:
        """Say a message to the run, on any thread and in any signal handler; never blocks.

        MessageReceived is emitted on the run's thread, and the model reads the message in the
        next step. An answer that is complete before that is not the final one: the model reads
        the message first. If the run fails, its state holds the message.

        Args:
            message: A text, or a message of the role user.
            steer: What it does to the step that runs, as for `start`; by default the value that
                was passed to `start`.

        Raises:
            MessageRefused: The run has its answer, or has ended, or takes no messages.
        """
        check_steer(steer, optional=True)
        said = Said(as_message("message", message), steer)
        if self._inbox is None:
            raise MessageRefused(
                "This run takes no messages, because it was launched from a stream. Give its agent "
                "a stream of messages: launch(agent(task, inbox=messages))."
            )
        self._end_if_stopped()
        if self._outcome.ending is not None or not self._inbox.put(said):
            how = self._outcome.ending or "completed"
            raise MessageRefused(
                f"The run has {_ENDED[how]}, so it takes no more messages. To continue its "
                "conversation, start another one: agent.start(message, state=run.state)."
            )

    def cancel(self, reason: str = "") -> None:
        """End the run, down to the request it waits for; its observers get RunCancelled.

        Status and result are decided when this returns, on any thread and in any signal handler;
        what the run has opened is closed on its loop.
        """
        why = f": {reason}" if reason else "."
        error = RunCancelled(f"The run was cancelled{why}", reason=reason)
        if self._broadcast.ended:
            return
        set_last_state(error, self._event_log, self._scheduler)
        # Queued before anything is decided, so that what interrupts a cancel cannot lose its end.
        self._scheduler.post_or_run(self._end_cancelled, error)
        self._decide(error)

    def _decide(self, error: RunCancelled) -> None:
        self._outcome.claim(error)
        if self._outcome.error is error:
            self._event_log.fail(error)
        self._outcome.finish()

    def _end_cancelled(self, error: RunCancelled) -> None:
        self._decide(error)
        self._finish()

    def result(self, timeout: float | None = None) -> Any:
        """Block until the run has ended, and return the answer's value.

        Ctrl-C while waiting cancels the run.

        Args:
            timeout: Seconds to wait at most; after them the run goes on.

        Raises:
            TimeoutError: The run has not ended in that time.
            RuntimeError: This thread executes the run, so it cannot wait for it.
            RxAgentError: The error that ended the run without an answer.
        """
        try:
            if not self._outcome.wait(timeout):
                self._end_if_stopped()
        except KeyboardInterrupt:
            self._interrupt()
            raise
        return self._answer()

    def _answer(self) -> Any:
        self._outcome.raise_error()
        return thaw(self._event_log.answer)

    def run(self, scheduler: abc.SchedulerBase | None = None) -> Any:
        """Block until the run has ended, and return the answer's value, as `result` does."""
        return self.result()

    async def wait(self) -> Any:
        """Wait for the answer's value; cancelling the wait does not cancel the run.

        Cancelling `await run` cancels the run, too.

        Raises:
            RxAgentError: The error that ended the run without an answer.
        """
        if not await self._outcome.wait_async():
            self._end_if_stopped()
        return self._answer()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._owned().__await__()

    async def _owned(self) -> Any:
        try:
            return await self.wait()
        except (asyncio.CancelledError, GeneratorExit):
            self.cancel("its awaiting task was cancelled")
            raise

    def __reduce__(self) -> Never:
        raise PicklingError(
            "A run stays in its process. Send run.state, or a list of its events; "
            "the agent can be sent, too."
        )

    def __repr__(self) -> str:
        return f"<Run: {self.status}, {self.seq:,} events>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cancel("left")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cancel("left")
