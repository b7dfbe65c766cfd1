"""Toolboxes: tools by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import field, frozen

from ..arguments import did_you_mean, several
from ..errors import UnknownTool
from ..messages import ANSWER, ToolSpec
from .anything import ANYTHING
from .definition import Tool, as_tool

__all__ = ["FINAL_ANSWER", "Toolbox"]

FINAL_ANSWER = ToolSpec(
    ANSWER,
    "Give the final answer to the task. Call it alone, once you know the answer.",
    {
        "type": "object",
        "properties": {
            "answer": {"description": "The answer, in the form the task asks for.", **ANYTHING}
        },
        "required": ["answer"],
        "additionalProperties": False,
    },
)
"""The tool by which an agent answers; the loop handles it, so no code runs."""


def _as_tools(things: Iterable[Any]) -> tuple[Tool, ...]:
    return tuple(map(as_tool, several("tools", things, "tools")))


@frozen
class Toolbox:
    """Tools under different names.

    Attributes:
        specs: The tools as a request describes them.

    Args:
        tools: Tools, agents or functions.

    Raises:
        TypeError: One of them cannot be described.
        ValueError: Two have the same name.
    """

    tools: tuple[Tool, ...] = field(default=(), converter=_as_tools)
    specs: tuple[ToolSpec, ...] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        names = set()
        for tool in self.tools:
            if tool.name == FINAL_ANSWER.name:
                raise ValueError(
                    f"{tool.name} is the tool by which every agent answers. "
                    'Give your tool another name: tool(function, name="...").'
                )
            if tool.name in names:
                raise ValueError(
                    f"Two tools are named {tool.name}, so a call could mean either. "
                    'Give one of them another name: tool(function, name="...").'
                )
            names.add(tool.name)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self.tools)

    def __len__(self) -> int:
        return len(self.tools)

    def __contains__(self, name: object) -> bool:
        return any(tool.name == name for tool in self.tools)

    @specs.default
    def _specs(self) -> tuple[ToolSpec, ...]:
        return tuple(tool.spec for tool in self.tools)

    def find(self, name: str) -> Tool:
        """Return the tool of a name.

        Raises:
            UnknownTool: There is none; the message suggests a similar name and lists all.
        """
        for tool in self.tools:
            if tool.name == name:
                return tool
        names = [*(tool.name for tool in self.tools), FINAL_ANSWER.name]
        hint = did_you_mean(name, names)
        raise UnknownTool(
            f"There is no tool named {name!r}.{hint} The tools are: {', '.join(names)}.",
            tool=name,
        )
