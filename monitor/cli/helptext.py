"""How help is laid out: summaries whole rather than cut, `list` and `show` before what changes things."""

from __future__ import annotations

from typing import Any

import typer
import typer.core

_FIRST = ("list", "show")
_WHOLE = 1_000  # characters of a summary, which are then wrapped


class Group(typer.core.TyperGroup):
    """A noun whose commands are listed with their whole first sentence."""

    def invoke(self, ctx: Any) -> Any:
        """Run one of its commands; a wrong value is told without the word of the library that found it."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of its commands, those that look first."""
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the section of commands."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, command.get_short_help_str(_WHOLE)) for name, command in found if command and not command.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
