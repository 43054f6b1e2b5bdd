"""`licensewatch slack`: connect Slack, find out what is missing, send a test message."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Any

import typer
import yaml

from monitor import settings
from monitor.alerts import render, slack_check
from monitor.alerts.outcome import remedy
from monitor.alerts.receivers import (
    ConfiguredReceiver,
    ConsoleReceiver,
    Posting,
    Receipt,
    SlackReceiver,
    WebhookReceiver,
)
from monitor.alerts.slack import SlackChannel
from monitor.alerts.slack_check import Finding
from monitor.alerts.webhook import Webhook
from monitor.cli import output
from monitor.cli.context import current
from monitor.deliver.options import new_id
from monitor.errors import DeliveryError, UsageError
from monitor.settings import credentials

app = typer.Typer(help="Connect Slack: check, test, manifest.", no_args_is_help=True)

SlackLike = SlackReceiver | WebhookReceiver
Name = Annotated[str, typer.Option("--receiver", metavar="NAME", help="Only this receiver.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(ctx: typer.Context, receiver: Name = "", json_: Json = False) -> None:
    """Look at credentials, scopes and membership of every Slack receiver. Posts nothing."""
    found = {one.name: asyncio.run(_findings(one)) for one in _receivers(ctx, receiver)}
    if json_:
        output.emit_json({name: list(findings) for name, findings in found.items()})
    else:
        for name, findings in found.items():
            _print(name, findings)
    if any(finding.ok is False for findings in found.values() for finding in findings):
        raise typer.Exit(1)


@app.command()
def test(ctx: typer.Context, receiver: Name = "", json_: Json = False) -> None:
    """Post one test message to every Slack receiver."""
    results = [asyncio.run(_send_test(one)) for one in _receivers(ctx, receiver)]
    if json_:
        output.emit_json(results)
    for result in results:
        if result["ok"] and not json_:
            output.say(f"{result['receiver']}: posted" + (f" as {result['ts']}" if result["ts"] else ""))
        elif not result["ok"]:
            output.fail(f"{result['receiver']}: {result['error']}. What to do: {result['remedy']}.")
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)


@app.command()
def manifest(
    acting: Annotated[
        bool, typer.Option("--acting", help="With buttons and /licensewatch, through Socket Mode (one scope more).")
    ] = False,
    json_: Json = False,
) -> None:
    """Print the app manifest: paste it at api.slack.com/apps, Create New App, From a manifest."""
    made = slack_check.manifest(acting=acting)
    if json_:
        output.emit_json(made)
        return
    output.say(yaml.safe_dump(made, sort_keys=False, allow_unicode=True).rstrip())
    output.note("Then: install the app, copy the bot token (xoxb-…) into SLACK_BOT_TOKEN, /invite @licensewatch.")
    if acting:
        output.note(
            "And: Basic Information, App-Level Tokens, Generate, scope connections:write; the token (xapp-…) into "
            "SLACK_APP_TOKEN."
        )


def _receivers(ctx: typer.Context, name: str) -> list[SlackLike]:
    every: tuple[ConfiguredReceiver, ...] = current(ctx).settings().receivers
    found = [one for one in every if not isinstance(one, ConsoleReceiver) and name in ("", one.name)]
    if not found:
        known = ", ".join(one.name for one in every if not isinstance(one, ConsoleReceiver)) or "none"
        raise UsageError(f"no Slack receiver {name!r} in monitor.yaml; there is: {known}".replace(" ''", ""))
    return found


async def _findings(one: SlackLike) -> list[Finding]:
    secret = settings.credential(one.credential, os.environ)
    if secret is None:
        return [slack_check.missing(one.credential, credentials.places_of(one.credential, os.environ))]
    where = Finding("credential", True, f"{one.credential} found in {secret.where}")
    if isinstance(one, SlackReceiver):
        return [where, *await slack_check.check_channel(one, secret.value), await _app_token(one)]
    return [where, *await slack_check.check_webhook(one, secret.value)]


async def _app_token(one: SlackReceiver) -> Finding:
    token = settings.credential(one.app_credential, os.environ)
    if token is None:
        return slack_check.no_app_token(one.app_credential, credentials.places_of(one.app_credential, os.environ))
    return await slack_check.check_app_token(one, token.value)


def _print(name: str, findings: list[Finding]) -> None:
    signs = {True: "ok", False: "MISSING", None: "could be better"}
    rows = [(finding.what, signs[finding.ok], finding.says, finding.remedy) for finding in findings]
    output.table(name, ("what", "state", "found", "what to do"), rows)


async def _send_test(one: SlackLike) -> dict[str, Any]:
    secret = settings.credential(one.credential, os.environ)
    result: dict[str, Any] = {"receiver": one.name, "ok": False, "channel": None, "ts": None}
    if secret is None:
        finding = slack_check.missing(one.credential, credentials.places_of(one.credential, os.environ))
        return result | {"error": finding.says, "remedy": finding.remedy}
    target = SlackChannel(one, secret.value) if isinstance(one, SlackReceiver) else Webhook(secret.value)
    text = f"Receiver {one.name} works. Alerts about changes in how AI models may be used will stand here."
    message = render.notice({"title": "licensewatch is connected", "text": text})
    try:
        receipt: Receipt = await target.send(message, Posting(f"test-{new_id()}"))
    except DeliveryError as error:
        return result | {"error": str(error), "remedy": remedy(error.code)}
    finally:
        await target.close()
    return result | {"ok": True, "channel": receipt.channel, "ts": receipt.ts}
