"""`run`: the daemon, or one round through the whole pipeline.

Where no earlier start kept the rules, a copy of this process makes them while this one imports the rest (rounds.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.context import Context, current
from monitor.cli.garbage import making_what_stays
from monitor.errors import MonitorError, UsageError

if TYPE_CHECKING:
    from monitor.rules.beside import Beside


def run(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Poll what is due, deliver, and exit.")] = False,
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="With --once: poll every feed, due or not (never against Retry-After, 410 or paused)."
        ),
    ] = False,
) -> None:
    """Watch the feeds and alert, until stopped. With --once: one round, then exit.

    Runs in the foreground; systemd/licensewatch.service keeps it running. Saved edits of the configuration take effect
    within two seconds.
    """
    if every and not once:
        raise UsageError("--all goes with --once: the daemon polls every feed when it is due.")
    context = current(ctx)
    rules = _ahead(context)
    with making_what_stays():
        from monitor.cli import rounds
    rounds.run(context, rules, once=once, every=every)


def _ahead(context: Context) -> Beside | None:
    """Rules that are made meanwhile, if they have to be; what is wrong with the settings is told later."""
    try:
        return context.ahead()
    except (MonitorError, OSError):
        return None
