import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


def run(*command):
    """Run a command of this interpreter, and return what it prints."""
    ran = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert 0 == ran.returncode, ran.stderr
    return ran.stdout.strip()


def files(root):
    """Return the package's files below a folder, by their names there."""
    package = root / "rxagent"
    return {path.relative_to(root).as_posix() for path in package.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Copy what a wheel is made of, so that building leaves the working tree alone."""
    project = tmp_path_factory.mktemp("project")
    for name in ("pyproject.toml", "setup.cfg", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, project)
    shutil.copytree(
        PROJECT / "rxagent", project / "rxagent", ignore=shutil.ignore_patterns("__pycache__")
    )
    return project


@pytest.fixture(scope="module")
def site(project, tmp_path_factory):
    """Build a wheel, install it into a bare folder, and return that."""
    wheels, site = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    pip = ("-m", "pip", "--disable-pip-version-check", "--no-input")
    run(*pip, "wheel", project, "--no-deps", "--no-build-isolation", "--wheel-dir", wheels)
    (wheel,) = wheels.iterdir()
    run(*pip, "install", wheel, "--no-deps", "--no-index", "--no-compile", "--target", site)
    return site


def test_the_wheel_installs_every_file_of_the_package(project, site):
    """What lies in the package's folder, code or not, arrives where it is installed."""
    assert files(project) == files(site)
    assert "rxagent/py.typed" in files(site)


def test_the_installed_package_is_the_one_that_is_imported(site):
    """The package works from where the wheel was installed, and knows its version."""
    program = f"""if True:
        import sys
        sys.path.insert(0, {str(site)!r})
        import rxagent
        from importlib.metadata import version
        print(rxagent.__file__, version("rxagent"), rxagent.__version__, sep="\\n")
    """
    file, packaged, imported = run("-c", program).splitlines()

    assert site / "rxagent" / "__init__.py" == Path(file)
    assert packaged == imported


def test_the_licence_travels_with_the_wheel(site):
    """The package contains its licence."""
    (licence,) = site.glob("rxagent-*.dist-info/licenses/LICENSE")

    assert (PROJECT / "LICENSE").read_text() == licence.read_text()
