"""Metrics for Prometheus: what happened since the start by reason, and how things stand in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from monitor import __version__
from monitor.model import Reason
from monitor.store import figures
from monitor.telemetry import Counters
from monitor.web import picture
from monitor.web.asked import Asked
from monitor.web.ready import reasons

PREFIX = "licensewatch_"
OUTCOMES = ("new", "unchanged", "failed", "stale")
Metric = CounterMetricFamily | GaugeMetricFamily


@dataclass(frozen=True, eq=False)
class _Now(Collector):
    """One reading of everything; made anew for each scrape."""

    asked: Asked
    counters: Counters

    def collect(self) -> Iterator[Metric]:
        yield _labelled(GaugeMetricFamily, "build", "Version that runs.", "version", {__version__: 1})
        yield from self._since_the_start()
        yield from self._as_it_stands()

    def _since_the_start(self) -> Iterator[Metric]:
        counted = self.counters.values
        polls = {outcome: counted["polls", outcome] for outcome in OUTCOMES}
        yield _labelled(CounterMetricFamily, "polls", "Polls since the start, by outcome.", "outcome", polls)
        new = CounterMetricFamily(PREFIX + "new_entries", "Entries first seen since the start.")
        new.add_metric([], counted["entries", "new"])
        yield new
        alerts = {str(reason): counted["alerts", reason] for reason in Reason}
        yield _labelled(
            CounterMetricFamily, "alerts", "Decisions to tell or not since the start, by reason.", "reason", alerts
        )

    def _as_it_stands(self) -> Iterator[Metric]:
        asked = self.asked
        taken = picture.take(asked.conn, asked.now)
        health = picture.health_of(taken, asked.configuration)
        feeds = {str(word): len(some) for word, some in health.items()}
        yield _labelled(GaugeMetricFamily, "feeds", "Configured feeds, by health.", "health", feeds)
        yield _labelled(GaugeMetricFamily, "deliveries", "Deliveries, by state.", "state", taken.deliveries)
        yield _feedback(asked)
        due = taken.oldest_due
        for name, words, value in (
            ("entries", "Entries ever stored.", taken.entries),
            ("hits", "Stored hits of rules on entries.", taken.hits),
            ("stories", "Stories that were told.", taken.stories),
            ("oldest_due_seconds", "Since when the outbox owes somebody a message; 0: it does not.",
             (asked.now - due).total_seconds() if due else 0),
            ("last_tick_age_seconds", "Since the polls' tick.", asked.pulse.tick_s),
            ("ready", "Whether /readyz says so.", not reasons(asked.pulse, taken.vitals)),
            ("canary_passed_timestamp_seconds", "When the daily canary last came through; 0: never.",
             passed.timestamp() if (passed := taken.canary.passed_at) else 0),
            ("canary_failures", "Flights of the canary that failed in a row.", taken.canary.failures),
            ("workers", "Workers that live; 0 where one process does it all.", len(taken.workers)),
            ("jobs_under_way", "Jobs that workers are at.", sum(one.jobs for one in taken.workers)),
            ("jobs_waiting", "Jobs that wait for a worker, at the leader's last look.",
             taken.jobs_waiting if taken.workers else 0),
            ("configuration_rejected", "Whether an edited configuration waits for a mend.", bool(taken.rejected)),
        ):  # fmt: skip
            yield GaugeMetricFamily(PREFIX + name, words, value=float(value))


def _feedback(asked: Asked) -> Metric:
    made = GaugeMetricFamily(PREFIX + "feedback", "Judgements of alerts, by rule.", labels=["rule", "verdict"])
    said = figures.verdicts(asked.conn)
    for rule_id in sorted({rule_id for rule_id, _ in said}):
        judged = figures.of_rule(said, rule_id)
        made.add_metric([rule_id, "relevant"], judged.relevant)
        made.add_metric([rule_id, "noise"], judged.noise)
    return made


def _labelled(
    family: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    words: str,
    label: str,
    values: dict[str, int],
) -> Metric:
    made = family(PREFIX + name, words, labels=[label])
    for value, number in values.items():
        made.add_metric([value], number)
    return made


def text(asked: Asked, counters: Counters) -> bytes:
    """The metrics in Prometheus' text format, version 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Now(asked, counters))
    return generate_latest(registry)
