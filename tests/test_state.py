"""State: a fold over the events of a conversation, and what it is worth."""

import gc
import pickle
import re
import sys
import threading
import tracemalloc
from collections import Counter
from contextlib import suppress

import attrs
import pytest
import reactivex as rx
from hypothesis import example, given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent.events import (
    Delta,
    FinalAnswer,
    Finish,
    MessageCompleted,
    MessageReceived,
    Planned,
    PlanStarted,
    ReasoningDelta,
    RefusalDelta,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepFailed,
    StepRetried,
    StepStarted,
    Summarised,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
)
from rxagent.messages import Image, Message, ToolCall
from rxagent.state import Draft, State, Step, TextView, fold, fold_all, grow

from .laws import examples
from .meanwhile import meanwhile
from .strategies import conversations, prefixes, runs, spent, texts, total

law = examples(40)

BEGUN = (RunStarted("What is 2 + 3?", "agent"), StepStarted(1))
ADD = ToolCall("call_1", "add", '{"a": 2, "b": 3}')
CALLING = (ToolCallDelta(0, "call_1", "add", ""), ToolCallDelta(0, arguments='{"a": 2, "b": 3}'))
CALLED = (*CALLING, MessageCompleted(Message("assistant", tool_calls=[ADD])))


def state_of(*events):
    """Return what some events come to."""
    return fold_all(State(), events)


def heard_of(*events):
    """Return roles and texts of the messages that a model reads after some events."""
    return [(message.role, message.text) for message in state_of(*events).messages()]


def assert_well_formed(messages):
    """Check that each call of an assistant's message is answered once, in order, right after."""
    position = 0
    while position < len(messages):
        message = messages[position]
        assert "tool" != message.role, "an answer without a call"
        calls = message.tool_calls if message.role == "assistant" else ()
        position += 1
        answers = messages[position : position + len(calls)]
        assert ["tool"] * len(calls) == [answer.role for answer in answers]
        assert [call.id for call in calls] == [answer.tool_call_id for answer in answers]
        position += len(calls)


# The laws


@law
@given(runs())
def test_the_deltas_are_the_message(events):
    """The texts since the last retraction equal those of the completed message."""
    said = thought = ""
    state = State()
    for event in events:
        state = fold(state, event)
        match event:
            case StepStarted() | PlanStarted() | StepRetried():
                said = thought = ""
            case TextDelta(text):
                said += text
            case ReasoningDelta(text):
                thought += text
            case MessageCompleted(message):
                assert (said, thought) == (message.text, message.reasoning)


@law
@given(runs())
def test_the_state_shows_what_has_been_said(events):
    """At every moment of a step, `text` is what the deltas since the last retraction say."""
    state, said, in_step = State(), "", False
    for event in events:
        state = fold(state, event)
        match event:
            case StepStarted() | StepRetried():
                said, in_step = "", True
            case PlanStarted() | RunStarted():
                said, in_step = "", False
            case TextDelta(text) if in_step:
                said += text
        assert said == state.text


@law
@given(runs())
def test_a_draft_becomes_the_message(events):
    """Growing a draft by a turn's deltas gives the message that completes the turn."""
    draft = Draft()
    for event in events:
        match event:
            case StepStarted() | PlanStarted():
                draft = Draft()
            case Delta():
                draft = grow(draft, event)
            case MessageCompleted(message):
                assert message == draft.message


@law
@given(conversations(), st.data())
def test_a_journal_may_be_folded_in_parts(events, data):
    """Folding a part, and then the rest, is folding all; also when the part was pickled."""
    whole = fold_all(State(), events)
    cut = data.draw(st.integers(0, len(events)))

    part = fold_all(State(), events[:cut])

    assert whole == fold_all(part, events[cut:])
    assert whole == fold_all(pickle.loads(pickle.dumps(part)), events[cut:])
    assert part == fold_all(State(), events[:cut])


@law
@given(conversations(inner=2))
def test_no_token_is_lost(events):
    """Usage is the sum of all reports, those of inner runs at any depth too."""
    state = fold_all(State(), events)

    assert total(spent(events)) == state.usage
    assert total(state.usage_by_agent.values()) == state.usage
    assert {
        model or "": total(usage for usage in spent(events) if usage.model == model)
        for model in {usage.model for usage in spent(events)}
    } == state.usage_by_model


