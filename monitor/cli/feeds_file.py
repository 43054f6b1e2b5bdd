"""Edits of feeds.yaml on a person's command: every character that the edit is not about stays as it is.

The YAML parser only tells where things stand; the text itself is edited. (ruamel.yaml, made for this, loses comments
that follow a list in brackets, which is how tags are written.)
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from monitor import yamlfile
from monitor.errors import ConfigError, MonitorError, Place, Problem, UsageError
from monitor.settings import FeedsFile
from monitor.settings.checks import check_feeds

_MODELINE = "# yaml-language-server: $schema=schema/feeds.json\n"
_PLAIN = re.compile(r"[^\W_][\w .,/()+&'’–—|!?@*;=%~:#-]*", re.UNICODE)
_NOT_PLAIN = re.compile(r": |:$| #|\s$|  |,$")


def feeds_path(config_dir: Path) -> Path:
    """Where the feeds of a configuration stand."""
    return config_dir / "feeds.yaml"


def add(path: Path, feeds: list[Mapping[str, Any]]) -> None:
    """Appends feeds. Raises ConfigError when the file would not be valid with them; then nothing is written."""
    _edit(path, lambda text: _with(text, path, feeds))


def would_add(path: Path, feed: Mapping[str, Any]) -> None:
    """Raises ConfigError when a feed, by itself, could not be appended. Writes nothing."""
    _check(_with(_text(path).replace("\r\n", "\n"), path, [feed]), path)


def _with(text: str, path: Path, feeds: list[Mapping[str, Any]]) -> str:
    """The text of feeds.yaml with feeds appended."""
    listed = _listed(text, path)
    if listed is None or not listed.value:
        return _without_empty_list(text, listed) + "".join(_block(feed, "  ") for feed in feeds)
    if listed.flow_style:
        end = listed.end_mark.index - 1
        return text[:end].rstrip() + "".join(f", {_flow(feed)}" for feed in feeds) + text[end:]
    indent = " " * listed.start_mark.column
    return text.rstrip("\n") + "\n" + "".join(_block(feed, indent) for feed in feeds)


def change(path: Path, feed_id: str, **values: Any) -> None:
    """Sets keys of one feed; None removes a key. Raises UsageError when there is no such feed."""

    def assign(text: str) -> str:
        for key, value in values.items():
            text = _assigned(text, _feed(text, path, feed_id), key, value)
        return text

    _edit(path, assign)


# ---- where things stand


@dataclass(frozen=True, slots=True)
class _FeedNode:
    """A feed's mapping: whether it is written in braces, and the nodes of its keys and values."""

    flow: bool
    pairs: dict[str, tuple[yaml.Node, yaml.Node]]


def _listed(text: str, path: Path) -> yaml.SequenceNode | None:
    """The list under `feeds:`; None when there is none yet."""
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(Problem(Place(str(path)), "the file is no valid YAML", "`licensewatch check`")) from error
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    found = next((value for key, value in pairs if key.value == "feeds"), None)
    return found if isinstance(found, yaml.SequenceNode) else None


def _feed(text: str, path: Path, feed_id: str) -> _FeedNode:
    listed = _listed(text, path)
    for node in listed.value if listed else ():
        if isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if "id" in pairs and pairs["id"][1].value == feed_id:
                return _FeedNode(bool(node.flow_style), pairs)
    raise UsageError(f"There is no feed {feed_id!r} in {path}.")


# ---- the edits


def _without_empty_list(text: str, listed: yaml.SequenceNode | None) -> str:
    """The text up to where the first feed belongs."""
    if listed is not None:
        text = text[: listed.start_mark.index].rstrip(" ") + text[listed.end_mark.index :]
    elif not re.search(r"^feeds\s*:", text, re.MULTILINE):
        text = text.rstrip("\n") + "\nfeeds:\n"
    return text.rstrip("\n") + "\n"


