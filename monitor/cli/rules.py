"""`licensewatch rules`: see the rules, try them on text, ask why, measure them."""

from __future__ import annotations

import json
import lzma
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from monitor import urls
from monitor.cli import backtest, output, show_rule
from monitor.cli.context import Context, current
from monitor.cli.numbers import LARGEST
from monitor.errors import StoreError, UsageError
from monitor.model import Entry, Hit, Shift, Span
from monitor.rules.document import Subject
from monitor.rules.evaluate import Judged, evaluate, wrong_facts
from monitor.rules.explain import Explained, explain_subject
from monitor.rules.rule_set import Rule, RuleSet
from monitor.store import entries, figures
from monitor.store.figures import Verdicts
from monitor.stories.weigh import entry_shift
from monitor.text import printable

app = typer.Typer(help="Rules: what is watched for, and why something matched or did not.", no_args_is_help=True)
app.command("backtest")(backtest.backtest)
app.command("show")(show_rule.show)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TextArgument = Annotated[
    str | None,
    typer.Argument(metavar="TEXT|URL", help="A title, the URL of a stored entry, or - for stdin.", show_default=False),
]
SummaryOption = Annotated[str, typer.Option("--summary", metavar="TEXT", help="The summary that goes with the title.")]
EntryOption = Annotated[int | None, typer.Option("--entry", metavar="ID", max=LARGEST, help="A stored entry.")]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="Lines of titles, or of JSON objects with title, summary …"),
]


@app.command("list")
def list_(ctx: typer.Context, json_: Json = False) -> None:
    """List the rules in the order of the files, with how right people in Slack say they are."""
    context = current(ctx)
    rules = context.configuration().rules.rules.values()
    said = _said(context)
    if json_:
        output.emit_json(
            [
                {
                    "id": rule.id,
                    "title": rule.title,
                    "severity": rule.severity,
                    "version": rule.version,
                    "tags": rule.tags,
                    "place": str(rule.place),
                    "feedback": _judged(figures.of_rule(said, rule.id)),
                    "feedback_this_version": _judged(said.get((rule.id, rule.version), Verdicts())),
                }
                for rule in rules
            ]
        )
        return
    rows = [
        (rule.id, rule.severity, rule.title, _precision(said, rule), " ".join(rule.tags), rule.place) for rule in rules
    ]
    output.table("Rules", ("id", "severity", "title", "precision", "tags", "where"), rows)


def _said(context: Context) -> dict[tuple[str, str], Verdicts]:
    """Feedback by rule and version; none, and a warning, where the database cannot be looked into."""
    try:
        with context.database().read() as conn:
            return figures.verdicts(conn)
    except StoreError as error:
        output.warn(f"no feedback is shown: {error}")
        return {}


def _judged(one: Verdicts) -> dict[str, int | float | None]:
    share = one.relevant / one.judged if one.judged else None
    return {"relevant": one.relevant, "noise": one.noise, "precision": share}


def _precision(said: dict[tuple[str, str], Verdicts], rule: Rule) -> str:
    """In percent over all versions, and over the one in force where others were judged too."""
    every, this = figures.of_rule(said, rule.id), said.get((rule.id, rule.version), Verdicts())
    if not every.judged:
        return ""
    now = f"; this version {this.precision} % of {this.judged}" if this.judged not in (0, every.judged) else ""
    return f"{every.precision} % of {every.judged}{now}"


@app.command()
def test(
    ctx: typer.Context,
    text: TextArgument = None,
    summary: SummaryOption = "",
    file: FileOption = None,
    entry: EntryOption = None,
    json_: Json = False,
) -> None:
    """Show which rules match a text, a file, a stored entry or stdin, and the shift they read there.

    As in: licensewatch rules test "Example Lab closes its open model" --summary "It said so on Monday."
    """
    context = current(ctx)
    rules = context.configuration().rules
    results = [
        (one, rules.match(one.entry, feed_tags=one.feed_tags, feed_id=one.feed_id))
        for one in _subjects(context, text, summary, file, entry)
    ]
    if json_:
        output.emit_json(
            [{"title": one.entry.title, "hits": [_hit_record(hit) for hit in hits]} for one, hits in results]
        )
        return
    for one, hits in results:
        _print_hits(one, hits)


@app.command()
def explain(
    ctx: typer.Context,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The id of a rule.")],
    text: TextArgument = None,
    summary: SummaryOption = "",
    entry: EntryOption = None,
    json_: Json = False,
) -> None:
    """Show clause by clause why a rule matches a text or a stored entry, or which clause failed.

    As in: licensewatch rules explain leaves-open "Example Lab closes its open model"
    """
    context = current(ctx)
    rules = context.configuration().rules
    known = show_rule.known_rule(rules, rule)
    explained = [(one, explain_subject(rules, known.id, one)) for one in _subjects(context, text, summary, None, entry)]
    if json_:
        output.emit_json([{"title": one.entry.title, "explained": _tree_record(one, tree)} for one, tree in explained])
        return
    for one, tree in explained:
        output.stdout().print(_drawn(one, tree))


