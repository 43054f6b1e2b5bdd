"""`licensewatch feeds test · discover · add`: look at a feed as a poll would, before or after it is one of ours."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor import __version__, clock, urls
from monitor.cli import feeds_file, output
from monitor.cli.context import Context, current
from monitor.cli.feeds_named import named, wanted
from monitor.errors import FetchError, MonitorError, ParseError, StoreError, UsageError
from monitor.feeds import handover, pace, pages, plan, prolog
from monitor.feeds.discover import Candidate
from monitor.feeds.fetch import Fetcher, Leave
from monitor.feeds.reader import Reader, Reading
from monitor.model import Document, Entry, Feed, FeedState, Hit, Trust
from monitor.settings import Configuration
from monitor.settings.checks import url_fault
from monitor.store import feeds as feed_store

SHOWN = 10
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Url = Annotated[str, typer.Argument(metavar="URL", help="A web page.")]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at a URL brought. `document` is None when nothing had changed; `reading` when it is no feed."""

    feed: Feed
    document: Document
    reading: Reading | None
    problem: str = ""


def _leave(context: Context) -> Leave:
    """What a look asks before each hop: a host that wants to be left alone is not asked by hand either."""
    now = clock.now()
    try:
        with context.database().read() as conn:
            resting = feed_store.host_blocks(conn, now)
    except StoreError:
        resting = {}  # nothing is known of anybody

    async def hop(url: str) -> None:
        until = resting.get(pace.host_key(url))
        if until is not None:
            host = pace.host_key(url)
            raise MonitorError(f"{host} asked for rest until {until:%Y-%m-%d %H:%M:%S} UTC (Retry-After); try then.")

    return Leave(hop)


async def _look(configuration: Configuration, leave: Leave, feed: Feed, state: FeedState | None = None) -> Seen:
    """One fetch as a poll does it, and the reading of what came."""
    async with Fetcher(configuration.settings.polling, __version__) as fetcher, Reader(1) as reader:
        known = plan.validators(state) if state else {}
        url, etag, modified = state.url if state else feed.url, known.get("etag"), known.get("last_modified")
        await leave.hop(url)
        document = await fetcher.fetch(url, etag=etag, last_modified=modified, leave=leave)
        if document.status == 304:
            return Seen(feed, document, None, "not modified since the last poll")
        try:
            return Seen(feed, document, await reader.read(feed, document, clock.now()))
        except ParseError as error:
            return Seen(feed, document, None, str(error))


def _given(url: str) -> str:
    """A URL as a person types it, with a scheme."""
    url = url.strip()
    found = url if "://" in url else f"https://{url}"
    if not urls.is_web(found):
        raise UsageError(f"{url[:100]!r} is no http(s) URL.")
    if fault := url_fault(found):
        raise UsageError(f"That URL cannot be polled: {fault}.")
    return found


# ---- test


def test(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL|ID", help="A URL, or a feed of feeds.yaml.")],
    full: Annotated[bool, typer.Option("--full", help="Ask for the whole document, changed or not.")] = False,
    json_: Json = False,
) -> None:
    """Show what a poll of a feed would do, and why: the answer, the entries, what matches, when it comes next."""
    context = current(ctx)
    configuration = context.configuration()
    feed, state = named(configuration, url), None
    listed = feed is not None
    if feed is not None:
        with context.database().read() as conn:
            state = feed_store.states(conn).get(feed.id)
    elif not re.search(r"[.:/\[]", url) and url != "localhost":
        wanted(configuration, url)  # an id, mistyped
        return
    else:
        feed = Feed("test", _given(url))
    now = clock.now()
    try:
        seen = asyncio.run(_look(configuration, _leave(context), feed, None if full else state))
    except FetchError as error:
        before = state or plan.new_state(feed, now)
        after = plan.after_failure(plan.Poll(feed, before, configuration.settings.polling, now), error)
        _failed(url, error, after, json_, _outlook(feed, after, listed=listed))
        raise typer.Exit(1) from None
    after = _planned(seen, state, configuration)
    if json_:
        output.emit_json(_test_record(seen, after, configuration) | {"in_feeds_yaml": listed, "paused": feed.paused})
    else:
        _print_test(seen, configuration)
        output.say(_outlook(feed, after, listed=listed) + ".")
    if seen.reading is None and seen.document.status != 304:
        raise typer.Exit(1)


