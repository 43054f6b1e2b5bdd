"""What the shape of a file cannot say: names that must exist, be unique, or be URLs. Pure: nodes and values in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

from monitor.alerts.decide import AlertPolicy, Route
from monitor.errors import Problem
from monitor.feeds.identify import EntryPolicy
from monitor.model import Feed, Rhythm
from monitor.rules.rule_set import RuleSet
from monitor.settings.shape import MonitorFile
from monitor.yamlfile import MappingNode, Node, find, format_duration, nearest, problem

SHORT = timedelta(minutes=1)  # shorter intervals are for tests and for servers of one's own
SHORTEST_KEPT = timedelta(days=1)  # of what retention lets go of: anything less is a slip
DEFAULT_RECEIVER = "slack"  # its name, when monitor.yaml says nothing of receivers
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ID_WORDS = "letters, digits, '.', '_' and '-', at most 64, beginning with a letter or digit"


def check_feeds(node: Node, feeds: Sequence[Feed]) -> tuple[list[Problem], list[str]]:
    """Problems and warnings of feeds.yaml: ids and URLs are valid and unique."""
    problems: list[Problem] = []
    warnings: list[str] = []
    ids: dict[str, Node] = {}
    urls: dict[str, str] = {}
    for i, feed in enumerate(feeds):
        at = find(node, "feeds", i)
        name, url = find(at, "id"), find(at, "url")
        if not _ID.fullmatch(feed.id):
            problems.append(problem(name, f"feeds[{i + 1}].id: found '{feed.id[:80]}', allowed: {_ID_WORDS}"))
        elif feed.id in ids:
            message = f"feeds[{i + 1}].id: '{feed.id}' is taken (line {ids[feed.id].line})"
            problems.append(problem(name, message, "ids are unique; the history hangs on them"))
        ids.setdefault(feed.id, name)
        fault = url_fault(feed.url)
        if fault:
            problems.append(problem(url, f"feeds[{i + 1}].url: {fault}"))
            continue
        other = urls.setdefault(same_url_key(feed.url), feed.id)
        if other != feed.id:
            message = f"feeds[{i + 1}].url: feed '{other}' (line {ids[other].line}) polls this URL already"
            problems.append(problem(url, message, "delete one of the two"))
        problems += _rhythm_problems(at, feed, f"feeds[{i + 1}]")
        warnings += _short(find(at, "interval"), f"feed {feed.id}: interval", feed.interval)
    if not feeds:
        warnings.append(f"{node.place}: no feeds, so nothing will be polled (`licensewatch feeds add URL`)")
    return problems, warnings


def _rhythm_problems(at: Node, feed: Feed, path: str) -> list[Problem]:
    if feed.interval is not None and feed.interval <= timedelta(0):
        return [problem(find(at, "interval"), f"{path}.interval: found 0, it must be longer than nothing")]
    if feed.interval is not None and feed.rhythm is Rhythm.LEARNT:
        remedy = "delete one of the two: `interval` fixes the rhythm"
        return [problem(find(at, "rhythm"), f"{path}.rhythm: learnt contradicts `interval`", remedy)]
    return []


def url_fault(url: str) -> str:
    """What keeps a text from being the URL of a feed, in words; "" when nothing does."""
    shown = f"found '{url[:120]}'"
    try:
        parts = urlsplit(url)
        port_known = parts.port is None or parts.port > 0
    except ValueError as error:
        return f"{shown}: {error}"
    if parts.scheme not in {"http", "https"}:
        return f"{shown}, a URL that begins with https:// or http:// is wanted"
    if not parts.hostname or not port_known or re.search(r"\s", url):
        return f"{shown}, which is no complete URL"
    if "@" in parts.netloc:
        return "the URL holds a user name or password, which would be shown in logs and lists; it is not allowed"
    return ""


def same_url_key(url: str) -> str:
    """Equal for URLs that lead to the same document: scheme, case of the host, default port and fragment aside."""
    parts: SplitResult = urlsplit(url)
    port = "" if parts.port in {None, 80, 443} else f":{parts.port}"
    query = f"?{parts.query}" if parts.query else ""
    return f"{(parts.hostname or '').lower()}{port}{parts.path or '/'}{query}"


def check_monitor(node: Node, monitor: MonitorFile) -> list[Problem]:
    """Problems of monitor.yaml: receivers have unique names, routes and ops name receivers that exist."""
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for i, receiver in enumerate(monitor.receivers):
        at = find(node, "receivers", i, "name")
        if not _ID.fullmatch(receiver.name):
            problems.append(problem(at, f"receivers[{i + 1}].name: found '{receiver.name[:80]}', allowed: {_ID_WORDS}"))
        elif receiver.name in seen:
            message = f"receivers[{i + 1}].name: '{receiver.name}' is taken (line {seen[receiver.name]})"
            problems.append(problem(at, message, "names are unique"))
        seen.setdefault(receiver.name, at.line)
    said = isinstance(node, MappingNode) and "receivers" in node.values
    names = tuple(seen) if said else (DEFAULT_RECEIVER,)
    for i, route in enumerate(monitor.routes):
        problems += _unknown_receivers(node, ("routes", i, "to"), route.receivers, names)
    problems += _polling_problems(node, monitor)
    problems += _retention_problems(node, monitor)
    problems += _unknown_receivers(node, ("ops", "to"), monitor.ops.receivers, names)
    return problems


def _polling_problems(node: Node, monitor: MonitorFile) -> list[Problem]:
    polling = monitor.polling
    problems = [
        problem(find(node, "polling", key), f"polling.{key}: found 0, it must be longer than nothing")
        for key in ("interval", "max_interval", "timeout")
        if getattr(polling, key) <= timedelta(0)
    ]
    if polling.max_interval < polling.interval:
        at = find(node, "polling", "max_interval") if _said(node, "max_interval") else find(node, "polling", "interval")
        longest, interval = format_duration(polling.max_interval), format_duration(polling.interval)
        problems.append(problem(at, f"polling.max_interval ({longest}) is shorter than polling.interval ({interval})"))
    return problems


def _retention_problems(node: Node, monitor: MonitorFile) -> list[Problem]:
    return [
        problem(find(node, "retention", key), f"retention.{key}: {fault}")
        for key in ("entries", "stories")
        if _said(node, key, "retention")
        and (fault := retention_fault(key, getattr(monitor.retention, key), monitor.entries, monitor.alerts))
    ]


def retention_fault(key: str, kept: timedelta, entries: EntryPolicy, alerts: AlertPolicy) -> str:
    """Why `entries` or `stories` must be kept for longer than that, in words; "" when they need not."""
    least, setting, why = {
        "entries": (entries.max_age, "entries.max_age", "what may still alert needs its text"),
        "stories": (alerts.repeat_after, "alerts.repeat_after", "a story that was forgotten is told anew"),
    }[key]
    if kept >= max(least, SHORTEST_KEPT):
        return ""
    if least < SHORTEST_KEPT:
        return f"found {format_duration(kept)}, at least {format_duration(SHORTEST_KEPT)} is wanted"
    return f"found {format_duration(kept)}, shorter than {setting} ({format_duration(least)}): {why}"


def _said(node: Node, key: str, section: str = "polling") -> bool:
    found = find(node, section)
    return isinstance(found, MappingNode) and key in found.values


def _unknown_receivers(
    node: Node, path: tuple[str | int, ...], to: Iterable[str], names: Sequence[str]
) -> list[Problem]:
    problems = []
    for i, name in enumerate(to):
        if name in names:
            continue
        close = nearest(name, names)
        remedy = f"did you mean '{close}'?" if close else f"receivers: {', '.join(names)}"
        message = f"{_dotted(path)}: no receiver is named '{name[:80]}'"
        problems.append(problem(find(node, *path, i), message, remedy))
    return problems


def _dotted(path: Sequence[str | int]) -> str:
    return "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def match_warnings(routes: Sequence[Route], feeds: Sequence[Feed], rules: RuleSet) -> list[str]:
    """Routes that ask for rules, tags or feeds which nothing has: no error, they may be on their way."""
    known = {
        "rule": set(rules.rules),
        "tag": {tag for rule in rules.rules.values() for tag in rule.tags},
        "feed": {feed.id for feed in feeds},
        "feed_tag": {tag for feed in feeds for tag in feed.tags},
    }
    found = []
    for i, route in enumerate(routes, 1):
        for key, names in known.items():
            asked = getattr(route.match, key) or ()
            for name in (asked,) if isinstance(asked, str) else asked:
                close = nearest(name, names)
                hint = f" (did you mean '{close}'?)" if close else ""
                if name not in names:
                    found.append(f"monitor.yaml: routes[{i}].match.{key}: nothing is named '{name}'{hint}")
    return found + _unknown_feeds(known["feed"], rules)


def _unknown_feeds(known: Collection[str], rules: RuleSet) -> list[str]:
    """Rules that ask for a feed which feeds.yaml does not have."""
    asked = {value for name, value in rules.index.ids if name == "feed"}
    found = []
    for name in sorted(asked.difference(known)):
        close = nearest(name, known)
        hint = f" (did you mean '{close}'?)" if close else ""
        found.append(f"rules: a query says feed:{name}, and no feed is named so{hint}")
    return found


def intervals_warnings(node: Node, monitor: MonitorFile) -> list[str]:
    """Intervals so short that publishers may mind."""
    polling = monitor.polling
    return [
        *_short(find(node, "polling", "interval"), "polling.interval", polling.interval),
        *_short(find(node, "polling", "max_interval"), "polling.max_interval", polling.max_interval),
    ]


def _short(at: Node, what: str, interval: timedelta | None) -> list[str]:
    if interval is None or interval >= SHORT:
        return []
    return [f"{at.place}: {what} is {format_duration(interval)}; publishers block clients that poll so often"]
