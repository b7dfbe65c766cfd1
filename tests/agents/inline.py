"""An executor that runs code in this process, for tests in virtual time."""

import ast
import builtins
import traceback
from queue import SimpleQueue

from attrs import field, frozen

from rxagent.errors import CodeError
from rxagent.events import ToolCompleted, ToolFailed
from rxagent.executors import CodeResult, Limits
from rxagent.streams import from_callback
from rxagent.streams import operators as stream_ops
from rxagent.streams.sink import MergeSink, lift


class _Final(BaseException):
    pass


class _Called(MergeSink):
    """Runs the calls that code makes on the run's loop, and gives their ends to its thread."""

    def on_next(self, item):
        if isinstance(item, tuple):
            events, ends = item
            self.join(events.pipe(stream_ops.map(lambda event: self._seen(event, ends))))
        else:
            self.observer.on_next(item)

    def _seen(self, event, ends):
        if isinstance(event, ToolCompleted | ToolFailed) and event.call_id.count(".") == 1:
            ends.put(event)
        return event


@frozen
class InlineSession:
    """Variables in a dict."""

    variables: dict
    opened: list

    def run(self, code, functions):
        """Run code on a thread."""
        return from_callback(lambda emit, _: self._run(code, functions, emit)).pipe(lift(_Called))

    def _run(self, code, functions, emit):
        def function(name):
            def call(*args, **named):
                ends = SimpleQueue()
                emit((functions.call(name, args, named), ends))
                end = ends.get(timeout=10)
                if isinstance(end, ToolFailed):
                    raise RuntimeError(end.error)
                return end.value

            return call

        def final_answer(answer):
            raise _Final(answer)

        space = self.variables
        space |= {name: function(name) for name in functions.names}
        space |= {"print": lambda *items: emit(" ".join(map(str, items)) + "\n")}
        space |= {"final_answer": final_answer, "__builtins__": builtins}
        try:
            tree = ast.parse(code, "<code>")
            value = None
            if tree.body and isinstance(tree.body[-1], ast.Expr):
                last = ast.Expression(tree.body.pop().value)
                exec(compile(tree, "<code>", "exec"), space)
                value = eval(compile(last, "<code>", "eval"), space)
            else:
                exec(compile(tree, "<code>", "exec"), space)
        except _Final as final:
            emit(CodeResult(final.args[0], is_final=True))
        except Exception as error:
            lines = [each.lineno for each in traceback.extract_tb(error.__traceback__)]
            line = error.lineno if isinstance(error, SyntaxError) else lines[-1]
            raise CodeError(f"line {line}: {type(error).__name__}: {error}") from None
        else:
            emit(CodeResult(value))

    def save(self):
        """Return a copy of the data."""
        hidden = ("__builtins__", "print", "final_answer")
        return {
            name: value
            for name, value in self.variables.items()
            if name not in hidden and not callable(value)
        }

    def close(self):
        """Note that it is closed."""
        self.opened.remove(self)


@frozen
class InlineExecutor:
    """Runs code by `exec`; `opened` are its open sessions."""

    limits: Limits = field(factory=Limits)
    language: str = "The code is Python."
    opened: list = field(factory=list, eq=False)

    def open(self, variables, saved=None):
        """Return a session."""
        session = InlineSession({**(saved or {}), **variables}, self.opened)
        self.opened.append(session)
        return session