def _outlook(feed: Feed, after: FeedState, *, listed: bool) -> str:
    """When a feed would be polled next, and why; or that nobody polls it."""
    at = f"{after.next_poll_at:%Y-%m-%d %H:%M} UTC: " if after.next_poll_at else ""
    when = f"{at}{after.why_next}"
    if listed and not feed.paused:
        return f"Next poll {when}"
    where = f"paused until `licensewatch feeds resume {feed.id}`" if listed else "not in feeds.yaml"
    return f"It is {where}; otherwise the next poll: {when}"


def _failed(url: str, error: FetchError, after: FeedState, json_: bool, outlook: str) -> None:
    if json_:
        record = {"url": url, "status": error.status, "error": str(error), "reason": error.reason}
        output.emit_json(record | {"next_poll_at": after.next_poll_at, "why": after.why_next})
    output.fail(f"{error}. {outlook}.")


def _planned(seen: Seen, state: FeedState | None, configuration: Configuration) -> FeedState:
    """The state a poll would leave behind."""
    now = clock.now()
    before = state or replace(plan.new_state(seen.feed, now), baselined_at=now)
    poll = plan.Poll(seen.feed, before, configuration.settings.polling, now)
    if seen.document.status == 304:
        return plan.after_not_modified(poll, seen.document)
    if seen.reading is None:
        return plan.after_failure(poll, ParseError(seen.problem), seen.document)
    found = plan.Found(plan.body_hash(seen.document.body), seen.reading.items, 0, seen.reading.hints)
    return plan.after_document(poll, seen.document, found)


def _hits(entry: Entry, feed: Feed, configuration: Configuration) -> tuple[Hit, ...]:
    return configuration.rules.match(entry, feed_tags=feed.tags, feed_id=feed.id)


def _test_record(seen: Seen, after: FeedState, configuration: Configuration) -> dict[str, Any]:
    reading = seen.reading
    return {
        "url": seen.document.url,
        "permanent_url": seen.document.permanent_url,
        "status": seen.document.status,
        "format": reading.format if reading else None,
        "title": reading.title if reading else None,
        "items": reading.items if reading else None,
        "warning": reading.warning if reading else seen.problem,
        "etag": after.etag,
        "last_modified": after.last_modified,
        "next_poll_at": after.next_poll_at,
        "why": after.why_next,
        "entries": [_entry_record(entry, seen.feed, configuration) for entry in (reading.entries if reading else ())],
    }


def _entry_record(entry: Entry, feed: Feed, configuration: Configuration) -> dict[str, Any]:
    rules = [hit.rule_id for hit in _hits(entry, feed, configuration)]
    return {"title": entry.title, "url": entry.url, "published": entry.published_at, "rules": rules}


def _print_test(seen: Seen, configuration: Configuration) -> None:
    document, reading = seen.document, seen.reading
    output.say(f"{document.status} from {document.url}, {len(document.body):,} bytes")
    if document.permanent_url:
        output.say(f"It redirects for good: feeds.yaml had better say {document.permanent_url}")
    if reading is None:
        output.say(f"The document {seen.problem}." if document.status == 200 else f"It was {seen.problem}.")
    else:
        _print_reading(seen.feed, reading, configuration)


def _print_reading(feed: Feed, reading: Reading, configuration: Configuration) -> None:
    output.say(f"{reading.title or 'No title'}: {reading.format}, {reading.items} items")
    if reading.warning:
        output.warn(f"the document {reading.warning}; what could be read is shown")
    rows = [
        (entry.published_at, ", ".join(hit.rule_id for hit in _hits(entry, feed, configuration)), entry.title)
        for entry in reading.entries[:SHOWN]
    ]
    output.table("", ("published", "matches", "title"), rows)
    matching = sum(1 for entry in reading.entries if _hits(entry, feed, configuration))
    output.say(f"{matching} of {len(reading.entries)} entries match a rule.")


# ---- discover and add


async def _find(configuration: Configuration, leave: Leave, url: str) -> tuple[Seen | None, tuple[Candidate, ...]]:
    """What is at a URL: a feed that was seen, or the feeds that the page there names."""
    seen = await _look(configuration, leave, Feed("discover", url))
    if seen.reading is not None:
        return seen, ()
    if not prolog.looks_like_html(seen.document.body):
        raise UsageError(f"What {url} answers {seen.problem}.")
    try:
        return None, await pages.candidates(seen.document)
    except ParseError as error:
        raise MonitorError(f"The page at {url} {error}.") from error


