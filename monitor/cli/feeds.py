"""`licensewatch feeds`: which feeds there are and how they do; add, pause, import and export them."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor import clock
from monitor.cli import feeds_file, feeds_try, output
from monitor.cli.context import Context, current
from monitor.cli.feeds_named import wanted
from monitor.counts import counted
from monitor.errors import ConfigError, MonitorError, UsageError
from monitor.feeds import opml, plan
from monitor.model import Feed, FeedHealth, FeedState
from monitor.settings import Configuration
from monitor.settings.checks import same_url_key
from monitor.store import entries as entry_store
from monitor.store import feeds as feed_store

app = typer.Typer(help="Feeds: health, rhythm, adding and pausing.", no_args_is_help=True)
app.command("test")(feeds_try.test)
app.command("discover")(feeds_try.discover_)
app.command("add")(feeds_try.add)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FeedId = Annotated[str, typer.Argument(metavar="ID", help="Id of a feed in feeds.yaml.")]


def record(feed: Feed, state: FeedState | None, entries: int, configuration: Configuration) -> dict[str, Any]:
    """A feed as `feeds list --json` shows it."""
    polling, now = configuration.settings.polling, clock.now()
    wait = plan.interval(feed, state, polling, now) if state else feed.interval or polling.interval
    seconds = wait.total_seconds()
    return {
        "id": feed.id,
        "url": state.url if state else feed.url,
        "title": feed.title,
        "state": plan.health(feed, state).value,
        "entries": entries,
        "items": state.items if state else 0,
        "interval_s": int(seconds) if seconds == int(seconds) else seconds,
        "last_poll_at": state.last_poll_at if state else None,
        "last_success_at": state.last_success_at if state else None,
        "next_poll_at": state.next_poll_at if state and not feed.paused else None,
        "last_status": state.last_status if state else None,
        "last_error": state.last_error if state else None,
        "failures": state.failures if state else 0,
        "notice": state.notice if state else None,
    }


@app.command("list")
def list_(
    ctx: typer.Context,
    health: Annotated[FeedHealth | None, typer.Option("--state", help="Only feeds in this state.")] = None,
    json_: Json = False,
) -> None:
    """List feeds: health, rhythm, last success and last error."""
    context = current(ctx)
    configuration = context.looking("feeds.yaml")
    with context.database().read() as conn:
        states, counts = feed_store.states(conn), entry_store.counts(conn)
    records = [
        record(feed, _state_of(feed, states), counts.get(feed.id, 0), configuration) for feed in configuration.feeds
    ]
    records = [one for one in records if health is None or one["state"] == health.value]
    if json_:
        output.emit_json(records)
        return
    columns = ("id", "state", "entries", "every", "last success", "next poll", "status", "last error")
    output.table(counted(len(records), "feed"), columns, map(_row, records), right=("entries",))


def _state_of(feed: Feed, states: dict[str, FeedState]) -> FeedState | None:
    """What is known of a feed; nothing, when its url was changed and the daemon has not seen it yet."""
    state = states.get(feed.id)
    return state if state is not None and feed.url in (state.config_url, state.url) else None


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    every = output.duration(timedelta(seconds=one["interval_s"]))
    return (
        one["id"],
        one["state"],
        one["entries"],
        every,
        one["last_success_at"],
        one["next_poll_at"],
        one["last_status"],
        (one["last_error"] or one["notice"] or "")[:80],  # silent, say, which is no error
    )


@app.command()
def show(ctx: typer.Context, feed_id: FeedId, json_: Json = False) -> None:
    """Show everything known of one feed: what its publisher asked for, and why it is polled when it is."""
    context = current(ctx)
    configuration = context.looking("feeds.yaml")
    feed = wanted(configuration, feed_id)
    with context.database().read() as conn:
        state = _state_of(feed, feed_store.states(conn))
        counts = entry_store.counts(conn)
    known = record(feed, state, counts.get(feed.id, 0), configuration)
    known |= {"configured": asdict(feed), "polling": asdict(state) if state else None}
    if json_:
        output.emit_json(known)
        return
    output.table(feed.title or feed.id, ("", ""), _lines(feed, state, known))


def _lines(feed: Feed, state: FeedState | None, known: dict[str, Any]) -> list[tuple[str, object]]:
    lines: list[tuple[str, object]] = [(key, known[key]) for key in known if key not in ("configured", "polling")]
    lines += [("trust", feed.trust), ("tags", ", ".join(feed.tags))]
    if state is None:
        return [*lines, ("not yet polled", "")]
    hints = {name: value for name, value in asdict(state.hints).items() if value}
    return [
        *lines,
        ("why then", state.why_next),
        ("publisher asks", ", ".join(f"{name} {value}" for name, value in hints.items()) or "nothing"),
        ("validators", ", ".join(filter(None, (state.etag, state.last_modified))) or "none"),
        ("redirects for good to", state.redirect_url or (state.url if state.url != state.config_url else "")),
        ("first document", state.baselined_at),
        ("last news", state.last_new_at),
        ("open notice", state.notice or ""),
    ]


@app.command()
def pause(ctx: typer.Context, feed_id: FeedId) -> None:
    """Stop polling a feed until it is resumed; nothing is forgotten."""
    configuration = current(ctx).configuration()
    feed = wanted(configuration, feed_id)
    feeds_file.change(feeds_file.feeds_path(configuration.dir), feed.id, paused=True)
    output.say(f"{feed.id} is paused. `licensewatch feeds resume {feed.id}` polls it again.")


@app.command()
def resume(ctx: typer.Context, feed_id: FeedId) -> None:
    """Poll a paused feed again, or one that its publisher called gone."""
    context = current(ctx)
    configuration = context.configuration()
    feed = wanted(configuration, feed_id)
    if feed.paused:
        feeds_file.change(feeds_file.feeds_path(configuration.dir), feed.id, paused=None)
    state = _revive(context, feed, clock.now())
    due = f" Its next poll: {state.next_poll_at:%Y-%m-%d %H:%M} UTC." if state and state.next_poll_at else ""
    output.say(f"{feed.id} is polled again.{due}")


def _revive(context: Context, feed: Feed, now: datetime) -> FeedState | None:
    """The state of the feed after its 410, if any, is forgotten. A poll that ends meanwhile is asked once more."""
    database = context.database()
    for _ in range(3):
        with database.write() as conn:
            state = feed_store.get(conn, feed.id)
            if state is None or not state.gone:
                return state
            revived = plan.resume(state, now)
            if feed_store.save(conn, revived, state.poll_seq):
                return revived
    raise MonitorError(f"{feed.id} is being polled all the time; try again.")


@app.command("accept-redirect")
def accept_redirect(ctx: typer.Context, feed_id: FeedId) -> None:
    """Write the URL that a feed moved to for good into feeds.yaml; its history goes with it."""
    context = current(ctx)
    configuration = context.configuration()
    feed = wanted(configuration, feed_id)
    with context.database().read() as conn:
        state = _state_of(feed, feed_store.states(conn))
    if state is None or state.url == feed.url:
        waiting = (
            f" It redirects to {state.redirect_url}, but not for a day yet." if state and state.redirect_url else ""
        )
        raise UsageError(f"{feed.id} has not moved: it is polled at the URL in feeds.yaml.{waiting}")
    feeds_file.change(feeds_file.feeds_path(configuration.dir), feed.id, url=state.url)
    output.say(f"{feed.id}: url is {state.url} now.")


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="OPML, or one URL a line; - for standard input.")],
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Tag for all of them; may be repeated.")
    ] = None,
) -> None:
    """Add the feeds of a list to feeds.yaml; those that are there already are left alone. Nothing is fetched."""
    configuration = current(ctx).configuration()
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    known = {same_url_key(feed.url) for feed in configuration.feeds}
    taken = {feed.id for feed in configuration.feeds}
    added: list[dict[str, Any]] = []
    found = opml.read(data)
    for listed in found:
        if same_url_key(listed.url) in known:
            continue
        known.add(same_url_key(listed.url))
        feed_id = feeds_file.new_id(listed.title, listed.url, taken)
        taken.add(feed_id)
        tags = list(dict.fromkeys([*(tag or ()), *filter(None, map(feeds_file.tag_of, listed.tags))]))
        added.append({"id": feed_id, "url": listed.url, "title": listed.title, "tags": tags})
    if added:
        _add(feeds_file.feeds_path(configuration.dir), added)
    there = len(found) - len(added)
    output.say(f"{counted(len(added), 'feed')} added, {there:,} {'was' if there == 1 else 'were'} there already.")


def _add(path: Path, feeds: list[dict[str, Any]]) -> None:
    """Add them all, or none: a mistake is one of the list, whose lines feeds.yaml does not have."""
    try:
        feeds_file.add(path, list(feeds))
    except ConfigError:
        for feed in feeds:
            try:
                feeds_file.would_add(path, feed)
            except ConfigError as error:
                why = "; ".join(one.message.partition(": ")[2] or one.message for one in error.problems)
                url = re.sub("//[^/]*@", "//…@", feed["url"])[:200]  # a login is a secret
                raise UsageError(f"Nothing was added, for {url!r} cannot be: {why}.") from error
        raise


@app.command("export")
def export_(
    ctx: typer.Context,
    to: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="JSON instead: id, url, title and tags of each.")] = False,
) -> None:
    """Print the feeds as OPML, which feed readers and `feeds import` take."""
    feeds = current(ctx).configuration().feeds
    if json_:
        rows = [{"id": feed.id, "url": feed.url, "title": feed.title, "tags": feed.tags} for feed in feeds]
        text = output.json_text(rows)
    else:
        text = opml.write(feeds, "licensewatch feeds")
    if to is None:
        sys.stdout.write(text)
        return
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{to} cannot be written: {error.strerror}.") from error
