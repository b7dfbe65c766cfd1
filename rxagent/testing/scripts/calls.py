"""Calls: answers that call tools, in all the ways in which servers say so."""

from collections.abc import Iterable

from rxagent.testing.asked import FittingCall, fitting_calls, said_by
from rxagent.testing.frames import (
    Body,
    call_chunk,
    call_chunks,
    text_chunk,
)
from rxagent.testing.scenarios import Item
from rxagent.testing.scripts.saying import (
    paced,
    plain,
    saying,
    scenario,
    using,
)


@scenario("tools")
def _tools(body: Body) -> Iterable[Item]:
    """Call the first tool, then answer with what it has returned."""
    return using(body, lambda call, _: call_chunks(0, *call))


@scenario("parallel")
def _parallel(body: Body) -> Iterable[Item]:
    """Call two tools, their fragments interleaved."""

    def interleaved(first: FittingCall, second: FittingCall) -> Iterable[Item]:
        lanes = call_chunks(0, *first), call_chunks(1, *second)
        for at in range(max(map(len, lanes))):
            for lane in lanes:
                yield from lane[at : at + 1]

    return using(body, interleaved)


@scenario("same-index-other-id")
def _same_index(body: Body) -> Iterable[Item]:
    """Call two tools on one index, told apart by their ids."""
    return using(body, lambda a, b: [*call_chunks(0, *a), *call_chunks(0, *b)])


@scenario("no-id")
def _no_id(body: Body) -> Iterable[Item]:
    """Call two tools, without ids."""

    def unnamed(a: FittingCall, b: FittingCall) -> Iterable[Item]:
        return [*call_chunks(0, None, *a[1:]), *call_chunks(1, None, *b[1:])]

    return using(body, unnamed)


@scenario("none-index")
def _none_index(body: Body) -> Iterable[Item]:
    """Call two tools, with no index but null."""
    return using(body, lambda a, b: [call_chunk(None, *a), call_chunk(None, *b)])


@scenario("name-in-pieces")
def _name_in_pieces(body: Body) -> Iterable[Item]:
    """Call a tool, its name in two fragments."""

    def pieces(call: FittingCall, _: FittingCall) -> Iterable[Item]:
        yield call_chunk(0, call.id, call.name[:2])
        yield call_chunk(0, name=call.name[2:])
        yield call_chunk(0, arguments=call.arguments)

    return using(body, pieces)


@scenario("name-repeated")
def _name_repeated(body: Body) -> Iterable[Item]:
    """Call a tool, its id and name in every fragment."""

    def repeated(call: FittingCall, _: FittingCall) -> Iterable[Item]:
        for at in range(0, len(call.arguments), 6):
            yield call_chunk(0, call.id, call.name, call.arguments[at : at + 6])

    return using(body, repeated)


@scenario("length")
def _length(body: Body) -> Iterable[Item]:
    """Call a tool, cut short by the length limit."""
    return using(body, lambda call, _: call_chunks(0, *call)[:-1], "length")


@scenario("bad-arguments")
def _bad_arguments(body: Body) -> Iterable[Item]:
    """Call a tool with arguments that are no JSON."""
    return using(body, lambda call, _: [call_chunk(0, call.id, call.name, '{"a": ')])


@scenario("unknown-tool")
def _unknown_tool(body: Body) -> Iterable[Item]:
    """Call a tool that there is not."""
    return using(body, lambda call, _: [call_chunk(0, call.id, "no_such_tool", "{}")])


@scenario("final-answer")
def _final_answer(body: Body) -> Iterable[Item]:
    """Call the tool `final_answer` with "hi"."""
    return saying(body, call_chunks(0, "call_1", "final_answer", '{"answer": "hi"}'), "tool_calls")


@scenario("final-with-company")
def _final_with_company(body: Body) -> Iterable[Item]:
    """Call a tool and `final_answer` in one turn."""

    def both(call: FittingCall, _: FittingCall) -> Iterable[Item]:
        final = call_chunks(1, "call_9", "final_answer", '{"answer": "hi"}')
        return [*call_chunks(0, *call), *final]

    return using(body, both) if fitting_calls(body) else _final_answer(body)


_FINAL = 'Action: {"name": "final_answer", "arguments": {"answer": '


@scenario("text-json")
def _text_json(body: Body) -> Iterable[Item]:
    """Say in text a call of `final_answer`."""
    return saying(body, [text_chunk(_FINAL + '"hi"}}')])


@scenario("text-json-pieces")
def _text_json_pieces(body: Body) -> Iterable[Item]:
    """Say in text a call of `final_answer`, in two pieces."""
    return saying(body, [text_chunk(_FINAL), text_chunk("5}}")])


@scenario("text-json-twice")
def _text_json_twice(body: Body) -> Iterable[Item]:
    """Say in text the same call twice, and once when asked again."""
    told = bool(said_by(body, "assistant"))
    one = [text_chunk(_FINAL + '"hi"}}\n')]
    return saying(body, one if told else one * 2)


@scenario("text-json-broken")
def _text_json_broken(body: Body) -> Iterable[Item]:
    """Say in text a call that is not closed."""
    broken = 'Action: {"name": "final_answer", "arguments": {'
    return saying(body, [text_chunk(broken)]) if body.get("tools") else plain(body)


@scenario("demo")
def _demo(body: Body) -> Iterable[Item]:
    """Do as `tools` does, with a pause of 30 ms before each chunk."""
    return paced(_tools(body), 0.03)
