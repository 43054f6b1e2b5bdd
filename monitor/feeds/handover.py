"""A document fetched by hand, kept for the feed's first poll: so that nobody is asked twice for it.

`feeds add` has to look at a feed before it is one; the daemon, often another process, polls it seconds later. The
document waits in a file of the state directory and is used up by the first unconditional fetch of its URL.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from pathlib import Path

from monitor.model import Document

KEPT_S = 24 * 3600  # older ones are stale: the publisher may be asked again


def _path(inbox: Path, url: str) -> Path:
    return inbox / f"{hashlib.blake2b(url.encode('utf-8', 'replace'), digest_size=16).hexdigest()}.json"


def keep(inbox: Path, url: str, document: Document) -> None:
    """Keeps a document for the first poll of `url` (raises OSError when the directory cannot be written)."""
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    value = {
        "url": document.url,
        "headers": dict(document.headers),
        "permanent_url": document.permanent_url,
        "body": base64.b64encode(document.body).decode("ascii"),
    }
    path = _path(inbox, url)
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(value), encoding="utf-8")
    unfinished.replace(path)


def take(inbox: Path, url: str) -> Document | None:
    """The document kept for `url`, which is used up by this; None when there is none, or only an old one."""
    path = _path(inbox, url)
    try:
        age = time.time() - path.stat().st_mtime
        text = path.read_text(encoding="utf-8")
        path.unlink()
        value = json.loads(text)
        body = base64.b64decode(value["body"], validate=True)
        document = Document(value["url"], 200, dict(value["headers"]), body, value["permanent_url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return document if -60 < age < KEPT_S else None