def discover_(ctx: typer.Context, url: Url, json_: Json = False) -> None:
    """List the feeds behind a web page: those the page names, none guessed."""
    context = current(ctx)
    seen, found = asyncio.run(_find(context.configuration(), _leave(context), _given(url)))
    if seen is not None and seen.reading is not None:
        found = (Candidate(seen.document.url, seen.reading.title, seen.reading.format),)
    if json_:
        output.emit_json([{"url": one.url, "title": one.title, "kind": one.kind} for one in found])
    else:
        output.table("", ("url", "kind", "title"), [(one.url, one.kind, one.title) for one in found])
    if not found:
        raise MonitorError("That page names no feed.")


def add(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="A feed, or a page that names one.")],
    feed_id: Annotated[str, typer.Option("--id", metavar="ID", help="Its id; else made of the title.")] = "",
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Its title; else the feed's own.")] = "",
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag; may be repeated.")] = None,
    trust: Annotated[Trust, typer.Option("--trust", help="Who speaks.")] = Trust.PRESS,
    interval: Annotated[str, typer.Option("--interval", metavar="DURATION", help="Fix its rhythm: 10m, 1h.")] = "",
) -> None:
    """Add a feed to feeds.yaml, after a look at it: its last entries, and what would have matched."""
    context = current(ctx)
    configuration, asked = context.configuration(), _given(url)
    seen = asyncio.run(_found(configuration, _leave(context), asked))
    where = seen.document.permanent_url or seen.feed.url
    _refuse_known(configuration, where)
    assert seen.reading is not None
    name = title or _without_marks(seen.reading.title)[:100].strip()
    own_id = feed_id or feeds_file.new_id(name, where, {feed.id for feed in configuration.feeds})
    tags = list(tag or ())
    _print_reading(replace(seen.feed, id=own_id, tags=tuple(tags)), seen.reading, configuration)
    inbox = configuration.settings.state_dir / "inbox"
    _keep(inbox, where, replace(seen.document, permanent_url=None))
    entry = {"id": own_id, "url": where, "title": name, "interval": interval, "tags": tags}
    entry |= {"trust": trust.value if trust is not Trust.PRESS else ""}
    feeds_file.add(feeds_file.feeds_path(configuration.dir), [entry])
    output.say(f"Added as {own_id}. A running service polls it within {_spread()} seconds, without asking again.")


def _without_marks(title: str) -> str:
    """A feed's own title fit for a file that people edit: no bidi or other marks that are not seen."""
    return "".join(c for c in title if unicodedata.category(c) != "Cf")


def _spread() -> int:
    return int(plan.FIRST_POLL_SPREAD / timedelta(seconds=1))


async def _found(configuration: Configuration, leave: Leave, url: str) -> Seen:
    """The feed at a URL, or the first that the page there names and that can be read."""
    _refuse_known(configuration, url)
    seen, found = await _find(configuration, leave, url)
    if seen is not None:
        return seen
    gap = configuration.settings.polling.host_gap.total_seconds()
    for candidate in found:
        _refuse_known(configuration, candidate.url)
        await asyncio.sleep(gap)
        try:
            seen = await _look(configuration, leave, Feed("discover", candidate.url))
        except FetchError as error:
            output.warn(f"{candidate.url}: {error}")
            continue
        if seen.reading is not None:
            others = [one.url for one in found if one.url != candidate.url]
            if others:
                output.note("The page also names " + ", ".join(others))
            return seen
    raise MonitorError(f"{url} is no feed, and names none that can be read.")


def _refuse_known(configuration: Configuration, url: str) -> None:
    known = named(configuration, url)
    if known is not None:
        raise UsageError(f"{url} is polled already, as {known.id}.")


def _keep(inbox: Path, url: str, document: Document) -> None:
    """Hands the document to the first poll. Where that fails the publisher is asked twice, which is no catastrophe."""
    try:
        handover.keep(inbox, url, document)
    except OSError as error:
        output.warn(f"{inbox} cannot be written ({error.strerror}): the first poll asks the publisher again")
