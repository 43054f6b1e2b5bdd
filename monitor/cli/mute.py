"""`licensewatch mute`: a person's order to withhold alerts, always with an end."""

from __future__ import annotations

import difflib
import getpass
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from monitor import clock, yamlfile
from monitor.cli import output
from monitor.cli.context import Context, current
from monitor.cli.numbers import LARGEST, row_number
from monitor.errors import UsageError
from monitor.model import Mute
from monitor.store import mutes as store
from monitor.store import stories as story_store
from monitor.text import fold

app = typer.Typer(help="Withhold alerts by rule, story, org or feed until a given time.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Kind(StrEnum):
    """What can be muted."""

    RULE = "rule"
    STORY = "story"
    ORG = "org"
    FEED = "feed"


@app.command()
def add(
    ctx: typer.Context,
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="What to mute: rule, story, org or feed.")],
    value: Annotated[str, typer.Argument(metavar="NAME", help="The rule's, story's or feed's id, or the org's name.")],
    for_: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long: 8h, 7d …")] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="Until when: 2026-12-24 or 2026-12-24T08:00Z.")
    ] = "",
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="Who asks for it; else your login name.")] = "",
    json_: Json = False,
) -> None:
    """Withhold alerts for a while. What is withheld is recorded, with this mute as the reason.

    A story is withheld for its rules when every rule that matched it is muted; one that another rule finds too is told.
    A story that is muted takes its storyline along: later steps, too, bring the message up to date and ring nobody.

    As in: licensewatch mute add org "Example Lab" --for 7d
    """
    context = current(ctx)
    now = clock.now()
    end = _end(for_, until, now)
    database = context.existing()
    if kind is Kind.STORY:
        with database.read() as conn:
            if (number := row_number(value)) is None or story_store.get(conn, number) is None:
                raise UsageError(f"There is no story {value}. `licensewatch stories list` shows those there are.")
    else:
        value = _known(context, kind, value)
    with database.write() as conn:
        mute = store.add(conn, Mute(0, kind.value, value, end, by or _login()), now)
    if json_:
        output.emit_json(mute)
    else:
        output.say(f"Mute {mute.id}: {mute.kind} {mute.value} until {mute.until:%Y-%m-%d %H:%M} UTC.")


@app.command("list")
def list_(ctx: typer.Context, json_: Json = False) -> None:
    """List the mutes in force, the one that ends first on top."""
    with current(ctx).database().read() as conn:
        found = store.active(conn, clock.now())
    if json_:
        output.emit_json(found)
        return
    rows = [(mute.id, mute.kind, mute.value, mute.until, mute.by) for mute in found]
    output.table("Mutes in force", ("id", "kind", "what", "until (UTC)", "by"), rows)


@app.command()
def remove(
    ctx: typer.Context,
    mute_id: Annotated[int, typer.Argument(metavar="ID", max=LARGEST, help="Its number in `mute list`.")],
    json_: Json = False,
) -> None:
    """Lift a mute."""
    with current(ctx).existing().write() as conn:
        removed = store.remove(conn, mute_id)
    if not removed:
        raise UsageError(f"There is no mute {mute_id}. `licensewatch mute list` shows those in force.")
    if json_:
        output.emit_json({"removed": mute_id})
    else:
        output.say(f"Mute {mute_id} is lifted.")


def _end(for_: str, until: str, now: datetime) -> datetime:
    if for_ and until:
        raise UsageError("--for and --until are two ends: give one of them.")
    if not for_ and not until:
        raise UsageError("A mute has an end: give --for 7d or --until 2026-12-24.")
    if for_:
        try:
            return now + yamlfile.parse_duration(for_)
        except ValueError as error:
            raise UsageError(f"--for {for_}: {error}") from None
    if not re.match(r"\d{4}-\d\d-\d\d", until):
        raise UsageError(f"--until {until}: a date or a time is wanted, such as 2026-12-24 or 2026-12-24T08:00Z.")
    try:
        end = datetime.fromisoformat(until.replace("Z", "+00:00"))
    except ValueError as error:
        raise UsageError(f"--until {until}: {error}") from None
    end = end if end.tzinfo else end.replace(tzinfo=now.tzinfo)
    if end <= now:
        raise UsageError(f"--until {until} is over already.")
    return end


def _known(context: Context, kind: Kind, value: str) -> str:
    """The value as the configuration spells it; UsageError with the nearest name when it has none such."""
    configuration = context.configuration()
    if kind is Kind.ORG:
        names: Mapping[str, str] = configuration.rules.orgs()
        if fold(value) in names:
            return names[fold(value)]
        output.warn(f"No vocabulary knows the org {value}; the mute holds for that exact name.")
        return value
    known: Collection[str] = (
        configuration.rules.rules if kind is Kind.RULE else [feed.id for feed in configuration.feeds]
    )
    if value in known:
        return value
    near = difflib.get_close_matches(value, list(known), 1)
    raise UsageError(f"There is no {kind} {value}." + (f" Did you mean {near[0]}?" if near else ""))


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name
        return ""
