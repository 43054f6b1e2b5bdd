"""Where secrets come from: files that systemd hands over, else the environment. Never from configuration files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitor.errors import ConfigError, Place, Problem

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret and where it was found, in words. Only `value` holds it; repr and str do not show it."""

    name: str
    value: str = field(repr=False)
    where: str


def credential(name: str, env: Mapping[str, str]) -> Credential | None:
    """The secret from `$CREDENTIALS_DIRECTORY/NAME`, else from the environment variable NAME in upper case.

    The file is read at each call, so a replaced one counts at once. ConfigError: the file is there and unreadable.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            Problem(Place(f"credential {name}", 0), "a credential's name holds only letters, digits, '_', '.' and '-'")
        )
    directory = env.get("CREDENTIALS_DIRECTORY")
    if directory:
        path = Path(directory, name)
        value = _read(path)
        if value:
            return Credential(name, value, f"the file {path}")
    variable = variable_of(name)
    value = env.get(variable, "").strip()
    return Credential(name, value, f"the environment variable {variable}") if value else None


def required_credential(name: str, env: Mapping[str, str]) -> Credential:
    """The secret, or a ConfigError that says where it was looked for."""
    found = credential(name, env)
    if found is None:
        raise ConfigError(Problem(Place(f"credential {name}", 0), f"not found in {places_of(name, env)}"))
    return found


def places_of(name: str, env: Mapping[str, str]) -> str:
    """Where `credential` looks, in words for a person."""
    directory = env.get("CREDENTIALS_DIRECTORY")
    file = f"the file {Path(directory, name)}" if directory else f"$CREDENTIALS_DIRECTORY/{name} (which is not set)"
    return f"{file} or in the environment variable {variable_of(name)}"


def variable_of(name: str) -> str:
    """The environment variable that may hold the credential: `slack_bot_token` is SLACK_BOT_TOKEN."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(Problem(Place(str(path), 0), f"the credential cannot be read: {reason}")) from None
