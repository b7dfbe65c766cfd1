"""Tools that note how they are called."""

from collections.abc import Callable
from typing import Any

from rxagent import tool

from .example import Offered

__all__ = ["recording", "recording_of"]

Calls = list[tuple[str, dict[str, Any]]]


def recording(
    offered: Offered, calls: Calls, fails: str = "", returns: Callable[[], str] = lambda: "done"
) -> Any:
    """Return a tool as it is described; it notes its arguments, and fails if there is a reason."""
    parameters = ", ".join(f"{name}: {kind}" for name, kind in offered.parameters.items())
    signature = f"{offered.name}({parameters})"
    return recording_of(
        signature, offered.description, calls, fails, returns, is_async=offered.is_async
    )


def recording_of(
    signature: str,
    description: str,
    calls: Calls,
    fails: str = "",
    returns: Callable[[], str] = lambda: "done",
    *,
    is_async: bool = False,
) -> Any:
    """Return the same from a signature."""
    name, _, parameters = signature.partition("(")
    given = [each.split(":")[0].strip() for each in parameters.rstrip(")").split(",") if each]
    optional = {each.split(":")[0].strip() for each in parameters.split(",") if "=" in each}

    def note(arguments: dict[str, Any]) -> str:
        if fails:
            raise ValueError(fails)
        calls.append((name, {k: v for k, v in arguments.items() if k not in optional or v != 1}))
        return returns()

    body = f"return note({{{', '.join(f'{each!r}: {each}' for each in given)}}})"
    source = f'{"async " * is_async}def {signature} -> str:\n    """{description}"""\n    {body}\n'
    namespace: dict[str, Any] = {"note": note}
    exec(source, namespace)
    return tool(namespace[name])
