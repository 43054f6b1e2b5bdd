"""`licensewatch deliveries`: the outbox, its dead letters, and what a person can do about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from monitor import clock
from monitor.alerts import console
from monitor.cli import output
from monitor.cli.context import current
from monitor.cli.numbers import LARGEST
from monitor.errors import UsageError
from monitor.model import BUNDLED, Delivery, DeliveryState, Message, what
from monitor.store import deliveries, figures, receivers
from monitor.store.engine import Connection
from monitor.web.deliveries_page import fault, mend

app = typer.Typer(help="Deliveries: what is owed to whom, and dead letters.", no_args_is_help=True)

State = Annotated[
    list[DeliveryState] | None,
    typer.Option("--state", help="Only these (may be given more than once)."),
]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Ids, or their first characters.")]
All = Annotated[bool, typer.Option("--all", help="Every one that the command is for, in place of ids.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_SHOWN = ("state", "attempts", "next_attempt_at", "last_error")
Act = Callable[[Connection, Delivery], Sequence[str]]


@app.command("list")
def list_(
    ctx: typer.Context,
    state: State = None,
    receiver: Annotated[str, typer.Option("--receiver", metavar="NAME", help="Only to this receiver.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=LARGEST, help="How many, the newest first.")] = 100,
    json_: Json = False,
) -> None:
    """List deliveries, the newest first; dead letters with what to do about them."""
    database = current(ctx).database()
    with database.read() as conn:
        found = deliveries.listing(conn, states=state or (), receiver=receiver or None, limit=limit)
        states = receivers.states(conn)
        held = [one.story_id for one in found if one.state is DeliveryState.HELD and one.story_id is not None]
        titles = figures.titles(conn, dict.fromkeys(held))
    records = [record(one, states) for one in found]
    if json_:
        output.emit_json(records)
        return
    columns = ("id", "story", "receiver", "what", "state", "attempts", "next", "last error")
    output.table("Deliveries", columns, map(row, records), right=("story", "attempts"))
    if not records:
        output.note("no delivery fits")
    # Below the table: a terminal's width has no room for sentences beside it, and most rows share theirs.
    for story_id, title in sorted(titles.items()):
        output.say(f"story {story_id}: {title}")
    helps = (f"{one['last_error'] or one['state']}: {one['remedy']}" for one in records if one["remedy"])
    for line in dict.fromkeys(helps):
        output.say(line)


@app.command()
def show(
    ctx: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="Its id in `deliveries list`, or the first characters.")],
    json_: Json = False,
) -> None:
    """Show one delivery whole, the message of a dead letter included."""
    database = current(ctx).database()
    with database.read() as conn:
        one = _one(conn, id_)
        shown = record(one, receivers.states(conn))
    if json_:
        output.emit_json(shown | {"facts": one.facts})
        return
    for name, value in shown.items():
        if name != "payload":
            output.say(f"{name + ':':<17}{output.shown(value)}")
    if one.payload is not None:
        output.say("message as it was last tried:")
        message = Message(str(one.payload.get("text", "")), tuple(one.payload.get("blocks", ())))
        for line in console.lines(message):
            output.say(f"  {output.shown(line.plain)}")


@app.command()
def release(ctx: typer.Context, ids: Ids = None, all_: All = False, json_: Json = False) -> None:
    """Let held deliveries go: alerts that were too many at once. With --all: every held one."""
    _each(ctx, (DeliveryState.HELD,), ids, all_, _Said("released", "released", json_), _release)


@app.command()
def retry(ctx: typer.Context, ids: Ids = None, all_: All = False, json_: Json = False) -> None:
    """Try dead or parked deliveries again, now. With --all: every dead or parked one."""
    states = (DeliveryState.DEAD, DeliveryState.PARKED)
    _each(ctx, states, ids, all_, _Said("to be tried again", "tried again", json_), _retry)


@app.command()
def discard(ctx: typer.Context, ids: Ids = None, all_: All = False, json_: Json = False) -> None:
    """Drop deliveries for good, with the replies and edits that wait for them. With --all: every held one."""
    _each(ctx, (DeliveryState.HELD,), ids, all_, _Said("discarded", "discarded", json_), _discard)


class _Said:
    """How the outcome of an action is printed."""

    def __init__(self, done: str, refused: str, json_: bool) -> None:
        self.done, self.refused, self.json = done, refused, json_


def _release(conn: Connection, one: Delivery) -> Sequence[str]:
    return [one.id] if deliveries.release(conn, one.id) else []


def _retry(conn: Connection, one: Delivery) -> Sequence[str]:
    if one.state is DeliveryState.PARKED:
        receivers.retry_now(conn, one.receiver, clock.now())
    return [one.id] if deliveries.retry(conn, one.id) else []


def _discard(conn: Connection, one: Delivery) -> Sequence[str]:
    return deliveries.discard(conn, one.id)


def _each(
    ctx: typer.Context, states: Sequence[DeliveryState], ids: Sequence[str] | None, all_: bool, said: _Said, act: Act
) -> None:
    if bool(ids) == all_:
        raise UsageError("name deliveries by their ids, or say --all")
    database = current(ctx).existing()
    done: list[str] = []
    with database.write() as conn:
        named = (
            deliveries.listing(conn, states=states, limit=100_000)[::-1] if all_ else [_one(conn, i) for i in ids or ()]
        )
        wanted = list({one.id: one for one in named}.values())
        for one in wanted:
            done += act(conn, one)
    if said.json:
        output.emit_json(done)
    else:
        output.say(f"{len(done)} {said.done}")
    missed = [one for one in wanted if one.id not in done]
    for one in missed:
        why = "already" if one.state == said.done else f"and cannot be {said.refused}"
        output.fail(f"{one.id} is {one.state} {why}")
    if missed:
        raise typer.Exit(1)


def _one(conn: Connection, prefix: str) -> Delivery:
    found = deliveries.matching(conn, prefix) if prefix else []  # every id starts with nothing
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"no delivery's id starts with {prefix!r}; `licensewatch deliveries list` shows them")
    raise UsageError(f"{prefix!r} starts the ids of {len(found)} deliveries; give more of it")


def record(one: Delivery, states: Mapping[str, receivers.ReceiverState]) -> dict[str, Any]:
    """A delivery as `--json` prints it. A parked one that was never attempted has its receiver's error."""
    error, scope = fault(one, states)
    return {
        "id": one.id,
        "story": one.story_id,
        "storyline": one.storyline_id,
        "receiver": one.receiver,
        "role": one.role,
        "action": one.action,
        "state": one.state,
        "attempts": one.attempts,
        "created_at": one.created_at,
        "next_attempt_at": one.next_attempt_at,
        "last_attempt_at": one.last_attempt_at,
        "last_error": error,
        "error_scope": scope,
        "remedy": mend(one.state, error),
        "channel": one.channel,
        "ts": one.ts,
        "payload": one.payload,
    }


def row(one: Mapping[str, Any]) -> tuple[object, ...]:
    """A record as a line of the table."""
    brings = what(one["role"], one["action"])
    error = one["last_error"] or ""
    # What went out as a line of another's digest is withdrawn from the outbox and from nobody.
    told = {"state": f"in {error.removeprefix(BUNDLED)[:8]}", "last_error": ""} if error.startswith(BUNDLED) else {}
    shown = {**one, **told}
    return (one["id"][:8], one["story"], one["receiver"], brings, *(shown[name] for name in _SHOWN))
