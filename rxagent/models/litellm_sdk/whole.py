"""Whole replies: what a provider itself has sent, where the reply is not streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...call_arguments import in_order
from ...finish_reasons import finish_of
from ..cut_calls import unended
from .parts import arguments_in, counts_thoughts, decisive_in, drop_estimate, failure_of, reasons_in
from .watch import json_in

__all__ = ["WholeBody"]

_LOGGED = "post_api_call"

_OF_OLLAMA = {"prompt_eval_count", "eval_count"}


class WholeBody:
    """Sees the body of one reply, which LiteLLM logs before it reads it.

    Where the body is an error, LiteLLM tells only that it cannot read it, with a status of its own,
    and it writes `stop` for a finish reason that it does not know.
    """

    def __init__(self) -> None:
        self._body = ""

    def logger(self, logger: Any) -> Callable[[Any], None]:
        """Return the argument `logger_fn` of a call, which passes all on to the user's own.

        It is a function, since LiteLLM copies the objects among its arguments.
        """

        def log(details: Any) -> None:
            if isinstance(details, Mapping) and details.get("log_event_type") == _LOGGED:
                body = details.get("original_response")
                self._body = body if isinstance(body, str) else self._body
            if callable(logger):
                logger(details)

        return log

    @property
    def failure(self) -> Any:
        """The description of an error that the body is or holds, or None."""
        failures = map(failure_of, self._parts())
        return next((failure for failure in failures if failure is not None), None)

    def fields_of(self, reply: Any) -> Mapping[str, Any]:
        """Return the fields of a reply of LiteLLM's, with the finish reason that counts.

        The tokens that it has counted itself are left out.
        """
        fields: dict[str, Any] = reply.model_dump(exclude_none=True)
        if any("done" in part and not part.keys() >= _OF_OLLAMA for part in self._parts()):
            fields.pop("usage", None)
        if self._body and not counts_thoughts(self._body):
            drop_estimate(fields)
        decisive = decisive_in(word for part in self._parts() for word in reasons_in(part))
        for choice in fields.get("choices") or ():
            if decisive is not None:
                choice["finish_reason"] = decisive
            if finish_of(choice.get("finish_reason") or "") == "length":
                self._cut_last_call(choice.get("message") or {})
        return fields

    def _cut_last_call(self, message: Mapping[str, Any]) -> None:
        """Take the end off the last call, if the provider has read its arguments itself."""
        for call in (message.get("tool_calls") or ())[-1:]:
            arguments = call["function"].get("arguments") or ""
            known = map(in_order, arguments_in([*self._parts()]))
            if in_order(arguments) in known:
                call["function"]["arguments"] = unended(arguments)

    def _parts(self) -> Iterator[Mapping[str, Any]]:
        value = json_in(self._body.encode(errors="replace"))
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, Mapping):
                yield part
