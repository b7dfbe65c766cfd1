import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def ci(tmp_path):
    """Return a function that runs `.ci/run` in a project with this README."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(PROJECT / ".ci" / "run", tmp_path / ".ci")

    def ci(readme):
        (tmp_path / "README.md").write_text(readme, encoding="utf-8")
        return subprocess.run(
            ["bash", ".ci/run"],
            cwd=tmp_path,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=10,
            check=False,
        )

    return ci


README = """
```sh
echo installed
```

<!-- test-command -->
```sh
echo tested && {command}
```

```sh
echo more
```
"""


def test_ci_runs_the_readme_s_test_command(ci):
    """The test command of the README is what is run, and nothing else."""
    ran = ci(README.format(command="echo passed"))

    assert (0, "+ echo tested && echo passed\ntested\npassed\n") == (ran.returncode, ran.stdout)


def test_ci_runs_all_test_commands_in_order(ci):
    """Each marked block is run, one after another, up to one that fails."""
    commands = ("echo passed", "exit 4", "echo never")
    ran = ci("".join(README.format(command=command) for command in commands))

    assert 4 == ran.returncode
    assert "+ echo tested && echo passed\ntested\npassed\n+ echo tested && exit 4\ntested\n" == (
        ran.stdout
    )


def test_ci_fails_when_the_tests_do(ci):
    """A failing test command fails with its own status."""
    assert 3 == ci(README.format(command="exit 3")).returncode


def test_ci_fails_when_the_readme_says_nothing(ci):
    """A README that lost its test command is no success."""
    ran = ci("# A project\n")

    assert 1 == ran.returncode
    assert "README.md holds no fenced block after <!-- test-command -->\n" == ran.stderr


def test_the_readme_has_two_test_commands():
    """One ends in tox's default list, the other runs the environment of the providers."""
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    _, light, heavy = (block.split("\n```\n")[0] for block in readme.split("<!-- test-command -->"))

    assert light.startswith("\n```sh\npython3 -m venv ")
    assert light.endswith("/tox")
    assert "\n```sh\n.venv/bin/tox -e providers" == heavy
