"""Faults: each kind is an answer or a typed error for the real SDK, and comes again as it came."""

import pytest

from rxagent import each
from rxagent import operators as ops
from rxagent.errors import (
    MalformedReply,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from rxagent.events import TextDelta, Usage
from rxagent.models import OpenAIModel
from rxagent.testing import Faults, ScriptedServer
from rxagent.testing.faults import KINDS
from rxagent.testing.frames import INPUT_TOKENS
from rxagent.testing.scripts.answers import PLAIN, plain

ENDS = {
    "refused": {ModelUnavailable},
    "429": {RateLimited},
    "429 with Retry-After": {RateLimited},
    "5xx": {ModelUnavailable},
    "cut": {ModelUnavailable, None},
    "stall": {ModelTimeout},
    "garbage frame": {MalformedReply, None},
    "slow headers": {None},
    "headers that never come": {ModelTimeout},
    "duplicate frame": {None},
    "half-closed": {ModelUnavailable, None},
}
"""How a request with each kind of fault may end; None is with an answer."""


def asked(server, faults, question="Hi."):
    """Return what a model with faults says, the tokens it reports, and its error."""
    server.scenario("flaky", faults.around(plain))
    model = OpenAIModel("flaky", api_base=server.url, api_key="any")
    said, errors = [], []
    is_silent = {"stall", "headers that never come"} & set(faults.kinds)
    patient = ops.timeout(idle=0.2 if is_silent else 20)
    stream = model(question).pipe(patient, ops.watch(said.append))
    try:
        for _ in each(stream):
            pass
    except ModelError as error:
        errors.append(error)
    text = "".join(delta.text for delta in said if isinstance(delta, TextDelta))
    return text, [delta for delta in said if isinstance(delta, Usage)], errors


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_an_answer_or_a_typed_error(kind):
    """What is said is the answer or its beginning, and a report of usage is whole and alone."""
    with ScriptedServer() as server:
        faults = [Faults(seed, 1, [kind]) for seed in range(4)]
        ended = [asked(server, fault) for fault in faults]
        server.wait_until(lambda: all(exchange.outcome for exchange in server.exchanges))

    assert [{kind: 1}] * 4 == [dict(fault.dealt) for fault in faults]
    for text, reports, errors in ended:
        assert PLAIN.startswith(text)
        assert reports in ([], [Usage(INPUT_TOKENS, len(PLAIN.split()))])
        assert {type(error) for error in errors} <= ENDS[kind]
        assert errors or (PLAIN == text and None in ENDS[kind])


def test_a_server_names_the_time_to_wait():
    """Of the two kinds of 429, one has Retry-After."""
    with ScriptedServer() as server:
        _, _, (with_time,) = asked(server, Faults(1, 1, ["429 with Retry-After"]))
        _, _, (without,) = asked(server, Faults(1, 1, ["429"]))

    assert 0 <= with_time.retry_after <= 0.05
    assert without.retry_after is None


BODIES = [{"model": "m", "messages": [{"role": "user", "content": str(n)}]} for n in range(200)]


def dealt(faults, bodies):
    """Return what is sent in answer to some requests."""
    faulty = faults.around(plain)
    return {body["messages"][0]["content"]: list(faulty(body)) for body in bodies}


def test_the_same_seed_deals_the_same_faults_in_any_order():
    """A fault depends on the request and on how often it came, and on nothing else."""
    expected = dealt(Faults(3), BODIES)

    assert expected == dealt(Faults(3), reversed(BODIES))
    assert expected != dealt(Faults(4), BODIES)
    again = Faults(3)
    assert expected == dealt(again, BODIES)
    assert expected != dealt(again, BODIES)


@pytest.mark.parametrize("rate", [0, 0.25, 1])
def test_the_rate_is_the_part_of_requests_that_meet_a_fault(rate):
    """No more and no fewer, as far as chance goes."""
    faults = Faults(5, rate)
    dealt(faults, BODIES)

    assert 200 * rate - 25 <= faults.dealt.total() <= 200 * rate + 25
    assert rate or not faults.dealt
    assert rate < 1 or KINDS.keys() == faults.dealt.keys()


def test_a_wrong_kind_is_refused():
    """The error names the kinds that there are."""
    with pytest.raises(ValueError, match=r"kinds must be 'refused', .* or 'half-closed', not 'x'"):
        Faults(1, kinds=["x"])
    with pytest.raises(ValueError, match="rate must be a part of the requests, 0 or more, not -1"):
        Faults(1, rate=-1)