@law
@given(runs(inner=2))
def test_a_run_says_what_it_has_spent(events):
    """RunCompleted holds the usage of the state."""
    assert events[-1] == RunCompleted(fold_all(State(), events).usage)


@law
@given(prefixes(inner=0))
def test_turns_without_a_report_are_counted(events):
    """It counts the turns and summaries without reported usage, and what reports say of others."""
    unreported, reported = 0, False
    for event in events:
        match event:
            case StepStarted() | PlanStarted():
                reported = False
            case Usage(unreported=others):
                unreported += others
                reported = True
            case MessageCompleted() | Summarised():
                unreported += not reported
                reported = False

    assert unreported == fold_all(State(), events).unreported


@law
@given(conversations())
def test_messages_are_well_formed_at_every_moment(events):
    """Whenever a run breaks off, each call is answered once, in order, and nothing else is."""
    state = State()
    for event in events:
        state = fold(state, event)
        assert_well_formed(state.messages())
        assert_well_formed(state.messages(summary=True))


messages = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    texts,
    st.lists(st.builds(ToolCall, st.sampled_from("abc"), texts, texts), max_size=3),
    st.none() | st.sampled_from("abc"),
)


@law
@given(st.lists(messages, max_size=8), prefixes(inner=0))
def test_whatever_was_said_before_becomes_well_formed(said, events):
    """A list of any messages is a conversation that can be continued."""
    before = State.from_messages(said)
    assert_well_formed(before.messages())
    assert_well_formed(before.messages(summary=True))

    after = fold_all(before, events)

    assert_well_formed(after.messages())
    assert before.messages() == after.messages()[: len(before.messages())]


@given(st.lists(messages, max_size=8))
def test_what_is_well_formed_stays_as_it_is(said):
    """Messages that a state has given make the same state again."""
    formed = State.from_messages(said).messages()

    assert formed == State.from_messages(formed).messages()


@law
@given(prefixes())
def test_no_event_changes_a_state(events):
    """A stored state is the same after all that follows."""
    states, seen = [State()], [[]]
    for event in events:
        states.append(fold(states[-1], event))
        seen.append(states[-1].messages())

    assert seen == [state.messages() for state in states]


@law
@given(conversations(inner=0), st.data())
def test_a_state_may_be_continued_twice(events, data):
    """Two continuations of one state do not affect each other."""
    shared = fold_all(State(), events)
    one, other = (data.draw(prefixes(inner=0)) for _ in range(2))
    states = [shared, shared]
    for step in range(max(len(one), len(other))):
        for who, mine in enumerate((one, other)):
            states[who] = fold_all(states[who], mine[step : step + 1])

    assert [fold_all(shared, one), fold_all(shared, other)] == states
    assert shared == fold_all(State(), events)


@law
@given(runs())
def test_a_retracted_attempt_leaves_no_trace(events):
    """Without its retracted attempts, a run comes to the same messages."""
    kept, attempt = [], None
    voided = set()
    for event in events:
        match event:
            case StepStarted():
                kept.append(event)
                attempt = len(kept)
            case StepRetried():
                said = [event for event in kept[attempt:] if isinstance(event, MessageReceived)]
                kept[attempt:] = said  # no part of the attempt
            case ToolFailed(_, "StepRetried: retracted"):
                voided.add(event)
            case _:
                kept.append(event)

    assert fold_all(State(), kept).messages() == fold_all(State(), events).messages()
    assert not any("retracted" in message.text for message in fold_all(State(), events).messages())


@law
@given(prefixes())
def test_a_summary_keeps_what_was_done(events):
    """Tasks, calls, results and errors are the same, without the assistant's text."""
    state = fold_all(State(), events)
    full = [
        attrs.evolve(message, text="", reasoning="", extra=())
        if message.role == "assistant"
        else message
        for message in state.messages()
        if message.role != "assistant" or message.tool_calls
    ]
    planned = Counter(
        message for message in full if message == Message("user", "Now carry out this plan.")
    )

    messages = state.messages(summary=True)
    # A call that a text spelled out stands before its result.
    called = re.compile(r"^(Result of \w+)\([^)]*\):\n")
    messages = [attrs.evolve(each, text=called.sub(r"\1:\n", each.text)) for each in messages]

    assert Counter(messages) == Counter(full) - planned
    assert "".join(message.text for message in messages if message.role == "assistant") == ""


