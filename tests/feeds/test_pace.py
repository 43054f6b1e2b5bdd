"""How gently a host is treated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.feeds.pace import HostPace, host_key


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://Example.org/feed", "example.org:443"),
        ("http://example.org/feed", "example.org:80"),
        ("http://example.org:8080/feed", "example.org:8080"),
        ("https://me:pw@example.org./", "example.org:443"),
        ("https://a.substack.com/feed", "substack.com:443"),
        ("https://b.substack.com/feed", "substack.com:443"),
        ("https://blog.example.org/", "blog.example.org:443"),
        ("http://[::1]:99/", "::1:99"),
        ("nonsense", ""),
        ("http://x:port/", ""),
    ],
)
def test_a_host_is_name_and_port_and_a_platform_is_one_host(url: str, key: str) -> None:
    """A7: the unit of politeness; sub-domains that are tenants share it."""
    assert host_key(url) == key


_events = st.lists(
    st.tuples(st.sampled_from(["try", "visit", "finish", "block", "forget"]), st.sampled_from("ab"), st.floats(0, 3)),
    max_size=80,
)


@given(_events, st.sampled_from([0.0, 0.5, 1.0]))
def test_one_in_flight_and_starts_a_gap_apart(events: list[tuple[str, str, float]], gap: float) -> None:
    """A7: for any history, a host has one request in flight, and starts are at least the gap apart."""
    pace, now = HostPace(gap), 0.0
    running: set[str] = set()
    last: dict[str, float] = {}
    blocked: dict[str, float] = {}
    for kind, host, amount in events:
        now += amount
        if kind == "finish":
            pace.finish(host)
            running.discard(host)
        elif kind == "block":
            pace.block(host, now + amount)
            blocked[host] = max(blocked.get(host, 0.0), now + amount)
        elif kind == "forget":
            pace.forget(now)
        elif pace.start(host, now):
            assert host not in running
            assert now - last.get(host, -10.0) >= gap
            assert now >= blocked.get(host, 0.0)
            last[host] = now
            if kind == "visit":  # over at once
                pace.finish(host)
            else:
                running.add(host)


def test_retry_after_parks_one_host_only() -> None:
    """A5: every feed of the host waits, other hosts go on."""
    pace = HostPace(1.0)
    pace.block("a:443", 100.0)
    assert (pace.wait("a:443", 40.0), pace.wait("b:443", 40.0)) == (60.0, 0.0)
    assert pace.start("a:443", 100.0)


def test_a_long_line_makes_room_for_other_hosts() -> None:
    """A7: of a thousand feeds of one host that are due at once, a few wait in line, the others come a gap apart."""
    pace = HostPace(1.0)
    waits = [pace.put_off("a:443", ahead, 0.0) for ahead in range(1000)]
    assert waits[:8] == [0.0] * 8
    assert waits[8:] == [float(ahead) for ahead in range(8, 1000)]
    pace.block("a:443", 60.0)
    assert [pace.put_off("a:443", ahead, 0.0) for ahead in range(3)] == [60.0, 61.0, 62.0]
    assert HostPace(0.0).put_off("a:443", 1000, 0.0) == 0.0


def test_a_shorter_block_does_not_end_a_longer_one() -> None:
    pace = HostPace(1.0)
    pace.block("a", 100.0)
    pace.block("a", 50.0)
    assert pace.rests("a", 40.0) == 60.0


def test_hosts_that_owe_nothing_are_forgotten() -> None:
    pace = HostPace(1.0)
    for n in range(100):
        pace.start(str(n), 0.0)
        pace.finish(str(n))
    pace.start("busy", 0.0)
    pace.block("blocked", 99.0)
    pace.forget(5.0)
    assert len(pace) == 2
