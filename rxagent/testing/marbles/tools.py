"""Tools that play rows."""

import inspect
from collections.abc import Mapping
from typing import Any

from attrs import asdict, frozen
from reactivex import Observable
from reactivex import operators as rxo

from ...events import TextDelta
from ...tools import Tool, tool

__all__ = ["tool_of"]


@frozen(eq=False)
class _RowTool(Tool):
    """A tool that takes any arguments, and heeds none."""

    def read(
        self, text: str, additional: Mapping[str, Any] | None = None, *, cut: bool = False
    ) -> inspect.BoundArguments:
        return inspect.signature(self.function).bind()


def tool_of(name: str, row: Observable[Any]) -> Tool:
    """Return a tool of this name whose calls play a row, each text in it as a plain one."""

    def play() -> Observable[Any]:
        return row.pipe(rxo.map(lambda item: item.text if isinstance(item, TextDelta) else item))

    made = tool(play, name=name, description=f"Play the row of {name}.")
    fields = asdict(made, recurse=False)
    return _RowTool(**{field.lstrip("_"): value for field, value in fields.items()})
