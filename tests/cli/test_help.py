"""What `--help` says, over the whole tree of commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from monitor.cli.commands import app, prepared


def tree() -> Iterator[tuple[str, Any]]:
    prepared([])  # registers everything
    level = [("licensewatch", typer.main.get_command(app))]
    while level:
        words, command = level.pop()
        yield words, command
        level += [(f"{words} {name}", one) for name, one in getattr(command, "commands", {}).items()]


EVERY = dict(tree())


@pytest.mark.parametrize("words", sorted(EVERY))
def test_every_command_option_and_argument_is_explained(words: str) -> None:
    command = EVERY[words]
    assert command.help
    assert not [one.name for one in command.params if not getattr(one, "help", None)]


def test_the_lists_of_commands_cut_no_summary() -> None:
    nouns = {words: one for words, one in EVERY.items() if getattr(one, "commands", None)}
    assert len(nouns) >= 9
    for words, noun in nouns.items():
        with noun.make_context(words, [], resilient_parsing=True) as ctx:
            assert "..." not in noun.get_help(ctx).split("Commands:")[1]


def test_the_first_help_says_what_each_exit_code_means() -> None:
    command = EVERY["licensewatch"]
    with command.make_context("licensewatch", [], resilient_parsing=True) as ctx:
        said = command.get_help(ctx)
    assert all(f"{code} " in said.split("Exit codes:")[1] for code in (0, 1, 2, 130))
    assert max(map(len, said.splitlines())) <= 80
