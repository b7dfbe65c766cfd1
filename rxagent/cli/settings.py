"""Settings: what stands in `rxagent.toml`, in the folder and in the config home."""

import tomllib
from pathlib import Path
from typing import Any

import click

__all__ = ["FILE", "settings"]

FILE = "rxagent.toml"

# No tools and no addresses: a folder of somebody else's must not run code or be sent keys.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "model": ((str,), "a text"),
    "system": ((str,), "a text"),
    "max_steps": ((int,), "a whole number"),
    "timeout": ((int, float), "a number of seconds"),
    "history": ((bool,), "true or false"),
}


def settings() -> dict[str, Any]:
    """Return the settings that are written down; those of the folder go before the home's.

    Raises:
        click.UsageError: A file cannot be read, or says what is not understood.
    """
    home = Path(click.get_app_dir("rxagent"))
    return {**_read(home / FILE), **_read(Path(FILE))}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise click.UsageError(
            f"{path} cannot be read: {error}. Mend it or move it away."
        ) from None
    for name, value in found.items():
        if name not in _KINDS:
            known = ", ".join(_KINDS)
            raise click.UsageError(f"{path} sets {name!r}, which is no setting. Known: {known}.")
        kinds, described = _KINDS[name]
        if type(value) not in kinds:
            raise click.UsageError(f"{path} sets {name} to {value!r}. Write {described}.")
    return found
