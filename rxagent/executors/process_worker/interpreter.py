"""The interpreter: runs one piece of code after the other, in one namespace."""

from __future__ import annotations

import ast
import io
import sys
import warnings
from collections.abc import Callable
from types import CodeType, CoroutineType, ModuleType
from typing import Any

from .channel import Channel, Message
from .faults import Faults
from .imports import Imports
from .output import Output
from .unawaited import advice_on, early_answer, note_on
from .values import has_begun, plain

__all__ = ["Interpreter"]

_VALUE = "__rxagent_value__"


class _Ended(BaseException):
    """The code called final_answer; it is no Exception, so that code does not catch it."""


class Interpreter:
    """Runs code, and sends what it prints and its result.

    Args:
        channel: The channel to the parent.
        imports: What code may import.
        output: How many characters each piece of code may print.
        memory: How many bytes code may hold.
    """

    def __init__(self, channel: Channel, imports: Imports, output: int, memory: int) -> None:
        self._channel = channel
        self._output = Output(
            output,
            lambda text: channel.send("out", text),
            lambda count: channel.send("more", count),
        )
        channel.before_call = self._note
        module = sys.modules["__main__"] = ModuleType("__main__")
        self._namespace = module.__dict__
        self._namespace["__builtins__"] = imports.namespace()
        self._faults = Faults(memory)
        self._runner: Any = None
        self._answer: list[Any] = []
        self._calls: list[Any] = []

    def define(self, variables: Message) -> None:
        """Set variables of the code."""
        self._namespace.update(variables)

    def run(self, message: Message) -> None:
        """Run a piece of code."""
        number, source = message["run"], message["code"]
        channel, output = self._channel, self._output
        self._answer = []
        self._calls = []
        channel.run = number
        output.begin()
        sys.stdin, sys.stdout, sys.stderr = io.StringIO(), output, output  # code may replace them
        self._offer(message["functions"], set(message["asynchronous"]))
        try:
            value, error = self._execute(number, source), None
        except BaseException as raised:
            value, error = None, raised
        try:
            if self._answer:
                self._channel.send("result", self._answer[0], is_final=True)
            elif error is None:
                self._send(value)
            else:
                self._fail(error)
        except BaseException as raised:  # of a repr, or for lack of memory
            self._fail(raised)
        finally:
            channel.end_run()

    def _send(self, value: Any) -> None:
        made, notes = plain(value)
        if names := self._unawaited():
            self._output.write(note_on(names))
        self._note(notes)
        self._channel.send("result", made, is_final=False)

    def _fail(self, error: BaseException) -> None:
        is_fatal = self._faults.is_fatal(error)  # first, since it frees memory
        text = self._faults.text(error)
        text += advice_on(text, self._unawaited())
        self._output.flush()
        self._channel.send("error", text, is_fatal=is_fatal)

    def _note(self, notes: list[str]) -> None:
        for note in notes:
            self._output.write(f"[{note}]\n")
        self._output.flush()

    def _offer(self, names: list[str], asynchronous: set[str]) -> None:
        for name in names:
            make = self._asynchronous if name in asynchronous else self._blocking
            self._namespace[name] = function = make(name)
            function.__name__ = function.__qualname__ = name
        self._namespace["final_answer"] = self._end

    def _end(self, *values: Any, **named: Any) -> None:
        """End the task with an answer."""
        if len(given := (*values, *named.values())) != 1:
            raise TypeError(f"final_answer takes one value, the answer, not {len(given)}")
        (answer,) = given
        if not self._answer:
            made, notes = plain(answer)
            if names := self._unawaited():
                raise RuntimeError(early_answer(names))
            self._note(notes)
            self._answer = [made]
        raise _Ended

    def _blocking(self, name: str) -> Callable[..., Any]:
        def function(*args: Any, **kwargs: Any) -> Any:
            return self._channel.call(name, args, kwargs)

        return function

    def _asynchronous(self, name: str) -> Callable[..., Any]:
        never = f"coroutine '{name}' was never awaited"  # which a note says
        warnings.filterwarnings("ignore", never, RuntimeWarning)

        def function(*args: Any, **kwargs: Any) -> Any:
            call: Any = self._channel.call_async(name, args, kwargs)
            call.__name__ = call.__qualname__ = name
            self._calls.append(call)
            return call

        return function

    def _unawaited(self) -> list[str]:
        """Return the names of the asynchronous functions whose calls have not begun."""
        return [call.__name__ for call in self._calls if not has_begun(call)]

    def _execute(self, number: int, source: str) -> Any:
        compiled = self._compile(source, self._faults.note_source(number, source))
        self._namespace.pop(_VALUE, None)
        result = eval(compiled, self._namespace)
        if isinstance(result, CoroutineType):
            self._run_async(result)
        return self._namespace.pop(_VALUE, None)

    def _compile(self, source: str, name: str) -> CodeType:
        """Compile code so that the value of a last expression is kept."""
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree: Any = compile(source, name, "exec", flags | ast.PyCF_ONLY_AST)
        if tree.body and isinstance(last := tree.body[-1], ast.Expr):
            target = ast.copy_location(ast.Name(_VALUE, ast.Store()), last)
            tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
        compiled: CodeType = compile(tree, name, "exec", flags)
        return compiled

    def _run_async(self, coroutine: Any) -> None:
        if self._runner is None:  # one loop for all code, since locks and queues belong to it
            import asyncio

            self._runner = asyncio.Runner()
        try:
            self._runner.run(coroutine)
        finally:
            self._runner.run(_cancel_tasks())


async def _cancel_tasks() -> None:
    import asyncio

    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
