"""What every test of the project shares."""

import os
import signal
from pathlib import Path

import pytest

import rxagent

from .laws import add_profiles
from .warm import Warm

add_profiles()

# A shell lets what it starts in the background ignore Ctrl-C, and so all that is started by it;
# the programs that tests start must not.
signal.signal(signal.SIGINT, signal.default_int_handler)


# AWS's SDK asks the network for the role of the machine, where it finds no other credentials.
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

# LiteLLM fetches a list of prices when it is imported, unless LiteLLMModel imports it.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")


def pytest_xdist_auto_num_workers(config):
    """Return three processes for two cores, since tests of sockets and processes wait."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_collection_modifyitems(items):
    """Begin with the files of slow tests, so that no process is left with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


ENVIRONMENT = {"PYTHONPATH": str(Path(rxagent.__file__).parents[1]), "PYTHONUTF8": "1"}
"""What a process needs to import the package that is tested."""


@pytest.fixture(scope="session")
def warm(tmp_path_factory):
    """Return a process that starts commands and programs at once."""
    warm = Warm(str(tmp_path_factory.mktemp("warm") / "socket"), ENVIRONMENT)
    yield warm
    warm.close()


@pytest.fixture(autouse=True)
def _no_leaks(no_leaks):
    """Check every test: what it opens is closed when it ends."""
