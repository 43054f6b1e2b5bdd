"""Edits of feeds.yaml on a person's command: comments, order and quotes stay as they are."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from monitor import yamlfile
from monitor.errors import ConfigError, MonitorError, Place, Problem, UsageError
from monitor.settings import FeedsFile
from monitor.settings.checks import check_feeds

_MODELINE = "# yaml-language-server: $schema=schema/feeds.json\n"


def feeds_path(config_dir: Path) -> Path:
    """Where the feeds of a configuration stand."""
    return config_dir / "feeds.yaml"


def add(path: Path, feeds: list[Mapping[str, Any]]) -> None:
    """Appends feeds. Raises ConfigError when the file would not be valid with them; then nothing is written."""

    def append(root: CommentedMap) -> None:
        if not isinstance(root.get("feeds"), CommentedSeq):
            root["feeds"] = CommentedSeq()
        for feed in feeds:
            root["feeds"].append(_mapping(feed))

    _edit(path, append)


def change(path: Path, feed_id: str, **values: Any) -> None:
    """Sets keys of one feed; None removes a key. Raises UsageError when there is no such feed."""

    def assign(root: CommentedMap) -> None:
        feed = next((one for one in root.get("feeds") or () if str(one.get("id")) == feed_id), None)
        if feed is None:
            raise UsageError(f"There is no feed {feed_id!r} in {path}.")
        for key, value in values.items():
            if value is None:
                feed.pop(key, None)
            else:
                feed[key] = value

    _edit(path, assign)


def _mapping(feed: Mapping[str, Any]) -> CommentedMap:
    mapping = CommentedMap()
    for key, value in feed.items():
        if value in (None, "", (), []):
            continue
        mapping[key] = _flow(value) if isinstance(value, list | tuple) else value
    return mapping


def _flow(values: Collection[str]) -> CommentedSeq:
    sequence = CommentedSeq(values)
    sequence.fa.set_flow_style()
    return sequence


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _edit(path: Path, edit: Callable[[CommentedMap], None]) -> None:
    yaml = _yaml()
    try:
        before = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        before = _MODELINE + "feeds: []\n"
    except OSError as error:
        raise MonitorError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        root = yaml.load(before)
    except YAMLError as error:
        raise ConfigError(Problem(Place(str(path)), "the file is no valid YAML", "`licensewatch check`")) from error
    edit(root if root is not None else CommentedMap())
    stream = io.StringIO()
    yaml.dump(root, stream)
    text = stream.getvalue()
    _check(text, path)
    _write(path, text)


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
        unfinished.write_text(text, encoding="utf-8")
        if target.exists():
            unfinished.chmod(target.stat().st_mode & 0o777)
        unfinished.replace(target)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise MonitorError(f"{path} cannot be written: {error.strerror}.") from error


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
