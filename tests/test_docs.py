"""The documentation is true: every block of code in README.md and docs/ is run as it stands there.

- Blocks of `python` are run in their order, all of a page in one namespace; one with `await` in it
  runs as a cell of a notebook does. Functions named `test_...` are called, too.
- A block of `text` next to one of `python` is what that prints; `...` in it stands for anything.
- A block with a caption is a file of that name.
- In a block of `console`, what follows `$` is run as a command, and the rest is what it prints.
- A block of `marble` is a diagram, and has to hold.
- A block of `sh` sets up a machine: CI runs that, so it is not run here.

The model that is asked is a scripted one, by the real SDK over a real socket.
"""

import ast
import asyncio
import inspect
import io
import itertools
import os
import re
import subprocess
import sys
import threading
from configparser import ConfigParser
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from attrs import frozen

from rxagent.runs.viewer_pool import VIEWER_POOL
from rxagent.testing import ScriptedServer
from rxagent.testing.frames import call_chunk, said_by, saying, task, text_chunk
from rxagent.testing.marbles import parse, perform, report
from rxagent.testing.scenarios import paced
from rxagent.testing.scripts.calls import fitting_calls

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
PAGES = [PROJECT / "README.md", *sorted(DOCS.rglob("*.md"))]
HEAVY = DOCS / "how-to" / "transformers.md"
"""What `tox -e local` runs, since it needs torch."""

RUN = {"python", "console", "marble"}
SHOWN = {"text", "sh", "toml", "json"}

_FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
_DIRECTIVE = re.compile(r"\{(\S+)\} ?(.*)")
_OPTION = re.compile(r":(\w+): (.*)\n")


@frozen
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    line: int
    caption: str | None = None


def blocks(page):
    """Yield the blocks of a page; directives of the documentation are none."""
    source = page.read_text(encoding="utf-8")
    for fence in _FENCE.finditer(source):
        language, text = fence[1], fence[2]
        line = source.count("\n", 0, fence.start()) + 2
        caption = None
        if directive := _DIRECTIVE.fullmatch(language):
            if directive[1] != "code-block":
                continue
            language = directive[2]
            while option := _OPTION.match(text):
                caption = option[2] if option[1] == "caption" else caption
                text = text[option.end() :]
                line += 1
            text = text.removeprefix("\n")
        yield Block(language, text, line, caption)


CAT = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\x02\0\0\0\x90wS\xde"
    b"\0\0\0\x0cIDATx\x9cc\xf8\xcf\xc0\0\0\x03\1\1\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82"
)
"""The picture `cat.png` that pages use: a PNG file of one pixel."""


def gpt(body):
    """Answer as a model might: describe an image, call a tool, count, remember a name."""
    wanted, results, said = fitting_calls(body), said_by(body, "tool"), task(body)
    if any(map(_has_image, body["messages"])):
        return saying(body, [text_chunk("A cat.")])
    if said.startswith("Count"):
        return saying(body, paced((text_chunk(f"{n} ") for n in itertools.count(1)), 0.01))
    if said.startswith("Tell me a long story"):
        return saying(body, map(text_chunk, ["and then "] * 300))
    if wanted and "name" not in said:
        return saying(body, [call_chunk(0, *wanted[0])], "tool_calls")
    if results:
        answer = results[-1].rstrip(".!")
        return saying(body, [text_chunk("The answer"), text_chunk(f" is {answer}.")])
    return saying(body, [text_chunk("Hello"), text_chunk(f" {_name(body)}.")])


def _has_image(message):
    content = message.get("content")
    return isinstance(content, list) and any(part["type"] == "image_url" for part in content)


def _name(body):
    names = re.findall(r"My name is (\w+)", " ".join(said_by(body, "user")))
    return names[-1] if names else "there"


class Screen(io.StringIO):
    """What a page prints, and who waits for it."""

    def __init__(self):
        super().__init__()
        self._changed = threading.Condition()

    def write(self, text):
        with self._changed:
            self._changed.notify_all()
            return super().write(text)

    def wait_for(self, expected, since):
        """Return what was written since a place, as soon as it is what is expected."""
        pattern = re.compile(".*?".join(map(re.escape, expected.split("..."))), re.DOTALL)
        with self._changed:
            self._changed.wait_for(lambda: pattern.fullmatch(self.since(since)), timeout=5)
            printed = self.since(since)
        return expected if pattern.fullmatch(printed) else printed

    def since(self, place):
        return re.sub(r" +$", "", self.getvalue()[place:], flags=re.MULTILINE).strip()


@pytest.fixture
def server(monkeypatch):
    """Serve the models that the documentation speaks of, to whoever asks as it does."""
    with ScriptedServer() as server:
        for name in ("gpt-5-mini", "gpt-5"):
            server.scenario(name, gpt)
        told = {
            "AZURE_OPENAI_API_KEY": "scripted",
            "AZURE_OPENAI_ENDPOINT": server.azure_endpoint,
            "NO_PROXY": "127.0.0.1",
            "OPENAI_API_KEY": "scripted",
            "OPENAI_API_VERSION": "2024-10-21",
            "OPENAI_BASE_URL": server.url,
            "no_proxy": "127.0.0.1",
        }
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Stand in an empty folder, whose modules can be imported, with the commands on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    scripts = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    monkeypatch.setenv("PATH", scripts)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "cat.png").write_bytes(CAT)
    return tmp_path


