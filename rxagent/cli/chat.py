"""`rxagent chat`: a conversation in the terminal."""

import difflib
import signal
from typing import TYPE_CHECKING

import click

from .failures import ExitCode, exit_code
from .history import History, history_path
from .leaving import on_interrupt
from .options import Options, with_options
from .prompt import Keyboard, Pipe
from .stdio import echo, open_stdin, require_stdout

if TYPE_CHECKING:
    from .conversation import Conversation

__all__ = ["chat"]

_COMMANDS = {
    "/help": "show this",
    "/state": "show what the conversation has come to",
    "/reset": "forget it, and begin a new one",
    "/exit": "leave, as Ctrl-D does",
}
_HELP = "\n".join(
    (
        *(f"{name:8}{what}" for name, what in _COMMANDS.items()),
        "Tab     complete a command; the arrow keys find what was typed before",
        "Ctrl-C  stop an answer and keep what was said; once more: leave",
        "",
        "What is typed while an answer comes waits in the next line, for Enter.",
        "A line that ends in \\ goes on in the next one.",
        'Lines between """ and """ are one message, and so are lines pasted together.',
        "A message that begins with a space is never a command.",
    )
)

_ESCAPE = "A space before it makes it a message."


@click.command(short_help="Talk with an agent.")
@with_options
@click.option(
    "--history/--no-history",
    default=True,
    envvar="RXAGENT_HISTORY",
    show_envvar=True,
    help="Whether what is typed is remembered for later conversations, in a file.",
)
def chat(options: Options, history: bool) -> ExitCode:
    """Talk with an agent, which remembers what was said before.

    Answers go to stdout, everything else to stderr. Ctrl-C stops an answer and keeps what was
    said, a second one leaves; /help tells what else can be typed. Of a pipe, each line is a
    message, and the exit code is that of the last answer, as `rxagent run` has it.

    \b
    rxagent chat -m openai:gpt-5-mini
    rxagent chat -t calc:add -s "Answer in rhymes."
    """
    require_stdout()
    stdin = open_stdin()
    agent = options.agent()
    from .conversation import Conversation

    conversation = Conversation(agent, options)
    with on_interrupt(signal.default_int_handler):
        if not stdin.isatty():
            return _talk(conversation, Pipe())
        if not options.quiet:
            echo(f"{options.model} listens; /help tells what can be typed.", err=True)
        remembered = History(history_path()) if history else None
        return _talk(conversation, Keyboard(remembered, tuple(_COMMANDS)))


def _talk(conversation: "Conversation", prompt: Keyboard | Pipe) -> ExitCode:
    with prompt.open():
        code = ExitCode.ANSWERED
        interrupted = False
        try:
            while True:
                said = prompt.read(interrupted=interrupted)
                if said.startswith("/") and "\n" not in said:
                    echo(_obeyed(said.strip(), conversation), err=True)
                    interrupted = False
                else:
                    with prompt.answering():
                        code = exit_code(conversation.say(said.strip()))
                    interrupted = code is ExitCode.INTERRUPTED
        except EOFError:
            return ExitCode.ANSWERED if prompt.is_terminal else code
        except KeyboardInterrupt:
            return ExitCode.INTERRUPTED


def _obeyed(command: str, conversation: "Conversation") -> str:
    """Do what a command says, and return what there is to tell about it."""
    match command:
        case "/help":
            return _HELP
        case "/state":
            return conversation.report()
        case "/reset":
            conversation.reset()
            return "All that was said is forgotten."
        case "/exit":
            raise EOFError
    name = command.split()[0]
    if name in _COMMANDS:
        return f"{name} stands alone. {_ESCAPE}"
    close = difflib.get_close_matches(name, _COMMANDS, n=1)
    meant = f"did you mean {close[0]}?" if close else "/help shows those there are."
    return f"There is no command {name}; {meant} {_ESCAPE}"
