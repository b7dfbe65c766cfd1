"""The documentation is correct: every block of code in README.md and docs/ is run as written.

- Blocks of `python` are run in order, all of a page in one namespace; a block with `await` runs
  like a notebook cell. Functions named `test_...` are called, too.
- A block of `text` after one of `python` is its output; `...` in it matches anything.
- A block with a caption, or behind a comment such as `<!-- file: name.py -->`, is written to a file
  of that name, also one that includes a file.
- In a block of `console`, the text after `$` is run as a command, and the rest is its output.
- A block of `marble` is a diagram, and must hold.
- A block of `sh` sets up a machine, and is not run here.

The real SDK sends the requests over a real socket to a scripted server.
"""

import ast
import asyncio
import inspect
import io
import itertools
import os
import re
import shutil
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

from rxagent.events import Finish, ReasoningDelta, TextDelta, Usage
from rxagent.runs.viewer_pool import VIEWER_POOL
from rxagent.testing import ScriptedServer
from rxagent.testing.far_ends.anthropic import AnthropicFarEnd
from rxagent.testing.far_ends.anthropic_events import MessageRendering
from rxagent.testing.far_ends.bedrock import BedrockFarEnd
from rxagent.testing.far_ends.responses import ResponsesFarEnd
from rxagent.testing.far_ends.responses_events import ResponseRendering
from rxagent.testing.far_ends.tiny import onnx_folder, tiny_folder
from rxagent.testing.frames import call_chunk, said_by, saying, task, text_chunk, texts
from rxagent.testing.marbles import parse, perform, report
from rxagent.testing.scenarios import paced
from rxagent.testing.scripts.calls import fitting_calls

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
PAGES = [PROJECT / "README.md", *sorted(DOCS.rglob("*.md"))]
HEAVY = DOCS / "how-to" / "transformers.md"
"""The page that needs torch and transformers."""
NEEDS = {
    HEAVY: ("torch", "transformers"),
    DOCS / "how-to" / "anthropic.md": ("anthropic",),
    DOCS / "how-to" / "bedrock.md": ("boto3",),
    DOCS / "how-to" / "builtin-model.md": ("onnxruntime_genai",),
    DOCS / "how-to" / "litellm.md": ("litellm",),
    DOCS / "how-to" / "mlx.md": ("mlx_lm", "torch", "transformers"),
    DOCS / "how-to" / "vllm.md": ("vllm", "torch", "transformers"),
    DOCS / "how-to" / "onnx.md": ("onnxruntime_genai", "onnx_ir", "torch", "transformers"),
}
"""The pages that need packages that the tests do not always have; `tox -e providers` runs them."""

RUN = {"python", "console", "marble"}
SHOWN = {"text", "sh", "toml", "json"}

_FENCE = re.compile(r"^(?:<!-- file: (\S+) -->\n)?```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
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
    """Yield the blocks of a page, without other directives of the documentation."""
    source = page.read_text(encoding="utf-8")
    for fence in _FENCE.finditer(source):
        caption, language, text = fence.groups()
        line = source.count("\n", 0, fence.start(3)) + 1
        if directive := _DIRECTIVE.fullmatch(language):
            if directive[1] not in ("code-block", "literalinclude"):
                continue
            language = directive[2]
            while option := _OPTION.match(text):
                caption = option[2] if option[1] == "caption" else caption
                text = text[option.end() :]
                line += 1
            text = text.removeprefix("\n")
            if directive[1] == "literalinclude":
                if caption is None:
                    continue
                language, text = "python", (page.parent / language).read_text(encoding="utf-8")
        yield Block(language, text, line, caption)


CAT = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\x02\0\0\0\x90wS\xde"
    b"\0\0\0\x0cIDATx\x9cc\xf8\xcf\xc0\0\0\x03\1\1\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82"
)
"""The picture `cat.png` that pages use: a PNG file of one pixel."""