@app.command("eval")
def eval_(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE.jsonl", help="Labelled items, one JSON object a line (.xz too).")
    ],
    json_: Json = False,
) -> None:
    """Measure the rules on labelled items: precision, recall, and how often the facts were read right."""
    rules = current(ctx).configuration().rules
    rows = list(read_rows(file))
    if not rows:
        raise UsageError(f"{file} holds no items.")
    with output.progress("evaluating", len(rows)) as advance:
        judged = []
        for row in rows:
            judged.append(Judged(row, judge(rules, row)))
            advance()
    record = evaluate(judged, rules.canonical)
    if json_:
        output.emit_json(record)
    else:
        _print_evaluation(record, judged)


def judge(rules: RuleSet, row: dict[str, Any]) -> Shift | None:
    """The shift that the rules read in a line of an evaluation file; None when none matches."""
    source = str(row.get("source") or "")
    made = Entry(source, (), str(row["title"]), str(row.get("summary") or ""), url=str(row.get("url") or ""))
    hits = rules.match(made)
    return entry_shift(hits) if hits else None


def read_rows(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines, packed with xz or not. UsageError names the line that is none."""
    try:
        with (lzma.open if file.suffix == ".xz" else open)(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _row(f"{file}:{number}", line)
    except (OSError, UnicodeDecodeError, lzma.LZMAError) as error:
        raise UsageError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _row(where: str, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise UsageError(f"{where}: this line is no JSON: {error}") from None
    if not isinstance(row, dict) or not {"id", "title"} <= set(row):
        raise UsageError(f'{where}: an object with at least "id" and "title" is wanted')
    if row.get("label") not in (None, "", "shift", "none"):
        raise UsageError(f'{where}: found the label {row["label"]!r}, allowed: "shift", "none", or no label')
    return row


def _subjects(
    context: Context, text: str | None, summary: str, file: Path | None, entry_id: int | None
) -> list[Subject]:
    """What the arguments name. UsageError when they name nothing, or something that is not stored."""
    found = _named(context, text, summary, file, entry_id)
    if not found:
        raise UsageError(f"There is no text in {file or 'what was piped in'}: give a title a line.")
    return found


def _named(context: Context, text: str | None, summary: str, file: Path | None, entry_id: int | None) -> list[Subject]:
    if sum((text is not None, file is not None, entry_id is not None)) > 1:
        raise UsageError("Give one of: a text, --file, --entry.")
    if entry_id is not None or (text is not None and urls.is_web(text)):
        return _stored(context, text, entry_id)
    if file is not None:
        return _lines(file)
    if text is None and summary:
        return [Subject(Entry("", (), "", summary))]
    if text is None and sys.stdin.isatty():
        raise UsageError("Give a text, a URL, --file or --entry, or pipe lines in.")
    if text in {None, "-"}:
        return [_subject(line) for line in sys.stdin if line.strip()]
    if not f"{text}{summary}".strip():
        raise UsageError("The text is empty: give a title, a URL, --file or --entry, or pipe lines in.")
    return [Subject(Entry("", (), text or "", summary))]


def _lines(file: Path) -> list[Subject]:
    try:
        return [_subject(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _subject(line: str) -> Subject:
    """A line as an entry: a title, or an object with title, summary and more."""
    try:
        row = json.loads(line) if line.lstrip().startswith("{") else None
    except ValueError:
        row = None
    if not isinstance(row, dict):
        return Subject(Entry("", (), line.strip()))
    known = {name: str(row[name]) for name in ("title", "summary", "content", "author", "url") if row.get(name)}
    return Subject(replace(Entry(str(row.get("feed") or ""), (), ""), **known))  # type: ignore[arg-type]  # all are text


def _stored(context: Context, url: str | None, entry_id: int | None) -> list[Subject]:
    with context.database().read() as conn:
        one = entries.get(conn, entry_id) if entry_id is not None else None
        found = [one] if one else entries.by_url(conn, urls.url_hash(url)) if url else []
    if not found:
        raise UsageError(
            f"No entry {entry_id if url is None else url} is stored. `licensewatch feeds test` reads a feed."
        )
    tags = {feed.id: feed.tags for feed in context.configuration().feeds}
    return [Subject(each.entry, tags.get(each.entry.feed_id, ()), each.entry.feed_id) for each in found]


def _hit_record(hit: Hit) -> dict[str, Any]:
    return {
        "rule": hit.rule_id,
        "version": hit.rule_version,
        "severity": hit.severity,
        "spans": [asdict(span) for span in hit.spans],
        "shift": hit.shift,
    }


def _print_hits(subject: Subject, hits: Iterable[Hit]) -> None:
    console = output.stdout()
    found = list(hits)
    spans = [span for hit in found for span in hit.spans]
    for field in ("title", "summary"):
        if getattr(subject.entry, field):
            console.print(_highlighted(subject.entry, field, spans))
    if not found:
        console.print(Text("  no rule matches", style="dim"))
    for hit in found:
        shift = hit.shift
        facts = [", ".join(shift.orgs), ", ".join(shift.models), f"{shift.direction} · {shift.stage} · {shift.object}"]
        facts.append(f"{shift.from_ or '?'} → {shift.to or '?'}" if shift.from_ or shift.to else "")
        facts.append("denied" if shift.denied else "")
        facts.append(f"confidence {shift.confidence} ({', '.join(shift.reasons)})")
        line = " · ".join(fact for fact in facts if fact)
        console.print(
            Text(f"  {hit.rule_id} [{hit.severity}]  ", style="bold").append(printable(line), style="not bold")
        )


def _highlighted(entry: Entry, field: str, spans: Iterable[Span]) -> Text:
    """A field with the spans marked; what is not printable is written out, between the marks."""
    content = getattr(entry, field)
    edges = sorted({0, len(content), *(edge for s in spans if s.field == field for edge in (s.start, s.end))})
    shown = Text()
    for start, end in pairwise(edges):
        inside = any(s.field == field and s.start <= start and end <= s.end for s in spans)
        shown.append(printable(content[start:end], lines=False), style="bold reverse" if inside else "")
    return shown


def _tree_record(subject: Subject, tree: Explained) -> dict[str, Any]:
    return {
        "clause": tree.clause,
        "kind": tree.kind,
        "matched": tree.held,
        "note": tree.note,
        "spans": [{**asdict(span), "text": _cut(subject.entry, span)} for span in tree.spans],
        "parts": [_tree_record(subject, part) for part in tree.parts],
    }


def _cut(entry: Entry, span: Span) -> str:
    return str(getattr(entry, span.field))[span.start : span.end]


def _drawn(subject: Subject, tree: Explained) -> Tree:
    spans = tree.spans or [span for part in tree.parts for span in part.spans]
    label = Text.assemble(_mark(tree), " ", _highlighted(subject.entry, "title", spans))
    drawn = Tree(label)
    if subject.entry.summary:
        drawn.add(_highlighted(subject.entry, "summary", spans))
    for part in tree.parts:
        _add(drawn, subject, part)
    return drawn


def _add(drawn: Tree, subject: Subject, tree: Explained) -> None:
    label = Text.assemble(_mark(tree), " ", printable(" ".join(tree.clause.split())))
    words = dict.fromkeys(_cut(subject.entry, span) for span in tree.spans)
    if words and not tree.parts:
        label.append(f"  {', '.join(printable(word) for word in words)}", style="cyan")
    if tree.note:
        label.append(f"  ({printable(tree.note)})", style="dim")
    branch = drawn.add(label)
    for part in tree.parts:
        _add(branch, subject, part)


def _mark(tree: Explained) -> Text:
    return Text("✓", style="green") if tree.held else Text("✗", style="red")


def _print_evaluation(record: dict[str, Any], judged: list[Judged]) -> None:
    if record["items"]:
        names = ("items", "precision", "recall", "f1", "direction_accuracy", "stage_accuracy", "org_f1", "model_f1")
        rows = [("all", *(record[name] for name in names)), ("strict", *(record["strict"][name] for name in names))]
        headings = ("", *(name.replace("_", " ") for name in names))
        output.table("Labelled items", headings, rows, right=headings[1:])
        _print_misses(record, {one.id: one for one in judged})
    if "unlabelled" in record:
        rows = [(name or "-", *stream.values()) for name, stream in record["by_stream"].items()]
        rows.append(("all", record["unlabelled"], sum(row[2] for row in rows), record["alerts_per_1000"]))
        columns = ("stream", "items", "alerts", "per 1000")
        output.table("Items without a label", columns, rows, right=columns[1:])


def _print_misses(record: dict[str, Any], by_id: dict[str, Judged]) -> None:
    missed = [(number, by_id[number].row["title"]) for number in record["false_negatives"]]
    false = [(number, by_id[number].row["title"]) for number in record["false_positives"]]
    misread = [
        (one.id, f"{name}: {said}", one.row["title"])
        for one in by_id.values()
        if one.wanted and one.found
        for name, said in wrong_facts(one).items()
    ]
    for title, columns, rows in (
        ("Missed", ("id", "title"), missed),
        ("False alarms", ("id", "title"), false),
        ("Misread", ("id", "what", "title"), misread),
    ):
        if rows:
            output.table(title, columns, rows)
