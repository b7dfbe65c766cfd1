"""Providers: their declarations, and those of other packages."""

import os
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from rxagent import models
from rxagent.cli.failures import explain
from rxagent.errors import MalformedReply, ModelRejected, ModelUnavailable
from rxagent.events import TextDelta
from rxagent.models import Provider, as_model, prefixes, resolve
from rxagent.models.hosts import HOSTS
from rxagent.models.remote import RemoteModel
from rxagent.models.resolve import find_provider, load_provider
from rxagent.streams import each

BUILT_IN = [*prefixes()]
OURS = [prefix for prefix in BUILT_IN if prefix not in HOSTS]


NAMES = {"responses": "openai"}
"""The prefixes that lead to another provider's models."""

ACME = """
from rxagent.models import Provider

PROVIDER = Provider(
    prefix="acme",
    model="rxagent_acme_models:make",
    sdk="Acme's SDK",
    extra="acme",
    requires="acme-sdk",
    docs="https://acme.example/models",
)
"""

MODELS = """
from rxagent.models import as_model


def make(model_id, word="Hi"):
    return as_model(lambda request: f"{word} from {model_id}")
"""

LISTING = ACME.replace("docs=", "list_models=lambda timeout: ('http://acme', ['b', 'a']), docs=")


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs a package with a provider, as an installer does."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(source, entry="rxagent_acme:PROVIDER", prefix="acme", name="rxagent_acme"):
        (tmp_path / f"{name}.py").write_text(source)
        (tmp_path / f"{name}_models.py").write_text(MODELS)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        package = name.replace("_", "-")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[rxagent.providers]\n{prefix} = {entry}\n")
        for module in (name, f"{name}_models"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        return tmp_path

    before = set(sys.modules)
    yield install
    for module in set(sys.modules) - before:
        del sys.modules[module]


def text(model):
    """Return the answer's text."""
    return "".join(delta.text for delta in each(model("Hi")) if isinstance(delta, TextDelta))


def rxagent(path, *arguments):
    """Return what the command line prints, where packages are installed in a directory."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith(("_API_KEY", "_TOKEN"))
    }
    environment["PYTHONPATH"] = os.pathsep.join(map(str, [path, *sys.path]))
    ran = subprocess.run(
        [sys.executable, "-m", "rxagent", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return ran.returncode, ran.stdout.splitlines(), ran.stderr


@pytest.mark.parametrize("prefix", BUILT_IN)
def test_declarations_agree_with_the_package(prefix):
    """A declaration has its module's prefix, and its class is one that the package offers."""
    provider = load_provider(prefix)
    kind = provider.load()
    kind = getattr(kind, "func", kind)  # a prefix may stand for a class with some arguments

    assert (prefix, NAMES.get(prefix, prefix)) == (provider.prefix, kind.provider)
    assert prefix in HOSTS or kind is getattr(models, kind.__name__)
    assert all(variable.isupper() for variable in provider.variables)


TESTS = Path(__file__).parents[1]

LISTING_MODELS = {
    "models/test_json_options.py": set(),
    "models/test_keys.py": set(),
    "models/test_open_ends.py": {"AzureOpenAIModel", "LiteLLMModel"},
    "providers/kept_server.py": {"AzureOpenAIModel"},
    "test_pickling.py": set(),
}
"""The suites that list models of a server, with those that one may leave out: Azure's connections
are those of OpenAI's models, and LiteLLM's are its own."""


@pytest.mark.parametrize("suite", LISTING_MODELS)
def test_each_suite_has_each_model_of_a_server(suite):
    """What holds for all models of servers is tested with those of each provider."""
    kinds = [load_provider(prefix).load() for prefix in OURS]
    names = {
        kind.__name__ for kind in kinds if isinstance(kind, type) and issubclass(kind, RemoteModel)
    }
    words = set(re.findall(r"\w+", (TESTS / suite).read_text(encoding="utf-8")))

    assert LISTING_MODELS[suite] == names - words


@pytest.mark.parametrize("suite", ["models/forms.py", "models/test_image_data.py"])
def test_each_suite_has_each_protocol(suite):
    """What holds for all protocols is tested with each package that reads a reply."""
    readers = Path(models.__file__).parent.glob("*/reply.py")
    text = (TESTS / suite).read_text(encoding="utf-8")

    assert [] == [file for file in readers if f"rxagent.models.{file.parent.name}." not in text]


def test_a_provider_of_another_package(install):
    """An entry point is all that a package needs; options reach its model."""
    install(ACME)

    assert tuple(sorted(["acme", *BUILT_IN])) == prefixes()
    assert "Hi from one" == text(as_model("acme:one"))
    assert "Ho from two" == text(resolve("acme:two", word="Ho"))


def test_other_packages_are_read_lazily(install):
    """Neither a name that needs no other package nor a list of prefixes imports one."""
    install("raise SystemExit")

    resolve("openai:gpt-5-mini")
    prefixes()

    assert "rxagent_acme" not in sys.modules


BROKEN = {
    "import": (
        "import rxagent_acme_missing",
        "rxagent_acme:PROVIDER",
        "ModuleNotFoundError: No module named",
    ),
    "syntax": ("def", "rxagent_acme:PROVIDER", "SyntaxError"),
    "no name": ("", "rxagent_acme:PROVIDER", "AttributeError"),
    "no module": ("", "rxagent_absent:PROVIDER", "ModuleNotFoundError"),
    "no declaration": (
        "PROVIDER = 5",
        "rxagent_acme:PROVIDER",
        "rxagent_acme:PROVIDER is 5, and not a Provider",
    ),
    "no object": ("", "rxagent_acme", "rxagent_acme is <module 'rxagent_acme'"),
    "prefix": (ACME.replace('="acme"', '="other"', 1), "rxagent_acme:PROVIDER", "prefix='acme'"),
}


@pytest.mark.parametrize(("source", "entry", "why"), BROKEN.values(), ids=BROKEN)
def test_a_broken_provider_is_named(install, source, entry, why):
    """A provider that cannot be loaded is an error with its name, its package and the cause."""
    install(source, entry)

    with pytest.raises(ValueError, match=why) as raised:
        resolve("acme:one")

    assert str(raised.value).startswith(
        "The provider 'acme' of the package rxagent-acme cannot be loaded"
    )
    assert find_provider("acme") is None


def test_a_broken_provider_does_not_break_the_others(install):
    """The others are resolved and shown; the broken one has a line that says why."""
    path = install(LISTING)
    install("1 / 0", "rxagent_broken:PROVIDER", prefix="broken", name="rxagent_broken")

    code, lines, err = rxagent(path, "models")

    assert "Hi from one" == text(resolve("acme:one"))
    assert (0, "") == (code, err)
    assert ["acme: can be reached at http://acme", "  acme:a", "  acme:b"] == lines[:3]
    own = [line for line in lines[3:] if not line.startswith(("Hosts", "Servers", " "))]
    assert sorted(["broken", *OURS]) == [line.partition(":")[0] for line in own]
    (line,) = [line for line in own if line.startswith("broken: ")]
    assert "broken: cannot be used. The provider 'broken' of the package rxagent-broken" in line
    assert "ZeroDivisionError" in line


def test_a_provider_without_a_server_is_shown(install):
    """Models that run on this machine need no connection to be shown."""
    code, (line, *_), _ = rxagent(install(ACME), "models")

    assert (0, "acme: runs without a server. See https://acme.example/models") == (code, line)


def test_a_package_cannot_replace_a_provider_of_ours(install):
    """The prefix of a provider of this package keeps its meaning."""
    install(ACME.replace('="acme"', '="openai"', 1), prefix="openai")

    assert tuple(BUILT_IN) == prefixes()
    assert "openai" == resolve("openai:gpt-5").provider


@pytest.mark.parametrize("prefix", [None, "", "openai:", "unknown", "a/b"])
def test_an_unknown_provider(prefix):
    """A prefix without a provider has no declaration."""
    assert find_provider(prefix) is None


ADVICE = [
    (ModelRejected("No.", provider="azure", status=401), "(AZURE_OPENAI_API_KEY)"),
    (ModelRejected("No.", provider="openai", status=401), "(OPENAI_API_KEY)"),
    (ModelRejected("No.", provider="other", status=401), "provider's key;"),
    (ModelUnavailable("No.", provider="azure"), "(AZURE_OPENAI_ENDPOINT)"),
    (ModelUnavailable("No.", provider="openai"), "(OPENAI_BASE_URL)"),
    (ModelUnavailable("No."), "server's address;"),
    (MalformedReply("No.", provider="openai"), "(OPENAI_BASE_URL) leads to a server of openai's"),
    (MalformedReply("No."), "with -v"),
]


@pytest.mark.parametrize(("error", "part"), ADVICE, ids=str)
def test_advice_names_the_variables_of_the_provider(capsys, error, part):
    """What the command line advises is about the provider that failed."""
    from rxagent.cli.failures import explain

    explain(error, shown=True, verbose=False)

    assert part in capsys.readouterr().err


def test_a_declaration_is_a_value():
    """Declarations compare by their fields and cannot change."""
    first, second = (
        Provider(prefix="a", model="b:C", sdk="D", extra="e", requires="f", docs="g")
        for _ in range(2)
    )

    assert first == second
    with pytest.raises(AttributeError):
        first.prefix = "b"


@pytest.mark.parametrize("prefix", BUILT_IN)
def test_what_is_missing_is_installed_by_an_extra_of_this_package(prefix):
    """The advice installs the versions that the extra asks for, with all that belongs to it."""
    config = ConfigParser()
    config.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
    provider = load_provider(prefix)

    if provider.modules:
        assert provider.extra in config["options.extras_require"]
        assert f"rxagent[{provider.extra}]" == provider.requires


KEYLESS = "The model 'm' cannot be called without a key. Set OPENAI_API_KEY."


def test_advice_is_not_given_twice(capsys):
    """Where the error names the variable of the key, the advice does not."""
    explain(ModelRejected(KEYLESS, provider="openai"), shown=True, verbose=False)

    assert "`rxagent models` shows which variables are missing.\n" == capsys.readouterr().err


def test_what_is_not_installed_is_shown(install):
    """Models whose package is missing cannot be used, and the line says what to run."""
    source = ACME.replace("docs=", 'modules=("rxagent_acme_engine",), docs=')
    _, (line, *_), _ = rxagent(install(source), "models")

    assert "acme: not installed. Run `pip install 'acme-sdk'`. See https://acme" in line
    assert not load_provider("acme").is_installed()
    assert load_provider("openai").is_installed()