def _assigned(text: str, feed: _FeedNode, key: str, value: Any) -> str:
    if key in feed.pairs:
        name, old = feed.pairs[key]
        start, end = old.start_mark.index, old.end_mark.index
        if value is not None:
            return text[:start] + _scalar(value) + text[end:]
        line_start, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        alone = text[line_start : name.start_mark.index].strip() == "" and text[end:line_end].strip() == ""
        if alone and not feed.flow and line_end > 0:
            return text[:line_start] + text[line_end + 1 :]
        return text[:start] + "false" + text[end:]  # a comment or another key shares its line, and stays
    if value is None:
        return text
    name, url = feed.pairs["url"]
    end = url.end_mark.index
    if feed.flow:
        return text[:end] + f", {key}: {_scalar(value)}" + text[end:]
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    return text[:line_end] + f"\n{' ' * name.start_mark.column}{key}: {_scalar(value)}" + text[line_end:]


def _said(feed: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, _scalar(value)) for key, value in feed.items() if value not in (None, "", (), [])]


def _block(feed: Mapping[str, Any], indent: str) -> str:
    lines = [f"{key}: {value}" for key, value in _said(feed)]
    return indent + "- " + f"\n{indent}  ".join(lines) + "\n"


def _flow(feed: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in _said(feed)) + "}"


def _scalar(value: Any) -> str:
    """A value as YAML. Text that YAML might read otherwise is quoted as JSON quotes it, which YAML understands."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_quoted(str(one), inside=True) for one in value) + "]"
    return _quoted(str(value))


def _quoted(words: str, *, inside: bool = False) -> str:
    words = "".join(c for c in words if c.isprintable())  # the strict reader takes no control or bidi characters
    is_plain = _PLAIN.fullmatch(words) and not _NOT_PLAIN.search(words) and not (inside and "," in words)
    return words if is_plain else json.dumps(words, ensure_ascii=False)


# ---- the file


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return _MODELINE + "feeds: []\n"
    except (OSError, UnicodeDecodeError) as error:
        raise MonitorError(f"{path} cannot be read: {error}.") from error


def _edit(path: Path, edit: Callable[[str], str]) -> None:
    before = _text(path)
    windows = before.count("\n") == before.count("\r\n") > 0  # line ends as the file has them
    text = edit(before.replace("\r\n", "\n"))
    _check(text, path)
    _write(path, text.replace("\n", "\r\n") if windows else text)


def _check(text: str, path: Path) -> None:
    """The file as it would be, read as the daemon reads it."""
    node = yamlfile.parse(text, str(path))
    problems, _ = check_feeds(node, yamlfile.typed(node, FeedsFile).feeds)
    if problems:
        raise ConfigError(*problems)


def _write(path: Path, text: str) -> None:
    """Replaces the file in one step: the daemon, which watches it, never sees half of it."""
    target = path.resolve()  # a link to the real file stays a link
    unfinished = target.with_name(f".{target.name}.new")
    try:
        unfinished.write_bytes(text.encode("utf-8"))
        if target.exists():
            _as_it_was(unfinished, target.stat())
        unfinished.replace(target)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise MonitorError(
            f"{path} cannot be written: {error.strerror}. Run this as somebody who may write {target.parent}."
        ) from error


def _as_it_was(file: Path, was: os.stat_result) -> None:
    """Owner, group and rights of the file it replaces: root's edit must not shut the service out of its feeds."""
    for owner, group in ((was.st_uid, -1), (-1, was.st_gid)):
        with suppress(OSError):  # an ordinary account may not give a file away, but to a group of its own
            os.chown(file, owner, group)
    file.chmod(was.st_mode & 0o777)  # last: whoever gave it away as root may still set it


def new_id(title: str, url: str, taken: Collection[str]) -> str:
    """An id in words: of the title, else of the host; with a number when it is taken."""
    host = re.sub(r"^https?://(www\.)?", "", url.lower()).partition("/")[0].partition(":")[0]
    name = _slug(title) or _slug(host) or "feed"
    if name not in taken:
        return name
    return next(f"{name}-{number}" for number in range(2, len(taken) + 3) if f"{name}-{number}" not in taken)


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48].strip("-")


def tag_of(text: str) -> str:
    """A category of somebody's list as one of our tags: one lower-case word."""
    return _slug(text)
