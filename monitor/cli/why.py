"""`why`: one entry, end to end: polled, parsed, each rule, story, mute, delivery."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from monitor import urls
from monitor.cli import output
from monitor.cli.context import current
from monitor.cli.numbers import row_number
from monitor.cli.stories import shift_line
from monitor.errors import UsageError
from monitor.model import Entry, Feed, FeedState, Hit, Span
from monitor.rules import explain
from monitor.rules.document import Subject
from monitor.settings import Configuration
from monitor.store import feeds, trace
from monitor.store.trace import Trace


def why(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Link of an entry, as the feed has it, or its number.")],
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say why an entry was told, or was not: polled, parsed, each rule, story, suppression, delivery."""
    context = current(ctx)
    configuration = context.looking("feeds.yaml", "rules")
    with context.database().read() as conn:
        number = row_number(url)
        traces = trace.by_url_hash(conn, urls.url_hash(url)) if number is None else trace.by_id(conn, number)
        states = feeds.states(conn)
    if not traces:
        _not_here(url, configuration, states)
    rules = [
        {
            rule_id: explain.why_not(configuration.rules, rule_id, _subject(one, configuration))
            for rule_id in configuration.rules.rules
            if one.stored.pruned_at is None and rule_id not in {hit.rule_id for hit in one.hits}
        }
        for one in traces
    ]
    placed = [_places(one, configuration) for one in traces]
    if json_:
        output.emit_json([_record(*each) for each in zip(traces, rules, placed, strict=True)])
        return
    for each in zip(traces, rules, placed, strict=True):
        _show(*each)


def _subject(one: Trace, configuration: Configuration) -> Subject:
    feed = configuration.feed(one.stored.entry.feed_id)
    return Subject(one.stored.entry, feed.tags if feed else (), one.stored.entry.feed_id)


def _places(one: Trace, configuration: Configuration) -> list[tuple[Span, ...] | None]:
    """Where each hit matched in the text that is stored; None for one of an earlier text, which its places are of."""
    if one.stored.pruned_at is not None:
        return [None] * len(one.hits)
    if not one.stored.revision:
        return [hit.spans for hit in one.hits]
    subject = _subject(one, configuration)
    found = configuration.rules.match(subject.entry, feed_tags=subject.feed_tags, feed_id=subject.feed_id)
    now = {(hit.rule_id, hit.rule_version): hit.spans for hit in found}
    return [now.get((hit.rule_id, hit.rule_version)) for hit in one.hits]


def _not_here(url: str, configuration: Configuration, states: dict[str, FeedState]) -> None:
    """No entry has this link or number: say what could be the cause. Raises."""
    if url.isdigit():
        raise UsageError(f"There is no entry {url}: the page's search shows those that there are.")
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    near = [feed for feed in configuration.feeds if host and host in (urlsplit(feed.url).hostname or "")]
    told = [_last_poll(feed, states.get(feed.id)) for feed in near]
    hint = (
        "; ".join(told)
        if told
        else f"no feed of feeds.yaml lives at {host or 'that address'}: `licensewatch feeds add` one"
    )
    raise UsageError(f"No entry with the link {url} was ever read: {hint}.")


def _last_poll(feed: Feed, state: FeedState | None) -> str:
    if state is None or state.last_poll_at is None:
        return f"feed {feed.id} was not polled yet"
    if state.failures:
        return f"feed {feed.id} fails since {output.shown(state.failing_since)} UTC ({state.last_error})"
    return f"feed {feed.id} was polled {output.shown(state.last_poll_at)} UTC and did not hold it"


def _record(known: Trace, misses: dict[str, str], places: list[tuple[Span, ...] | None]) -> dict[str, Any]:
    return {
        "entry": {
            "id": known.stored.id,
            "feed": known.stored.entry.feed_id,
            "title": known.stored.entry.title,
            "url": known.stored.entry.url,
            "first_seen": known.stored.first_seen_at,
            "revision": known.stored.revision,
            "baseline": known.stored.baseline,
            "pruned": known.stored.pruned_at,
        },
        "hits": [
            {
                "rule": hit.rule_id,
                "version": hit.rule_version,
                "severity": hit.severity,
                "shift": hit.shift,
                "spans": spans or (),
                "earlier_text": spans is None,
            }
            for hit, spans in zip(known.hits, places, strict=True)
        ],
        "misses": misses,
        "story": {
            "id": known.story.id,
            "storyline": known.story.storyline_id,
            "title": known.story.title,
            "why": known.joined,
        }
        if known.story
        else None,
        "alerts": [
            {
                "reason": one.alert.reason,
                "suppressed": one.alert.suppressed,
                "note": one.alert.note,
                "at": one.created_at,
            }
            for one in known.decided
        ],
        "deliveries": [
            {"id": one.id, "receiver": one.receiver, "state": one.state, "last_error": one.last_error}
            for one in known.delivered
        ],
    }


def _show(known: Trace, misses: dict[str, str], places: list[tuple[Span, ...] | None]) -> None:
    stored, entry = known.stored, known.stored.entry
    output.say(f"entry {stored.id}: {entry.title}")
    baseline = ", on the first poll of its feed (baseline: stored, never told)" if stored.baseline else ""
    edits = f", edited {stored.revision} times" if stored.revision else ""
    output.say(f"  read    {output.shown(stored.first_seen_at)} UTC from {entry.feed_id}{baseline}{edits}")
    if stored.pruned_at:
        gone = output.shown(stored.pruned_at)
        output.say(f"  text    gone since {gone} UTC (`retention.entries`): no rule can be asked about it any more")
    if not known.hits:
        output.say("  rules   no rule matched when it was read")
    for hit, spans in zip(known.hits, places, strict=True):
        where = _where(hit, spans, entry)
        output.say(f"  rule    {hit.rule_id} matched: {shift_line(hit.shift)}; {where}")
    if known.story:
        output.say(f"  story   {known.story.id} of storyline {known.story.storyline_id}: {known.joined}")
    for one in known.decided:
        word = "suppressed" if one.alert.suppressed else "told"
        output.say(f"  alert   {word}: {one.alert.reason}{f' ({one.alert.note})' if one.alert.note else ''}")
    for sent in known.delivered:
        place = f" as {sent.channel} {sent.ts}" if sent.ts else ""
        failed = f": {sent.last_error}" if sent.last_error else ""
        output.say(f"  message {sent.receiver}: {sent.state}{place}{failed} ({sent.id})")
    # Last, for they are many: who asks why it was told has read the answer by then.
    for rule_id, reason in misses.items():
        output.say(f"  rule    {rule_id} does not match: {reason}")


def _where(hit: Hit, spans: tuple[Span, ...] | None, entry: Entry) -> str:
    if spans is None:  # the sentence that it quoted is kept, with the words that matched in it
        quote = hit.shift.evidence
        words = [f"“{quote[start:end]}”" for start, end in hit.shift.marks] or [f"“{quote}”"] * bool(quote)
        return " ".join(("in a text since edited or gone:", ", ".join(dict.fromkeys(words)))).rstrip(": ")
    words = [f"{span.field} “{getattr(entry, span.field, '')[span.start : span.end]}”" for span in spans]
    return ", ".join(dict.fromkeys(words))
