"""What each key means, in one line: what an editor shows beside it. A test holds that no key is missing."""

from __future__ import annotations

KEYS: dict[str, dict[str, str]] = {
    "MonitorFile": {
        "database": "Where everything is remembered: sqlite:///file.db or postgresql+psycopg://…; needs a restart. "
        "$LICENSEWATCH_DATABASE_URL wins, and is the place for a URL with a password.",
        "state_dir": "Where the database and the lock live; needs a restart. Else $STATE_DIRECTORY, else "
        "/var/lib/licensewatch for /etc/licensewatch, else var/ beside the configuration directory.",
        "polling": "How feeds are polled.",
        "entries": "Which entries may alert.",
        "alerts": "Limits of alerts, quiet hours and digests.",
        "retention": "How long things are kept.",
        "receivers": "Where alerts can go. Without any: the Slack channel of $SLACK_CHANNEL.",
        "routes": "Which alerts go where; the first that matches wins. Without any: everything goes to every receiver.",
        "ops": "Who hears of dead feeds, rejected configuration and parked deliveries.",
        "web": "Health, metrics and the status page.",
    },
    "Polling": {
        "interval": "The fastest a feed is polled; publishers and learning only make it slower.",
        "rhythm": "learnt: as often as a feed publishes. fixed: always `interval`.",
        "max_interval": "How far learning may slow a silent feed (publishers: up to 1d).",
        "concurrency": "Fetches at once.",
        "host_gap": "Between the starts of two requests to one host; never two at a time.",
        "timeout": "The whole fetch, not one read.",
        "max_bytes": "Of a document, decompressed.",
        "contact": "In the User-Agent: where publishers can reach you.",
        "proxy": "An http proxy for all fetches; the environment's proxies are ignored.",
        "allow_private_networks": "Networks (CIDR) in which feeds may live; other private addresses are refused.",
    },
    "EntryPolicy": {
        "max_age": "Older entries do not alert. Counts from the last successful poll, so an outage loses nothing.",
        "backfill": "What of a feed's first poll may alert: none, latest N, or since DATE.",
    },
    "AlertPolicy": {
        "max_per_feed_poll": "More alerts at once are held, and you are told.",
        "repeat_after": "A story without news for so long is over; when it comes back, it is told as a new one.",
        "quiet_hours": "Hours in which nothing is delivered: delays, never withholds.",
        "digest": "One bundle instead of a message for each alert.",
    },
    "QuietHours": {
        "from": "Begin, such as '22:00'.",
        "to": "End; may be on the next morning.",
        "zone": "Time zone, such as Europe/Berlin.",
        "except": "Severities that are delivered all the same.",
    },
    "Digest": {
        "every": "A day, or a week (Mondays).",
        "at": "Time of day, such as '08:00'.",
        "zone": "Time zone, such as Europe/Berlin.",
    },
    "Retention": {
        "entries": "Texts of entries; what identifies them is kept, so nothing old is new again.",
        "stories": "Stories and what was sent about them.",
    },
    "SlackReceiver": {
        "channel": "Id of the channel (C…), from the bottom of its details. Else $SLACK_CHANNEL.",
        "app_credential": "Name of the app token (xapp-…) that makes buttons and the slash command work; optional.",
        "on_ambiguous": "When nobody knows whether a message arrived: reconcile looks into the channel's history, "
        "resend sends again, drop gives up.",
    },
    "WebhookReceiver": {
        "on_ambiguous": "When nobody knows whether a message arrived: resend sends again, drop gives up.",
    },
    "ConsoleReceiver": {},
    "Route": {
        "to": "Names of receivers; an empty list is nobody.",
        "match": "What must hold; a list means any of its values. Without it: everything.",
        "continue": "Look at the next route too.",
    },
    "Match": {
        "rule": "Id of a rule that matched.",
        "tag": "Tag of a rule that matched.",
        "severity": "How serious it is now.",
        "direction": "Where the shift leads.",
        "stage": "How far it has come.",
        "object": "What the terms are about.",
        "org": "Who.",
        "model": "Which model.",
        "feed": "Id of a feed that told it.",
        "feed_tag": "Tag of a feed that told it.",
        "trust": "The best source that told it.",
    },
    "Ops": {"to": "Names of receivers."},
    "Web": {"listen": "Address and port; needs a restart. null switches it off."},
    "FeedsFile": {"feeds": "The feeds to poll."},
    "Feed": {
        "id": "Stable: the history hangs on it.",
        "url": "http or https. Another URL begins a new lifetime, whose first poll is silent.",
        "title": "How people see the feed.",
        "interval": "Fixes the rhythm of this feed.",
        "rhythm": "learnt or fixed, instead of polling.rhythm.",
        "tags": "Words of your own: rules ask for them with tag:, routes with feed_tag.",
        "format": "auto, feed (RSS, Atom, RDF) or jsonfeed.",
        "trust": "primary (the actor itself), press or community: the best source leads a story.",
        "paused": "Not polled, nothing forgotten.",
        "full_text": "Fetch the pages of entries that nearly match, and let the rules read them too.",
        "skip_hours": "false: the hours and days in which the publisher asks not to be polled are not honoured.",
    },
}

RECEIVER: dict[str, str] = {
    "name": "What routes call it.",
    "type": "slack, slack_webhook or console.",
    "credential": "Read from $CREDENTIALS_DIRECTORY/NAME, else from the environment variable NAME in upper case.",
    "api_url": "For tests.",
    "settle": "How long to wait before looking whether a message of unclear outcome arrived.",
    "quiet_hours": "Instead of those under `alerts:`.",
    "digest": "Instead of that under `alerts:`.",
}


def description(section: str, key: str) -> str:
    """One line about a key of a dataclass, or "" when nobody wrote one."""
    shared = RECEIVER if section.endswith("Receiver") else {}
    return KEYS.get(section, {}).get(key, shared.get(key, ""))