# What a model reads


def test_a_run_as_a_model_reads_it():
    """A task, a call, its result, and an answer are messages of the protocol."""
    state = state_of(
        *BEGUN,
        *CALLED,
        ToolStarted(ADD),
        ToolOutput("call_1", 5),
        ToolCompleted("call_1", "5", 5),
        StepStarted(2),
        TextDelta("It is "),
        TextDelta("5."),
        MessageCompleted(Message("assistant", "It is 5.")),
        FinalAnswer("It is 5."),
        RunCompleted(None),
    )

    assert [
        Message("user", "What is 2 + 3?"),
        Message("assistant", tool_calls=[ADD]),
        Message("tool", "5", tool_call_id="call_1"),
        Message("assistant", "It is 5."),
    ] == state.messages()
    assert ("It is 5.", "It is 5.", None) == (state.answer, state.text, state.error)
    assert [1, 2] == [step.number for step in state.steps]
    assert {"call_1": "5"} == state.steps[0].outcomes


def test_the_message_of_a_run_stands_for_its_task():
    """When a task has images, the model reads the message that has them."""
    message = Message("user", "What is this?", images=[Image("https://example.com/cat.png")])

    assert [message] == state_of(RunStarted("What is this?", "agent", message)).messages()


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        (CALLING, "Interrupted"),
        (CALLED, "Interrupted"),
        ((*CALLED, ToolStarted(ADD)), "Interrupted"),
        ((*CALLED, ToolStarted(ADD), ToolOutput("call_1", 5)), "Interrupted"),
        ((*CALLED, ToolFailed("call_1", "UnknownTool: no add")), "UnknownTool: no add\nNow try"),
        ((*CALLED, StepFailed("ParseError: no")), "Not run."),
        ((*CALLED, FinalAnswer(5)), "The answer was given."),
        ((*CALLED, ToolStarted(ADD), ToolCompleted("call_1", "5"), FinalAnswer(5)), "5"),
    ],
    ids=["half made", "made", "begun", "at work", "failed", "retracted", "answer", "answered"],
)
def test_each_call_has_an_outcome(events, outcome):
    """Whatever became of a call, the model reads it in the call's tool message."""
    called, answer, *_ = state_of(*BEGUN, *events).messages()[1:]

    assert (ADD,) == called.tool_calls
    assert ("tool", "call_1") == (answer.role, answer.tool_call_id)
    assert answer.text.startswith(outcome)


def test_a_call_that_a_text_spelled_out():
    """A call that is no native one is answered by the user, with the tool's name."""
    call = ToolCall("call_1_1_0", "add", "{}")
    text = 'Action: {"name": "add"}'
    message = MessageCompleted(Message("assistant", text))

    events = [StepStarted(1), message, ToolStarted(call), ToolCompleted(call.id, "5")]
    assert [("assistant", text), ("user", "Result of add:\n5")] == heard_of(*events)


def test_a_summary_keeps_a_call_that_a_text_spelled_out():
    """The text is left out, so the call stands before its result, as code does."""
    call = ToolCall("call_1_1_0", "python_interpreter", '{"code": "2 + 3"}')
    message = MessageCompleted(Message("assistant", "<code>2 + 3</code>"))
    state = state_of(StepStarted(1), message, ToolStarted(call), ToolCompleted(call.id, "5"))

    assert ['Result of python_interpreter({"code": "2 + 3"}):\n5'] == [
        message.text for message in state.messages(summary=True)
    ]


def test_an_error_message_says_to_try_again():
    """A turn that could not be used is followed by why, and by what to do about it."""
    said = MessageCompleted(Message("assistant", "Hm."))

    assert [
        ("assistant", "Hm."),
        ("user", "ParseError: no\nNow try again, and do not repeat the error."),
    ] == heard_of(StepStarted(1), said, StepFailed("ParseError: no"))


