"""The Slack stand-in as a program of its own: `python -m monitor.testing.slack_server`."""

from __future__ import annotations

import argparse
import asyncio
import sys

from monitor.testing.slack_server import SlackServer

_EPILOG = """\
Point a client's base URL at the printed api_url and use the printed tokens. Then, with curl or a browser:

  GET  /                      the channels as Slack shows them (?theme=dark)
  GET  /_control/record       every call, every message, every envelope with its answers
  POST /_control/faults       [{"method": "chat.postMessage", "answer": "drop", "stored": true, "times": 3}]
  POST /_control/delete       {"channel": "C0TEST", "ts": "…"}: a person deletes a message
  POST /_control/token        {"token": "xoxb-test", "error": "token_revoked"}; "error": "" mends it,
                              "scopes": ["chat:write"] takes the others away
  POST /_control/archive      {"channel": "C0TEST"}; "archived": false opens it again
  POST /_control/press        {"channel_id": "C0TEST", "ts": "…", "action_id": "…", "user": "U0ANN"}
  POST /_control/command      {"text": "status", "command": "/licensewatch"}
  POST /_control/disconnect   {"reason": "refresh_requested"}: every websocket is asked to come back
"""


def main(words: list[str] | None = None) -> None:
    """Serve until interrupted; the first lines say how to connect."""
    parser = argparse.ArgumentParser(
        prog="python -m monitor.testing.slack_server",
        description="A make-believe Slack on loopback: Web API, incoming webhooks, Socket Mode, limits, rate, faults.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("port", nargs="?", type=int, default=9470, help="where to listen (9470; 0: any free port)")
    parser.add_argument("--rate", type=float, default=1.0, help="messages a second and channel, edits included (1)")
    parser.add_argument("--burst", type=int, default=1, help="so many of them at once (1)")
    parser.add_argument("--no-limit", action="store_true", help="take messages as fast as they come")
    parser.add_argument("--token", default="xoxb-test", help="the bot token (xoxb-test)")
    parser.add_argument("--app-token", default="xapp-test", help="the app token, for Socket Mode (xapp-test)")
    parser.add_argument("--channel", action="append", metavar="ID", help="a channel (C0TEST); may be given more often")
    chosen = parser.parse_args(words)
    try:
        asyncio.run(_serve(chosen))
    except KeyboardInterrupt:
        sys.stdout.write("\n")
    except OSError as error:
        sys.exit(f"cannot listen on port {chosen.port}: {error.strerror}. Give another port, or 0 for any free one.")


async def _serve(chosen: argparse.Namespace) -> None:
    rate = None if chosen.no_limit else chosen.rate
    async with SlackServer(rate=rate, burst=chosen.burst, port=chosen.port) as server:
        server.bot(chosen.token)
        server.app(chosen.app_token)
        channels = chosen.channel or ["C0TEST"]
        for one in channels:
            server.channel(one, "licensing" if one == "C0TEST" else "")
        lines = {
            "api_url": server.api_url,
            "bot token": chosen.token,
            "app token": chosen.app_token,
            "channel": ", ".join(channels),
            "webhook": server.webhook(channels[0], chosen.token),
            "look": f"{server.url}/",
        }
        sys.stdout.write("".join(f"{name}: {value}\n" for name, value in lines.items()))
        sys.stdout.flush()
        await asyncio.Event().wait()