QWEN = "qwen3-8b", "Qwen/Qwen3-8B"


def gpt(body):
    """Answer as a model might: describe an image, call a tool, count, remember a name."""
    if "input" in body:
        return respond(body)
    if "by writing Python" in "".join(said_by(body, "system")):
        return saying(body, texts(written_code(body)))
    if "response_format" in body:
        return saying(body, map(text_chunk, MENU))
    calls, results, text = fitting_calls(body), said_by(body, "tool"), task(body)
    if any(map(_has_image, body["messages"])):
        return saying(body, [text_chunk("A cat.")])
    if text.startswith("Count"):
        return saying(body, paced((text_chunk(f"{n} ") for n in itertools.count(1)), 0.01))
    if text.startswith("Tell me a long story"):
        return saying(body, map(text_chunk, ["and then "] * 300))
    if calls and "name" not in text:
        return saying(body, [call_chunk(0, *calls[0])], "tool_calls")
    if results:
        answer = results[-1].rstrip(".!")
        return saying(body, [text_chunk("The answer"), text_chunk(f" is {answer}.")])
    if text.strip() == "What is my name?":
        return saying(body, map(text_chunk, ["Your name is", f" {_name(body)}."]))
    if body["model"] == "gpt-5":
        return saying(body, greeted_formally(text))
    return saying(body, [text_chunk("Hello"), text_chunk(f" {_name(body)}.")])


MENU = ['{"title": "', 'Lunch", "dishes": [', '{"name": "Soup", "price": 4.5}, ']
MENU += ['{"name": "Pie", "pr', 'ice": 6}', "]}"]
"""The pieces of an answer by structured output."""


def greeted_formally(task):
    """Greet as a large model might: in other words, and without an end where it is urged."""
    if "at once" in task:
        return paced((text_chunk("Well, ") for _ in itertools.count()), 0.01)
    return map(text_chunk, ["Good day", " to you."])


CODE = {
    "primes": (
        "primes = [n for n in range(2, 1000) if all(n % d for d in range(2, n))]",
        "print(len(primes))",
    ),
    "How many prime": ("final_answer(len(primes))",),
    "And below 100": ("final_answer(len([n for n in primes if n < 100]))",),
    "sum": ("final_answer(sum(numbers))",),
    "add(2, 3)": ("final_answer(add(2, 3) ** 7)",),
    "warmest": (
        'found = {city: temperature(city) for city in ["Rome", "Oslo"]}',
        "final_answer(max(found, key=lambda city: found[city]))",
    ),
}


def written_code(body):
    """Write code as a model might: count primes first, and answer with what it printed."""
    said = said_by(body, "user")
    tasks = [text for text in said if not text.startswith("Result of")]
    topic = next(topic for topic in CODE if topic in tasks[-1])
    if topic == "How many prime" and said[-1] == tasks[-1]:
        topic = "primes"
    thought = "I count them." if topic == "primes" else "I know enough."
    return "\n".join((f"Thought: {thought}", "<code>", *CODE[topic], "</code>"))


def claude(body):
    """Greet as Anthropic's model does, after a thought if that was asked for."""
    thought = [ReasoningDelta("A greeting.")] if "thinking" in body else []
    script = [*thought, TextDelta("Hello"), TextDelta(" there."), Finish("stop"), Usage(10, 5)]
    rendering = MessageRendering(script)
    yield from rendering.begin()
    for item in script:
        yield from rendering.delta(item)
    yield from rendering.end()


def respond(body):
    """Greet by the Responses protocol, after a thought if its summary was asked for."""
    thought = [ReasoningDelta("A greeting.")] if "summary" in body.get("reasoning", {}) else []
    said = [TextDelta("Hello"), TextDelta(" there.")]
    rendering = ResponseRendering(body["model"])
    yield from rendering.begin()
    for item in (*thought, *said, Finish("stop"), Usage(10, 5, reasoning_tokens=2)):
        yield from rendering.delta(item)
    yield from rendering.end()