def test_an_empty_reply_is_no_message():
    """A turn in which nothing was said leaves its error alone; thoughts are not said."""
    completed = MessageCompleted(Message("assistant", reasoning="Hm."))

    assert ["user"] == [
        role for role, _ in heard_of(StepStarted(1), completed, StepFailed("ParseError: empty"))
    ]


def test_a_plan_is_followed_by_the_request_to_carry_it_out():
    """A plan is the assistant's, half made too; a summary leaves it out."""
    plan = [("assistant", "Add."), ("user", "Now carry out this plan.")]
    begun = (PlanStarted(), TextDelta("Add."))
    made = (*begun, MessageCompleted(Message("assistant", "Add.")), Planned("Add."))

    assert plan == heard_of(*begun) == heard_of(*made)
    assert [] == state_of(*made).messages(summary=True) == state_of(PlanStarted()).messages()


def test_a_retracted_plan_is_forgotten():
    """A second plan request starts a new plan."""
    state = state_of(
        PlanStarted(), TextDelta("Ad"), StepRetried(2, "ModelTimeout"), TextDelta("Sub")
    )

    assert ["Sub", "Now carry out this plan."] == [message.text for message in state.messages()]


def test_a_retracted_call_is_forgotten():
    """The outcome of an eager call in a retracted attempt is left out of the messages."""
    retracted = (
        *CALLING,
        ToolStarted(ADD),
        StepRetried(2, "cut"),
        ToolFailed("call_1", "retracted"),
    )
    again = (*retracted, *CALLED, ToolStarted(ADD))

    assert [Message("user", "What is 2 + 3?")] == state_of(*BEGUN, *retracted).messages()
    assert "Interrupted" == state_of(*BEGUN, *again).messages()[-1].text
    assert "5" == state_of(*BEGUN, *again, ToolCompleted("call_1", "5")).messages()[-1].text


def test_the_partial_text_of_a_failed_run_is_kept():
    """When a model breaks off, what it had said is in the state, and the next run reads it."""
    state = state_of(*BEGUN, TextDelta("It is"), RunFailed("ModelUnavailable", "cut off"))

    assert ("It is", "cut off") == (state.text, state.error)
    assert ("assistant", "It is") == (state.messages()[-1].role, state.messages()[-1].text)


def test_a_run_continues_a_conversation():
    """A second run adds to the messages and the usage, and starts with no answer and no error."""
    first = state_of(
        *BEGUN, Usage(10, 1), MessageCompleted(Message("assistant", "5")), FinalAnswer(5)
    )
    second = fold_all(
        fold(first, RunFailed("ModelError", "gone")), [RunStarted("And 3?", "other"), Usage(5, 2)]
    )

    assert (5, None) == (first.answer, second.answer)
    assert None is second.error
    assert (Usage(15, 3), {"agent": Usage(10, 1), "other": Usage(5, 2)}) == (
        second.usage,
        second.usage_by_agent,
    )
    assert ["What is 2 + 3?", "5", "And 3?"] == [message.text for message in second.messages()]


def test_tokens_of_inner_agents_have_their_agents_name():
    """Usage of an inner run, however deep, counts for the agent that spent it."""

    def inside(call_id, *events):
        return [ToolOutput(call_id, event) for event in events]

    inner = inside("c1.1", RunStarted("", "deep"), StepStarted(1), Usage(1, 0))
    middle = inside("c1", RunStarted("", "middle"), StepStarted(1), *inner, Usage(20, 0))
    state = state_of(*BEGUN, *middle, Usage(300, 0))

    assert {"deep": Usage(1, 0), "middle": Usage(20, 0), "agent": Usage(300, 0)} == (
        state.usage_by_agent
    )
    assert 321 == state.usage.total_tokens


def test_tokens_have_their_models_name():
    """Usage counts for the model that used it, in whichever run; other tokens have no name."""
    inner = [
        ToolOutput("c1", event)
        for event in (RunStarted("", "deep"), StepStarted(1), Usage(1, 0, model="small"))
    ]
    used = Usage(20, 0, model="big"), Usage(300, 0, model="small"), Usage(4000, 0)
    state = state_of(*BEGUN, *inner, *used)

    assert {
        "small": Usage(301, 0, model="small"),
        "big": Usage(20, 0, model="big"),
        "": Usage(4000, 0),
    } == state.usage_by_model
    assert Usage(4321, 0) == state.usage


