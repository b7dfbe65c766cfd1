"""Tools: functions that a model may call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Generic, overload

from attrs import evolve, field, frozen
from reactivex import Observable, abc
from typing_extensions import ParamSpec, TypeVar

from ..arguments import number, text, valid
from ..attributes import OF_TOOLS, advised
from ..errors import InvalidArguments
from ..messages import ToolSpec
from ..operators._operator import Operator, checked
from ..pickling import Shared, named, portable
from ..streams import run_scoped
from ..streams.calls import cause_of, is_async
from ..streams.sink import Producer, Sink
from ..streams.sources import Began
from ..streams.workers import Workers
from .declaration import declare
from .outputs import Pictured, Returned, outputs
from .piping import TOOL, piped
from .schema import Schema
from .signature import Signature

__all__ = ["NOTHING_GIVEN", "Tool", "as_tool", "tool"]

_P = ParamSpec("_P", default=...)
_R = TypeVar("_R", default=Any)

NOTHING_GIVEN: Mapping[str, Any] = MappingProxyType({})


@advised(OF_TOOLS)
@frozen(eq=False)
class Tool(Shared, Generic[_P, _R]):
    """A function that a model may call, with its name, description and schema.

    Made by `tool`; it is still called like the function: ``add(2, 3)``.

    Attributes:
        name: The name by which a model calls it.
        description: What it does; the model reads this.
        timeout: The seconds after which a call is stopped; None for no limit.
        function: The function itself.
    """

    name: str
    description: str = field(validator=valid(text))
    timeout: float | None = field(validator=valid(number, above=0, optional=True))
    function: Callable[_P, _R] = field(repr=False)
    _signature: Signature = field(repr=False)
    _schema: Schema = field(repr=False)
    _operators: tuple[Operator, ...] = field(default=(), repr=False)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "forward" in vars(cls):
            raise TypeError(
                f"{cls.__name__} cannot be a class of tools. Write a function with `@tool`; for "
                "one with attributes, write `tool(thing.method)`."
            )
        super().__init_subclass__(**kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        by_name = named(self, self.function)
        if by_name is not None:
            return by_name
        function = portable(f"The tool {self.name!r}", "its function", self.function)
        plain = function, self.name, self.description, self.timeout
        if not self._operators:
            return _made_of, plain
        owner = f"The tool {self.name!r}"
        operators = [portable(owner, "one of its operators", one) for one in self._operators]
        return _piped, (plain, operators)

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call the function."""
        return self.function(*args, **kwargs)

    @property
    def __wrapped__(self) -> Callable[_P, _R]:
        return self.function

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The JSON Schema of the arguments."""
        return self._schema.json

    @property
    def spec(self) -> ToolSpec:
        """The tool as a request describes it."""
        return ToolSpec(self.name, self.description, self.parameters)

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the parameters that the run gives, from its additional arguments."""
        return tuple(each.name for each in self._signature.parameters if each.is_given)

    @property
    def declaration(self) -> str:
        """The tool as a Python function without a body, for models that write code."""
        return declare(
            self._signature,
            self.parameters,
            self.name,
            self.description,
            is_async(self.function),
        )

    def pipe(self, *operators: Operator) -> Tool[_P, _R]:
        """Return the tool whose outputs pass through operators, one after the other.

        They take the stream of one call: the values that the function yields, or the one that it
        returns. So ``search.pipe(ops.timeout(total=10), ops.retry(2))`` searches again after an
        error, or after ten seconds. A call of the tool itself, ``search("ants")``, calls the
        function alone.

        Raises:
            TypeError: An operator cannot be piped to a tool; the message says where it can.
        """
        return evolve(self, operators=(*self._operators, *checked(TOOL, operators)))

    def outputs(
        self,
        arguments: inspect.BoundArguments,
        began: Began | None = None,
        workers: Workers | None = None,
    ) -> Observable[Any]:
        """Emit the outputs of a call; see `rxagent.tools.outputs.outputs`."""
        made = outputs(self.function, arguments, began, workers, self.name)
        return piped(made, self._operators)

    def stream(self, arguments: Mapping[str, Any]) -> Observable[Any]:
        """Emit what the function yields, or the one value that it returns.

        Coroutines run on the run's loop, other functions on the shared threads. Unlike in a model's
        call, the arguments are Python values and are not checked.
        """

        def subscribe(
            observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            source = self.outputs(self._signature.bind(arguments))
            return _Unwrapping(observer).follow(source, scheduler)

        return run_scoped(Producer(subscribe))

    def read(
        self, text: str, additional: Mapping[str, Any] = NOTHING_GIVEN, *, cut: bool = False
    ) -> inspect.BoundArguments:
        """Return the function's arguments, from a model's text and the run's values.

        Args:
            text: JSON, as the model wrote it.
            additional: The values of `Given` parameters, by name.
            cut: Whether the text may be incomplete.

        Raises:
            InvalidArguments: The arguments do not fit; the message names each error and the schema.
        """
        arguments = self._schema.read(text, cut)
        for parameter in self._signature.parameters:
            if parameter.is_given and parameter.name in additional:
                arguments[parameter.name] = additional[parameter.name]
            elif parameter.is_given and parameter.is_required:
                raise InvalidArguments(
                    f"{self.name} needs {parameter.name!r}, which a model cannot give. "
                    f"Start the run with additional_args={{{parameter.name!r}: ...}}.",
                    tool=self.name,
                )
        return self._signature.bind(arguments)


class _Unwrapping(Sink[Any, Any]):
    __slots__ = ()

    def on_next(self, value: Any) -> None:
        plain = value.value if isinstance(value, Returned | Pictured) else value
        self.observer.on_next(plain)

    def on_error(self, error: Exception) -> None:
        super().on_error(cause_of(error))


@overload
def tool(
    function: Callable[_P, _R],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
) -> Tool[_P, _R]: ...
@overload
def tool(
    *, name: str | None = None, description: str | None = None, timeout: float | None = None
) -> Callable[[Callable[_P, _R]], Tool[_P, _R]]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
) -> Any:
    """Make a tool from a function, its annotations and its docstring.

    .. code-block:: python

        @tool
        def add(a: int, b: int) -> int:
            \"\"\"Return the sum of two integers.\"\"\"
            return a + b

    The function may be a coroutine function. Each value that a generator yields, or a returned
    Observable emits, becomes a ToolOutput. Parameters are described by the docstring (Google, NumPy
    or Sphinx style) or by ``Annotated[int, "how many"]``.

    Args:
        function: A function, a bound method, a partial, or an object with `__call__`.
        name: The name by which a model calls it; by default the function's.
        description: What it does; by default the docstring without its parameters.
        timeout: The seconds after which a call is stopped; by default no limit.

    Raises:
        TypeError: The function cannot be described; the message says how to fix it.
    """
    made_of = partial(_made_of, name=name, description=description, timeout=timeout)
    return made_of if function is None else made_of(function)


def _made_of(
    function: Any, name: str | None, description: str | None, timeout: float | None
) -> Tool:
    text("name", name, optional=True)
    if isinstance(function, Tool):
        made = function
        name, description = name or made.name, description or made.description
        function, timeout = made.function, made.timeout if timeout is None else timeout
        return evolve(_made_of(function, name, description, timeout), operators=made._operators)
    signature = Signature.of(function, name, description)
    return Tool(
        signature.name,
        signature.description,
        timeout,
        function,
        signature,
        Schema.of(signature),
    )


def _piped(plain: tuple[Any, ...], operators: Iterable[Operator]) -> Tool:
    return _made_of(*plain).pipe(*operators)


def as_tool(thing: Any) -> Tool:
    """Return a tool, or an agent or a function as a tool.

    Raises:
        TypeError: It cannot be described; the message says how to fix it.
    """
    if isinstance(thing, Tool):
        return thing
    if hasattr(thing, "as_tool") and not inspect.isclass(thing):
        made: Tool = thing.as_tool()
        return made
    return tool()(thing)
