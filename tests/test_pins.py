from configparser import ConfigParser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[1]


CONFIG = ConfigParser(interpolation=None)
CONFIG.read([PROJECT / "setup.cfg", PROJECT / "tox.ini"], encoding="utf-8")
APART = "vllm"
"""The extra that pins torch, and so has an environment of its own, without constraints."""
EXTRAS = [extra for extra in CONFIG["options.extras_require"] if extra != APART]


def required(*extras):
    """Return what setup.cfg asks for: always, and for these extras."""
    lists = [
        CONFIG["options"]["install_requires"],
        *(CONFIG["options.extras_require"][extra] for extra in extras),
    ]
    return [Requirement(line) for lines in lists for line in lines.split("\n") if line]


def pinned(name):
    """Return the version of each package that a file of constraints names."""
    lines = (PROJECT / name).read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonical(package): version for package, version in pins}


def canonical(name):
    """Return a package's name as every spelling of it is meant."""
    return name.lower().replace("_", "-")


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        ("constraints.txt", EXTRAS),
        ("constraints-openai2.txt", ["test"]),
    ],
)
def test_every_requirement_is_pinned_within_its_bounds(file, extras):
    """What setup.cfg asks for is installed in a version that was tested and that it admits."""
    pins = pinned(file)
    requirements = required(*extras)

    assert [] == [one.name for one in requirements if canonical(one.name) not in pins]
    assert [] == [
        f"{one} is pinned at {pins[canonical(one.name)]}"
        for one in requirements
        if pins[canonical(one.name)] not in one.specifier
    ]


def test_every_extra_is_installed_where_the_providers_are_tested():
    """`tox -e providers` installs each extra but those of the tools."""
    extras = CONFIG["testenv:providers"]["extras"].split(", ")

    assert {*EXTRAS} - {"lint", "docs"} == {*extras}


def test_both_majors_of_the_openai_sdk_are_tested():
    """The bounds admit two major versions, and each has its file of constraints."""
    majors = [
        pinned(file)["openai"].partition(".")[0]
        for file in ("constraints.txt", "constraints-openai2.txt")
    ]

    assert ["3", "2"] == majors


def test_nothing_heavy_is_needed_by_everybody():
    """Each engine comes with its own extra, and with nothing else."""
    everything_else = {canonical(one.name) for one in required("test", "lint", "docs")}
    own = {
        extra: {canonical(one.name) for one in required(extra)} - everything_else
        for extra in ("builtin", "mlx", "onnx", "transformers")
    }
    engines = {"mlx", "mlx-lm", "onnxruntime-genai", "torch", "transformers"}

    assert {
        "builtin": {"onnxruntime-genai"},
        "mlx": {"mlx", "mlx-lm"},
        "onnx": {"onnxruntime-genai"},
        "transformers": {"torch", "transformers"},
    } == {extra: names & engines for extra, names in own.items()}
    assert not everything_else & engines


@pytest.mark.parametrize("file", ["constraints.txt", "constraints-openai2.txt"])
def test_pins_are_sorted_and_without_doubles(file):
    """A package is easily found in a file of constraints, and only once."""
    lines = (PROJECT / file).read_text(encoding="utf-8").splitlines()
    pins = [line.lower() for line in lines if line and not line.startswith("#")]

    assert sorted(pins) == pins
    assert len(pinned(file)) == len(pins)


def installed(requirements):
    """Yield the names of all that requirements bring, of what is installed here."""
    wanted, seen = [(one, extra) for one in requirements for extra in ("", *one.extras)], set()
    while wanted:
        one, extra = wanted.pop()
        if (canonical(one.name), extra) in seen:
            continue
        seen.add((canonical(one.name), extra))
        try:
            lines = metadata.requires(one.name) or []
        except metadata.PackageNotFoundError:  # of an extra that is not installed here
            continue
        yield canonical(one.name)
        for inner in map(Requirement, lines):
            if inner.marker is None or inner.marker.evaluate({"extra": extra}):
                wanted += [(inner, inner_extra) for inner_extra in ("", *inner.extras)]


def test_what_requirements_bring_is_pinned_too():
    """Whatever is installed because something else asks for it has its version as well."""
    brought = set(installed(required("test", "lint", "docs")))

    assert {"reactivex", "aiohttp", "idna"} <= brought
    pins = pinned("constraints.txt") | pinned("constraints-openai2.txt")
    assert set() == brought - pins.keys()