def test_unknown_is_not_zero():
    """Unreported usage is None, and its turns are counted; zero is a report."""
    said = MessageCompleted(Message("assistant", "Hi"))

    assert (None, {}, 1) == (
        (silent := state_of(*BEGUN, said)).usage,
        silent.usage_by_agent,
        silent.unreported,
    )
    assert (Usage(0, 0), 0) == (
        (frugal := state_of(*BEGUN, Usage(0, 0), said)).usage,
        frugal.unreported,
    )


def test_a_model_may_be_folded_alone():
    """The deltas of a model's own stream are a state, without a run around them."""
    state = state_of(TextDelta("Hi"), *CALLING, Finish("tool_calls"))

    assert ("Hi", (ADD,)) == (state.text, state.messages()[0].tool_calls)
    assert "Hi" == state_of(MessageCompleted(Message("assistant", "Hi"))).text


def test_refusals_and_thoughts_are_not_said():
    """The three channels stay apart."""
    state = state_of(*BEGUN, ReasoningDelta("Hm."), RefusalDelta("No."), TextDelta("Hi."))
    draft = state.steps[0].draft

    assert ("Hi.", "Hm.", "No.") == (state.text, draft.reasoning.text, draft.refusal.text)
    assert not Draft(reasoning=TextView("Hm.")).is_empty
    assert Draft(refusal=TextView("No.")).is_empty


def test_answers_are_compared_by_type_and_value():
    """States whose answers are arrays, or numbers of other types, can be compared."""

    class Array:
        def __init__(self, *items):
            self.items = items
            self.shape = (len(items),)

        def __eq__(self, other):
            raise ValueError("The truth value of an array is ambiguous.")

        def equals(self, other):
            return self.items == other.items

        __hash__ = None

    assert State(Array(1, 2)) == State(Array(1, 2))
    assert State(Array(1, 2)) != State(Array(1, 3))
    assert State(1) != State(1.0) != State(True)


def test_a_copy_of_the_books_is_handed_out():
    """Who changes what `usage_by_agent` gave changes nothing of the state."""
    state = state_of(*BEGUN, Usage(1, 1))
    state.usage_by_agent.clear()
    state.usage_by_model.clear()

    assert {"agent": Usage(1, 1)} == state.usage_by_agent
    assert {"": Usage(1, 1)} == state.usage_by_model


def test_the_words_of_a_step_are_its_own():
    """A step can be asked for what it says to the next turn."""
    step = Step(1).add(MessageCompleted(Message("assistant", "Hi", [ADD])))

    assert ["Hi", "Interrupted"] == [message.text for message in step.messages()]
    assert ["", "Interrupted"] == [message.text for message in step.messages(summary=True)]


# What a delta costs


def test_scans_of_one_seed_do_not_mix():
    """Several subscriptions that scan from the same state, by turns, have a state each."""
    seeds = State(), state_of(*BEGUN, TextDelta("It is "))
    for seed in seeds:
        stream, states = rx.subject.Subject(), [[], [], []]
        for kept in states:
            stream.pipe(rxo.scan(fold, seed)).subscribe(kept.append)
        late = []
        for number, event in enumerate([StepStarted(2), TextDelta("a"), TextDelta("b")]):
            stream.on_next(event)
            if number == 1:
                stream.pipe(rxo.scan(fold, seed)).subscribe(late.append)
        assert ["ab"] * 3 == [kept[-1].text for kept in states]
        assert seed.text + "b" == late[-1].text