@pytest.fixture
def namespace(monkeypatch):
    """Return the module that the blocks of a page are parts of."""
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    return vars(module)


def make_network(folder):
    """Store a network of transformers that has learned nothing, and knows a few words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # it would leave a thread behind
    words = ["<end>", "<unknown>", "a", "stream", "is", "what", "flows", "and", "then", "ends"]
    table = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(table, unk_token="<unknown>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<end>",
        unk_token="<unknown>",
        chat_template="{% for message in messages %}{{ message.content }} {% endfor %}",
    ).save_pretrained(folder)
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    network = LlamaForCausalLM(LlamaConfig(vocab_size=len(words), eos_token_id=0, **size, **heads))
    network.generation_config.suppress_tokens = [0, 1]  # it speaks, and does not end by itself
    network.save_pretrained(folder)


def perform_python(block, page, namespace):
    """Run a block of Python; its lines are those of the page."""
    before = set(namespace)
    source = "\n" * (block.line - 1) + block.text
    code = compile(source, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:

        async def cell():
            await eval(code, namespace)

        asyncio.run(cell())
    else:
        exec(code, namespace)
    VIEWER_POOL.finish()
    for name in namespace.keys() - before:
        if name.startswith("test_"):
            namespace[name]()


def perform_console(block):
    """Run the commands of a block, and return what the block should look like."""
    seen = []
    for command in re.findall(r"^\$ (.*)$", block.text, re.MULTILINE):
        ran = subprocess.run(
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=30,
            check=False,
        )
        seen.append(f"$ {command}\n{ran.stdout}")
    return "".join(seen)


def name_of(page):
    """Return what a page is called in this project."""
    return page.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_does_what_its_page_says(page, server, folder, namespace):
    """The programs of a page run, in their order, and print what stands next to them."""
    if page == HEAVY:
        pytest.importorskip("torch")
        make_network(folder / "my-model")
    screen, place, previous = Screen(), 0, None
    with redirect_stdout(screen), redirect_stderr(screen):
        for block in blocks(page):
            if block.caption is not None:
                (folder / block.caption).write_text(block.text, encoding="utf-8")
            elif block.language == "python":
                place = len(screen.getvalue())
                perform_python(block, page, namespace)
            elif block.language == "text" and previous == "python":
                expected = re.sub(r" +$", "", block.text, flags=re.MULTILINE).strip()
                assert expected == screen.wait_for(expected, place), f"{page}:{block.line}"
            elif block.language == "console":
                Screen.write(shell := Screen(), perform_console(block))
                expected = block.text.strip()
                assert expected == shell.wait_for(expected, 0), f"{page}:{block.line}"
            elif block.language == "marble":
                diagram = parse(block.text, str(page))
                assert "" == report(diagram, perform(diagram)), f"{page}:{block.line}"
            previous = block.language


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_it_is(page):
    """No block escapes the rule because its language is missing or misspelt."""
    assert set() == {block.language for block in blocks(page)} - RUN - SHOWN


def test_the_index_leads_to_every_page():
    """Who reads the pages where they are not built finds each of them, by its title."""
    linked = re.findall(r"^- \[(.+?)\]\((\S+?)\)", (DOCS / "index.md").read_text("utf-8"), re.M)
    pages = [page for page in DOCS.rglob("*.md") if page != DOCS / "index.md"]
    titles = {page.relative_to(DOCS).as_posix(): title_of(page) for page in pages}

    assert titles == {path: title for title, path in linked}


def test_the_table_of_extras_is_that_of_the_package():
    """The README lists each extra with its packages and their bounds, as setup.cfg has them."""
    config = ConfigParser()
    config.read(PROJECT / "setup.cfg", encoding="utf-8")
    extras = {"none": config["options"]["install_requires"], **config["options.extras_require"]}
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("<!-- extras -->")[2].partition("<!-- end of extras -->")[0]
    rows = re.findall(r"^\| (?:`(\w+)`|(none)) \| (.+?) \|", table, re.MULTILINE)

    assert {name: packages.split() for name, packages in extras.items()} == {
        name or none: re.findall(r"`(.+?)`", packages) for name, none, packages in rows
    }


def title_of(page):
    """Return the heading of a page."""
    return page.read_text("utf-8").partition("\n")[0].removeprefix("# ")


ROOMS = ("errors", "events", "models", "operators", "subscribers", "testing")


def documented():
    """Yield the full name of everything that autodoc puts on a page of the reference."""
    for page in (DOCS / "reference").glob("*.md"):
        room = ""
        for directive, name, options in _AUTODOC.findall(page.read_text(encoding="utf-8")):
            name = name.removesuffix("()")
            if directive == "currentmodule":
                room = f"{name}."
            elif directive != "automodule":
                yield f"{'' if name.startswith('rxagent.') else room}{name}"
            elif ":members:" in options:
                yield from (f"{name}.{member}" for member in import_module(name).__all__)


_AUTODOC = re.compile(r"^\.\. (currentmodule|auto\w+):: (\S+)\n((?:   .*\n)*)", re.MULTILINE)


@pytest.mark.parametrize("room", ["rxagent", *(f"rxagent.{room}" for room in ROOMS)])
def test_every_promised_name_is_in_the_reference(room):
    """What can be imported from where it is promised has a place on a page."""
    shown = {name.rpartition(".")[2] for name in documented()}
    promised = set(import_module(room).__all__) - set(ROOMS)

    assert set() == promised - shown
