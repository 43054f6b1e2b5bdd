"""`demo`: one made-up story through the real pipeline, offline, in under a minute."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.panel import Panel
from rich.text import Text

from monitor import settings
from monitor.alerts.console import lines
from monitor.cli import output
from monitor.errors import MonitorError, UsageError
from monitor.model import Message
from monitor.testing.demo import ACTS, Played, play
from monitor.text import printable

_LINK = re.compile(r"<https?://[^|>]+\|([^>]*)>")  # Slack shows the label of a link, not its address


def demo(
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Work there and keep configuration, database and page.")
    ] = None,
) -> None:
    """Play a made-up story: four outlets tell of one shift, rumour to reversal, and Slack grows one message.

    The daemon is the real one, with its own configuration and database; feeds and Slack are stand-ins on this machine.
    """
    output.say(
        "A made-up story, told by four made-up outlets. The daemon is the real one; nothing leaves this machine.\n"
    )
    if keep is not None:
        try:
            keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--keep {keep}: the directory cannot be made: {error.strerror}.") from None
        _finish(_play(keep), keep)
        return
    with tempfile.TemporaryDirectory(prefix="licensewatch-demo-") as scratch:
        _finish(_play(Path(scratch)), None)


def _play(root: Path) -> Played:
    try:
        return asyncio.run(play(root.absolute(), settings.packaged_config() / "rules", _tell))
    except AssertionError as error:
        log = root / "daemon.log"
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]) if log.exists() else ""
        raise MonitorError(f"The demo stopped: {error}. The last lines of the daemon:\n{tail}") from None


def _tell(words: str, message: Mapping[str, Any] | None) -> None:
    console = output.stdout()
    console.soft_wrap = False
    if message is None:
        console.print(Text(f"» {printable(words)}", style="bold cyan"))
        return
    kind = "reply in the thread" if "thread_ts" in message else "message"
    if message.get("subtype") == "thread_broadcast":
        kind = "reply, also sent to the channel"
    blocks = json.loads(_LINK.sub(r"\1", json.dumps(message.get("blocks") or [])))
    shown = Message(message.get("text", ""), tuple(blocks))
    title = f"Slack #licensing-demo: {kind} {words}"
    console.print(Panel(Text("\n").join(lines(shown)), title=title, title_align="left", width=min(console.width, 110)))


def _finish(played: Played, kept: Path | None) -> None:
    top = sum("thread_ts" not in message for message in played.messages)
    output.say(
        f"\n{len(ACTS)} reports became {top} message with {len(played.messages) - top} replies "
        f"({played.posts} posts, {played.edits} edits)."
    )
    if kept is not None:
        output.say(f"Configuration, database and log: {kept}. As Slack would show it: {played.page}")
    else:
        output.say("See it as Slack would show it: licensewatch demo --keep DIR, then open DIR/slack.html")
    output.say("Next: make run")