def _has_image(message):
    content = message.get("content")
    return isinstance(content, list) and any(part["type"] == "image_url" for part in content)


def _name(body):
    names = re.findall(r"My name is (\w+)", " ".join(said_by(body, "user")))
    return names[-1] if names else "there"


class Screen(io.StringIO):
    """Records what a page prints, and waits for expected text."""

    def __init__(self):
        super().__init__()
        self._changed = threading.Condition()

    def write(self, text):
        with self._changed:
            self._changed.notify_all()
            return super().write(text)

    def wait_for(self, expected, since):
        """Return the text since a position, as soon as it matches."""
        pattern = re.compile(".*?".join(map(re.escape, expected.split("..."))), re.DOTALL)
        with self._changed:
            self._changed.wait_for(lambda: pattern.fullmatch(self.since(since)), timeout=60)
            printed = self.since(since)
        return expected if pattern.fullmatch(printed) else printed

    def since(self, begin):
        return re.sub(r" +$", "", self.getvalue()[begin:], flags=re.MULTILINE).strip()


@pytest.fixture
def bedrock(monkeypatch):
    """Serve the models of Bedrock that the documentation uses."""
    with BedrockFarEnd() as far_end:
        for name in ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-pro-v1:0"):
            far_end.answer_to(name, TextDelta("Hello there."), Finish("stop"))
        variables = {
            "AWS_ACCESS_KEY_ID": "scripted",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": far_end.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_SECRET_ACCESS_KEY": "scripted",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield far_end


@pytest.fixture
def server(monkeypatch, bedrock):
    """Serve the models that the documentation uses, and set the variables that lead to them."""
    with ScriptedServer(paths=(*AnthropicFarEnd.paths, *ResponsesFarEnd.paths)) as server:
        server.scenario("claude-opus-5-5", claude)
        for name in ("gpt-5-mini", "gpt-5", "llama-3.3-70b-versatile", *QWEN):
            server.scenario(name, gpt)
        variables = {
            "ANTHROPIC_API_KEY": "scripted",
            "ANTHROPIC_BASE_URL": server.url.removesuffix("/v1"),
            "AZURE_OPENAI_API_KEY": "scripted",
            "AZURE_OPENAI_ENDPOINT": server.azure_endpoint,
            "NO_PROXY": "127.0.0.1",
            "OPENAI_API_KEY": "scripted",
            "OPENAI_API_VERSION": "2024-10-21",
            "GROQ_API_KEY": "scripted",
            "GROQ_BASE_URL": server.url,
            "OLLAMA_BASE_URL": server.url,
            "OPENAI_BASE_URL": server.url,
            "no_proxy": "127.0.0.1",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Change to a folder with a picture, on the import path, with the commands on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    scripts = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    monkeypatch.setenv("PATH", scripts)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "cat.png").write_bytes(CAT)
    return tmp_path


@pytest.fixture
def namespace(monkeypatch):
    """Return the namespace of a module that the blocks of a page share."""
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    return vars(module)


def make_network(folder, engine):
    """Store an untrained network with a few words, for an engine."""
    if engine != "transformers":
        shutil.copytree(onnx_folder() if engine == "onnx" else tiny_folder(), folder)
        # Untrained, it repeats the end of its prompt.
        (folder / "chat_template.jinja").write_text("{{ messages[-1].content }} Flow", "utf-8")
        return
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
    network.generation_config.suppress_tokens = [0, 1]  # never stops by itself
    network.save_pretrained(folder)


def perform_python(block, page, namespace):
    """Run a block of Python, with the line numbers of the page."""
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


@pytest.fixture
def at_once(request, folder, monkeypatch):
    """Return a function after which commands and programs of a page start at once."""

    def at_once():
        commands = folder / "commands"
        commands.mkdir(exist_ok=True)
        request.getfixturevalue("warm").put_into(commands)
        monkeypatch.setenv("PATH", os.pathsep.join((str(commands), os.environ["PATH"])))

    return at_once


def perform_console(block):
    """Run the commands of a block, and return the block with their real output."""
    seen = []
    for command in re.findall(r"^\$ (.*)$", block.text, re.MULTILINE):
        ran = subprocess.run(
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,  # an engine may take a minute to start
            check=False,
        )
        seen.append(f"$ {command}\n{ran.stdout}")
    return "".join(seen)


def name_of(page):
    """Return the path of a page in this project."""
    return page.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_prints_what_its_page_shows(page, server, folder, namespace, at_once):
    """The programs of a page run, in order, and print the output shown after them."""
    for needed in NEEDS.get(page, ()):
        pytest.importorskip(needed)
    if "transformers" in NEEDS.get(page, ()):
        make_network(folder / "my-model", page.stem)
    if page not in NEEDS and hasattr(os, "fork") and "```console" in page.read_text("utf-8"):
        at_once()
    screen, begin, previous = Screen(), 0, None
    with redirect_stdout(screen), redirect_stderr(screen):
        for block in blocks(page):
            if block.caption is not None:
                (folder / block.caption).write_text(block.text, encoding="utf-8")
            elif block.language == "python":
                begin = len(screen.getvalue())
                perform_python(block, page, namespace)
            elif block.language == "text" and previous == "python":
                expected = re.sub(r" +$", "", block.text, flags=re.MULTILINE).strip()
                assert expected == screen.wait_for(expected, begin), f"{page}:{block.line}"
            elif block.language == "console":
                Screen.write(shell := Screen(), perform_console(block))
                expected = block.text.strip()
                assert expected == shell.wait_for(expected, 0), f"{page}:{block.line}"
            elif block.language == "marble":
                diagram = parse(block.text, str(page))
                assert "" == report(diagram, perform(diagram)), f"{page}:{block.line}"
            previous = block.language


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_has_a_known_language(page):
    """No block is skipped because its language is missing or misspelt."""
    assert set() == {block.language for block in blocks(page)} - RUN - SHOWN


def test_the_index_leads_to_every_page():
    """The index links to each page, by its title, for readers of the plain files."""
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


PACKAGES = (
    "agents",
    "errors",
    "events",
    "executors",
    "models",
    "operators",
    "subscribers",
    "testing",
)


@pytest.mark.parametrize("page", ["which-operator.md", "reference/operators.md"])
def test_every_operator_is_on_the_pages_that_list_them(page):
    """Each public operator has a link in a row of the table."""
    linked = re.findall(r"^\|.*", (DOCS / page).read_text("utf-8"), re.MULTILINE)
    names = re.findall(r"\(rxagent\.operators\.(\w+)\)", "\n".join(linked))

    assert set() == set(import_module("rxagent.operators").__all__) - set(names)


def documented():
    """Yield the full name of everything that autodoc adds to the reference."""
    for page in (DOCS / "reference").glob("*.md"):
        package = ""
        for directive, name, options in _AUTODOC.findall(page.read_text(encoding="utf-8")):
            name = name.removesuffix("()")
            if directive == "currentmodule":
                package = f"{name}."
            elif directive != "automodule":
                yield f"{'' if name.startswith('rxagent.') else package}{name}"
            elif ":members:" in options:
                yield from (f"{name}.{member}" for member in import_module(name).__all__)


_AUTODOC = re.compile(r"^\.\. (currentmodule|auto\w+):: (\S+)\n((?:   .*\n)*)", re.MULTILINE)


@pytest.mark.parametrize("package", ["rxagent", *(f"rxagent.{package}" for package in PACKAGES)])
def test_every_public_name_is_in_the_reference(package):
    """Every public name of a package is on a page of the reference."""
    documented_names = {name.rpartition(".")[2] for name in documented()}
    public = set(import_module(package).__all__) - set(PACKAGES)

    assert set() == public - documented_names