def test_threads_that_fold_one_state_do_not_mix():
    """Many may go on from one state at the same time."""
    shared = state_of(*BEGUN, TextDelta("seed "))
    ready, texts = threading.Barrier(4), []

    def go_on(letter):
        ready.wait(60)
        state = fold(shared, StepStarted(2))
        for _ in range(1000):
            state = fold(state, TextDelta(letter))
        texts.append(state.text)

    threads = [threading.Thread(target=go_on, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [letter * 1000 for letter in "abcd"] == sorted(texts)
    assert "seed " == shared.text


@given(st.lists(st.text(), max_size=10), st.text())
@example(["\r\n", "\r", "\n"], "\ud800")
def test_a_view_is_the_text_of_its_pieces(pieces, seed):
    """A text that has grown by pieces is their sum, at every length."""
    views, sums = [TextView(seed)], [seed]
    for piece in pieces:
        views.append(views[-1] + piece)
        sums.append(sums[-1] + piece)

    assert sums == [view.text for view in views] == [str(view) for view in reversed(views)][::-1]
    assert [len(text) for text in sums] == [len(view) for view in views]
    assert [hash(TextView(text)) for text in sums] == [hash(view) for view in views]
    assert [TextView(text) for text in sums] == views


@given(st.lists(st.tuples(st.integers(0, 9), st.text(max_size=3), st.booleans()), max_size=30))
def test_any_view_may_grow_again(forks):
    """However views fork, and whenever they are read, each is the text it was made of."""
    views, sums = [TextView()], [""]
    for parent, piece, is_read in forks:
        parent %= len(views)
        views.append(views[parent] + piece)
        sums.append(sums[parent] + piece)
        if is_read:
            assert sums[parent] == views[parent].text

    assert sums == [view.text for view in views]


def test_views_grow_on_several_threads():
    """Whenever another thread grows the same view, or its fork, each view is its own text."""
    step = 0
    met = True
    while met:
        step += 1
        base, grown = TextView("a") + "b", {}
        fork = base + "x" if step % 2 else base

        def grow_twice(base=base, grown=grown):
            grown["abc"] = base + "c"
            grown["abcd"] = grown["abc"] + "d"

        def grow_others(base=base, fork=fork, grown=grown):
            grown["abe"] = base + "e"
            grown[f"{fork.text}f"] = fork + "f"
            for view in [*grown.values()]:
                grown[f"{view.text}g"] = view + "g"

        met = meanwhile(grow_twice, step, grow_others)

        assert list(grown) == [view.text for view in grown.values()]
        assert "ab" == base.text
    assert step > 50


def test_a_view_survives_an_interrupted_thread():
    """Wherever growing is interrupted, all views stay what they are, and can grow."""

    def interrupt():
        raise KeyboardInterrupt

    step, met = 0, True
    while met:
        step += 1
        base, views = TextView("a") + "b", []
        with suppress(KeyboardInterrupt):
            met = meanwhile(
                lambda base=base, views=views: views.append(base + "c"), step, interrupt
            )
        views.append(base + "d")
        views.append(views[-1] + "e")

        assert ["abd", "abde"] == [view.text for view in views[-2:]]
        assert "ab" == base.text
    assert step > 10


def test_a_state_is_folded_on_several_threads():
    """Two threads that fold one state at once get what each of them has folded."""
    step, met = 0, True
    while met:
        step += 1
        base, texts = state_of(*BEGUN, TextDelta("a"), TextDelta("b")), {}

        def fold_one(base=base, texts=texts, piece="c"):
            texts[piece] = fold_all(base, [TextDelta(piece)] * 3).text

        met = meanwhile(fold_one, step, lambda fold_one=fold_one: fold_one(piece="d"))

        assert {"c": "abccc", "d": "abddd"} == {**texts, **({} if met else {"d": "abddd"})}
    assert step > 50


def test_a_view_is_no_text():
    """A view equals another of the same text, and nothing else; it shows what it holds."""
    assert TextView("a") + "b" == TextView("ab") != TextView("a")
    assert TextView("a") != "a"
    assert "TextView('ab')" == repr(TextView("a") + "b")
    assert TextView("ab") == pickle.loads(pickle.dumps(TextView("a") + "b"))
    assert not TextView()
    assert (view := TextView("a")) + "" is view


def blocks_of(events):
    """Return how many blocks of memory all states of some events need, and keep."""
    gc.collect()
    before = sys.getallocatedblocks()
    states = [State()]
    for event in events:
        states.append(fold(states[-1], event))
    return (sys.getallocatedblocks() - before) / len(events)


def test_each_delta_costs_the_same():
    """A kept state costs a few blocks a delta, however much was said before, and by whom."""
    deltas = [TextDelta("word ")] * 2000
    past = [*BEGUN, MessageCompleted(Message("assistant", "Hi"))] * 2000

    alone, late = blocks_of(deltas), blocks_of(deltas * 10)
    after = blocks_of([*past, *deltas * 10]) * (len(past) + 20_000) - blocks_of(past) * len(past)

    assert late < alone * 1.2
    assert after / 20_000 < alone * 1.2
    assert alone < 10


def peak_of(make):
    """Return the most memory that was in use while something was made, in bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        make()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("every", [None, 1000])
def test_a_long_text_needs_little_more_than_itself(every):
    """A text of 100,000 pieces needs at most three times its bytes, also when it is read."""
    piece = "a word, " * 2

    def make():
        view = TextView()
        for number in range(100_000):
            view += piece
            if every and number % every == 0:
                assert view.text
        assert 100_000 * len(piece) == len(view.text)

    assert peak_of(make) <= 3 * 100_000 * len(piece)


def test_five_thousand_states_are_kept_in_little_room():
    """Keeping a state while a long text grows does not keep the text."""
    kept = [state_of(*BEGUN)]

    def make():
        for _ in range(5_000):
            kept.append(fold(kept[-1], TextDelta("twenty words " * 20)))

    assert peak_of(make) < 10_000_000
    assert kept[2500].text == "twenty words " * 50_000


MADE_OF = [
    ([], "<State: 0 steps, 0 messages>"),
    ([*BEGUN, TextDelta("It ")], "<State: 1 step, 2 messages, text='It '>"),
    (
        [*BEGUN, *CALLED, Usage(20, 3), FinalAnswer("It is 5.")],
        "<State: 1 step, 3 messages, 23 tokens, answer='It is 5.'>",
    ),
    (
        [RunStarted("Hi", "agent"), RunFailed("ModelError", "ModelError: gone")],
        "<State: 0 steps, 1 message, error='ModelError: gone'>",
    ),
]


@pytest.mark.parametrize(("events", "said"), MADE_OF)
def test_a_state_shows_what_it_has_come_to(events, said):
    """The repr of a state counts what it holds, and shows its answer, else its text so far."""
    assert said == repr(state_of(*events))


def test_a_step_shows_what_it_was():
    """The repr of a step holds its number, what was said or called, and why it has failed."""
    failed = StepFailed("ParseError: no")

    assert [
        "<Step 1>",
        "<Step 1: text='Hello'>",
        "<Step 1: calls=['add']>",
        "<Step 1: error='ParseError: no'>",
    ] == [
        repr(state_of(*BEGUN, *events).steps[0])
        for events in ([], [TextDelta("Hello")], CALLED, [failed])
    ]


def test_the_repr_of_a_long_conversation_is_short():
    """What is long is cut, so a state fits into a line of a log."""
    state = state_of(*BEGUN, TextDelta("word " * 1000), FinalAnswer("word " * 1000))

    assert 200 > len(repr(state))
    assert 200 > len(repr(state.steps[0]))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            lambda: fold(State(), "x"),
            r"fold takes an event second, not 'x': fold\(state, event\)\.",
        ),
        (lambda: fold_all(State(), [None]), "fold takes an event second, not None"),
        (
            lambda: fold(StepStarted(1), State()),
            r"takes a State first, not StepStarted\(number=1\)",
        ),
        (lambda: fold(TextDelta("x"), State()), r"takes a State first, not TextDelta\(text='x'\)"),
    ],
)
def test_a_fold_of_anything_else_is_refused(wrong, sentence):
    """Only an event is folded; the error for swapped arguments names their order."""
    with pytest.raises(TypeError, match=sentence):
        wrong()


def test_images_of_results_are_looked_at():
    """A message of a tool has the images of its result; after another start, those of that."""
    cat, call = Image("https://example.com/cat.png"), ToolCall("c", "see", "{}")
    said = MessageCompleted(Message("assistant", "", [call]))
    seen = [StepStarted(1), said, ToolStarted(call), ToolCompleted("c", "(image 1)", cat, (cat,))]
    state = fold_all(State(), seen)
    again = fold_all(state, [ToolStarted(call), ToolCompleted("c", "none")])

    assert Message("tool", "(image 1)", tool_call_id="c", images=[cat]) == state.messages()[-1]
    assert () == again.messages()[-1].images
