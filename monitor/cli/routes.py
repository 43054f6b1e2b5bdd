"""`licensewatch routes test`: which receivers a story would go to, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor import clock
from monitor.alerts.decide import AlertFacts, delivered_from, routes_for
from monitor.cli import output
from monitor.cli.context import Context, current
from monitor.cli.feeds_named import wanted
from monitor.cli.numbers import LARGEST
from monitor.cli.show_rule import known_rule
from monitor.errors import UsageError
from monitor.model import Direction, Severity, ShiftObject, Stage, Trust
from monitor.store import stories as store
from monitor.yamlfile import nearest

app = typer.Typer(help="Where alerts go.", no_args_is_help=True)


@app.callback()
def _noun() -> None:
    """Where alerts go."""


@app.command()
def test(
    ctx: typer.Context,
    story: Annotated[int | None, typer.Option("--story", metavar="ID", max=LARGEST, help="A stored story.")] = None,
    severity: Annotated[Severity, typer.Option(help="Of a made-up story, as all that follow.")] = Severity.MEDIUM,
    direction: Annotated[Direction, typer.Option(help="Which way its terms go.")] = Direction.UNCLEAR,
    stage: Annotated[Stage, typer.Option(help="How far it has come.")] = Stage.NONE,
    object_: Annotated[ShiftObject, typer.Option("--object", help="What it is about.")] = ShiftObject.WEIGHTS,
    org: Annotated[list[str] | None, typer.Option(metavar="NAME", help="An org it names; may be repeated.")] = None,
    model: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A model; may be repeated.")] = None,
    rule: Annotated[list[str] | None, typer.Option(metavar="ID", help="A rule that matches; may be repeated.")] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="A tag of a rule; may be repeated.")] = None,
    feed: Annotated[str, typer.Option(metavar="ID", help="The feed that tells it.")] = "",
    feed_tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="A tag of that feed; may be repeated.")
    ] = None,
    trust: Annotated[Trust | None, typer.Option(help="Who speaks there.  [default: the feed's, else press]")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which receivers a made-up or stored story would go to, and why.

    As in: licensewatch routes test --severity high --direction closing --org Meta
    """
    context = current(ctx)
    if story is not None:
        facts = _of_story(context, story)
    else:
        facts = AlertFacts(
            rules=tuple(rule or ()),
            tags=tuple(tag or ()),
            severity=severity,
            direction=direction,
            stage=stage,
            object=object_,
            orgs=tuple(org or ()),
            models=tuple(model or ()),
            feed=feed,
            feed_tags=tuple(feed_tag or ()),
            trust=trust or Trust.PRESS,
        )
        _refuse_unknown(context, facts)
        facts = _filled(context, facts, trust)
    settings = context.configuration().settings
    receivers, why = routes_for(facts, settings.routes)
    now = clock.now()
    from_ = delivered_from(settings.alerts, facts.severity, now)
    if json_:
        output.emit_json({"receivers": receivers, "why": why, "facts": facts, "delivered_from": from_})
        return
    output.say("To: " + (", ".join(receivers) or "nobody"))
    for line in why:
        output.say(f"  {line}")
    if from_ > now:
        output.say(f"Quiet hours or a digest hold it until {from_:%Y-%m-%d %H:%M} UTC.")


def _refuse_unknown(context: Context, facts: AlertFacts) -> None:
    """A slip in an id would be answered as if that rule matched: UsageError with the nearest name."""
    configuration = context.configuration()
    for name in facts.rules:
        known_rule(configuration.rules, name)
    if facts.feed:
        wanted(configuration, facts.feed)
    tags = {
        "rule": (facts.tags, {tag for rule in configuration.rules.rules.values() for tag in rule.tags}),
        "feed": (facts.feed_tags, {tag for feed in configuration.feeds for tag in feed.tags}),
    }
    for noun, (asked, known) in tags.items():
        for tag in asked:
            if tag not in known:
                close = nearest(tag, known)
                hint = f"Did you mean {close}?" if close else f"There are: {', '.join(sorted(known)) or 'none'}."
                raise UsageError(f"No {noun} has the tag {tag}. {hint}")


def _of_story(context: Context, story_id: int) -> AlertFacts:
    with context.database().read() as conn:
        story = store.get(conn, story_id)
    if story is None:
        raise UsageError(f"There is no story {story_id}. `licensewatch stories list` shows those there are.")
    first = min(story.coverage, key=lambda one: (one.seen_at, one.entry_id), default=None)
    rules = context.configuration().rules.rules
    facts = AlertFacts(
        rules=story.rule_ids,
        tags=tuple(dict.fromkeys(tag for rule in story.rule_ids if rule in rules for tag in rules[rule].tags)),
        severity=story.severity,
        direction=story.shift.direction,
        stage=story.shift.stage,
        object=story.shift.object,
        orgs=story.shift.orgs,
        models=story.shift.models,
        feed=first.feed_id if first else "",
    )
    return _filled(context, facts, first.trust if first else None)


def _filled(context: Context, facts: AlertFacts, trust: Trust | None) -> AlertFacts:
    """What the configuration knows of the feed and the rules that were named."""
    from dataclasses import replace

    configuration = context.configuration()
    feed = next((one for one in configuration.feeds if one.id == facts.feed), None)
    if feed is not None:
        facts = replace(facts, feed_tags=facts.feed_tags or feed.tags, trust=trust or feed.trust)
    rules = configuration.rules.rules
    tags = facts.tags or tuple(dict.fromkeys(tag for rule in facts.rules if rule in rules for tag in rules[rule].tags))
    return replace(facts, tags=tags)
