"""`rxagent chat`: a conversation in the terminal."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import click
from attrs import evolve

from ..arguments import did_you_mean, plural, shorten
from ..errors import MessageRefused, ModelRefused, ModelRejected, RunCancelled
from ..printable import one_line
from .editor import History, history_path
from .failures import ExitCode, exit_code, explain
from .leaving import on_interrupt
from .options import Options, with_options
from .prompt import Keyboard, Pipe
from .stdio import echo, open_stdin, require_stdout

if TYPE_CHECKING:
    from ..events import Event
    from ..runs import Run
    from ..runs.inbox import Steer

__all__ = ["chat"]

_COMMANDS = {
    "/help": "show this",
    "/state": "show what the conversation contains",
    "/reset": "forget the conversation, and begin a new one",
    "/exit": "leave, as Ctrl-D does",
}
_HELP = "\n".join(
    (
        *(f"{name:8}{what}" for name, what in _COMMANDS.items()),
        "Tab     complete a command; the arrow keys find earlier messages",
        "Ctrl-C  stop an answer and keep its text; press it again to leave",
        "",
        "A line typed during an answer is read in the next step; --steer switch cuts the answer.",
        "Keys typed without Enter appear in the next line.",
        "A line that ends in \\ continues in the next one.",
        'Lines between """ and """ are one message, and so are lines pasted together.',
        "A message that begins with a space is never a command.",
    )
)
_ESCAPE = "Put a space before it to send it as a message."


@click.command(short_help="Talk with an agent.", context_settings={"allow_extra_args": True})
@with_options
@click.option(
    "--history/--no-history",
    default=True,
    envvar="RXAGENT_HISTORY",
    show_envvar=True,
    help="Whether to keep messages in a file for later conversations.",
)
@click.option(
    "--steer",
    type=click.Choice(["concat", "switch"]),
    default="concat",
    show_default=True,
    help="What a line typed during an answer does: wait for the next step, or cut the answer.",
)
@click.option(
    "-y",
    "--yes",
    is_flag=True,
    envvar="RXAGENT_YES",
    show_envvar=True,
    help="Run tools without asking; without a terminal they are never asked about.",
)
def chat(options: Options, history: bool, steer: Steer, yes: bool) -> ExitCode:
    """Talk with an agent that remembers the conversation.

    A line typed during an answer is read in its next step.
    At a terminal, each call of a tool waits for your yes or no; the sandboxed code of --code does
    not, but the tools that it calls do.
    Answers go to stdout, everything else to stderr. Ctrl-C stops an answer and keeps its text; a
    second one leaves. /help lists the commands. From a pipe, each line is a message, and the exit
    code is that of the last answer, as for `rxagent run`.

    Without a model, the small one that is built in answers. It is for demonstrations, and reads
    the last message alone.

    \b
    rxagent chat
    rxagent chat -m openai:gpt-5-mini
    rxagent chat -m openai:gpt-5-mini -t calc:add -s "Answer in rhymes."
    """
    from ..models.builtin import BUILTIN

    if words := click.get_current_context().args:
        raise click.UsageError(
            f"`rxagent chat` takes no message, and got {shorten(' '.join(words))!r}. Type it at "
            "the prompt, or pipe it in; `rxagent run` takes a task."
        )
    require_stdout()
    stdin = open_stdin()
    asks = stdin.isatty() and not yes
    conversation = _Conversation(options, steer, asks=asks)
    with on_interrupt(signal.default_int_handler):
        if not stdin.isatty():
            return _talk(conversation, Pipe())
        if not options.quiet:
            name = options.model
            if options.is_builtin:
                name = f"{BUILTIN}, a demonstration model that may be wrong"
            echo(f"Chatting with {name}; /help lists the commands.", err=True)
        remembered = History(history_path()) if history else None
        return _talk(conversation, Keyboard(remembered, tuple(_COMMANDS)))


class _Conversation:
    """Runs of one agent, each of which continues the state of the one before."""

    def __init__(self, options: Options, steer: Steer, *, asks: bool) -> None:
        self._agent = options.agent(asks=asks)
        self._steer = steer
        self._run: Run | None = None
        self._options = options
        self._watcher = options.watcher()
        self.reset()

    def reset(self) -> None:
        """Forget the conversation."""
        from ..state import State

        self._state = State()

    def say(self, text: str, prompt: Keyboard | Pipe) -> Exception | None:
        """Show the agent's answer, and return the error that ended it, if any.

        Calls that need approval are asked about at the prompt.

        The text before the error stays in the conversation. A message that the model's server
        rejects does not, since the server would reject each later request that contains it.
        """
        from .approving import Approver
        from .performance import perform

        before = self._state
        run = self._run = self._agent.start(text, state=before, steer=self._steer)
        approver = Approver(run, prompt.ask, is_shown=self._options.shows_calls)

        def then(event: Event) -> None:
            prompt.on_next(event)
            approver.on_next(event)

        error = perform(run, self._watcher, self._options.timeout, then)
        self._state = run.state
        if error is not None:
            explain(error, shown=self._options.shows_errors, verbose=self._options.verbose)
            answered = any(step.said for step in run.state.steps[len(before.steps) :])
            if _is_rejection(error) and not answered:
                self._state = evolve(before, error=run.state.error)
                echo("The conversation continues without this message.", err=True)
            elif isinstance(error, RunCancelled):
                echo("The text so far is kept.", err=True)
        return error

    def add(self, text: str) -> bool:
        """Say something to the answer that is being given; return whether it is taken."""
        try:
            if self._run is not None:
                self._run.say(text)
        except MessageRefused:
            return False
        return self._run is not None

    def report(self) -> str:
        """Return the numbers of messages, steps and tokens, and the last error, as lines."""
        from ..subscribers.text import tokens, tokens_by_model

        state = self._state
        messages, steps = len(state.messages()), len(state.steps)
        lines = [f"{plural(messages, 'message')} · {plural(steps, 'step')}"]
        for agent, usage in state.usage_by_agent.items():
            lines.append(f"{one_line(agent)}: {tokens(usage)}")
        lines += tokens_by_model(state.usage_by_model)
        if state.unreported:
            lines.append(f"{plural(state.unreported, 'answer')} without a report of tokens")
        if state.error is not None:
            lines.append(f"last error: {one_line(state.error)}")
        return "\n".join(lines)


def _is_rejection(error: Exception) -> bool:
    return isinstance(error, ModelRejected) or (
        isinstance(error, ModelRefused) and error.status is not None
    )


def _talk(conversation: _Conversation, prompt: Keyboard | Pipe) -> ExitCode:
    code = ExitCode.ANSWERED
    interrupted = False
    with prompt.open():
        try:
            while True:
                message = prompt.read(interrupted=interrupted)
                if message.startswith("/") and "\n" not in message:
                    echo(_obey(message.strip(), conversation), err=True)
                    interrupted = False
                else:
                    with prompt.answering(conversation.add):
                        code = exit_code(conversation.say(message.strip(), prompt))
                    interrupted = code is ExitCode.INTERRUPTED
        except EOFError:
            return ExitCode.ANSWERED if prompt.is_terminal else code
        except KeyboardInterrupt:
            return ExitCode.INTERRUPTED


def _obey(command: str, conversation: _Conversation) -> str:
    """Execute a command, and return the text to print.

    Raises:
        EOFError: The command is /exit.
    """
    match command:
        case "/help":
            return _HELP
        case "/state":
            return conversation.report()
        case "/reset":
            conversation.reset()
            return "The conversation is forgotten."
        case "/exit":
            raise EOFError
    name = command.split()[0]
    if name in _COMMANDS:
        return f"{name} takes no arguments. {_ESCAPE}"
    hint = did_you_mean(name, _COMMANDS) or " /help lists the commands."
    return f"There is no command {name}.{hint} {_ESCAPE}"
