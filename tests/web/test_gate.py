"""Who may ask, how, and what every answer carries."""

from __future__ import annotations

import asyncio

import pytest

from monitor.web.gate import Gate
from tests.web.conftest import Visitor

EVERY = ("/", "/feeds", "/healthz", "/readyz", "/metrics", "/shifts.atom", "/style.css", "/nothing")


async def test_every_answer_is_sealed(quick_visitor: Visitor) -> None:
    """Nothing is loaded but our own style and pictures, no script at all, in no frame, and no cookie is set."""
    for path in EVERY:
        headers = (await quick_visitor.get(path)).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "set-cookie" not in headers
        assert "server" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
async def test_it_is_read_only(quick_visitor: Visitor, method: str) -> None:
    answer = await quick_visitor.http.request(method, quick_visitor.base + "/", content=b"x=1")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert "content-security-policy" in answer.headers


async def test_head_answers_without_a_body(quick_visitor: Visitor) -> None:
    for path in ("/", "/healthz", "/shifts.atom"):
        answer = await quick_visitor.http.head(quick_visitor.base + path)
        assert answer.status_code == 200
        assert answer.content == b""


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:9464",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "[::ffff:1.2.3.4]",
        "8.8.8.8",
        "127.0.0.1:x",
        "[::1",
        "@127.0.0.1",
        "127.0.0.1:80:80",
        "0.0.0.0",
    ],
)
async def test_a_foreign_name_gets_nothing(quick_visitor: Visitor, host: str) -> None:
    """DNS rebinding: a page whose name was pointed at us sends that name, on every address."""
    for path in ("/", "/metrics", "/healthz"):
        answer = await quick_visitor.get(path, Host=host)
        assert answer.status_code == 421
        assert "feeds" not in answer.text


async def test_no_name_gets_nothing(quick_visitor: Visitor) -> None:
    port = int(quick_visitor.base.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert b" 421 " in await reader.readline()
    writer.close()


@pytest.mark.parametrize(
    ("listen", "given", "known"),
    [
        ("127.0.0.1", "localhost:9464", True),
        ("127.0.0.1", "LOCALHOST", True),
        ("127.0.0.1", "127.0.0.1:9464", True),
        ("127.0.0.1", "127.8.8.8", True),
        ("127.0.0.1", "[::1]:9464", True),
        ("127.0.0.1", "192.0.2.7", False),
        ("192.0.2.7", "192.0.2.7:9464", True),
        ("watch.example.org", "Watch.Example.org:9464", True),
        ("watch.example.org", "other.example.org", False),
        ("0.0.0.0", "192.0.2.7:9464", True),
        ("::", "[2001:db8::1]:9464", True),
        ("0.0.0.0", "rebound.example", False),
        ("127.0.0.1", "", False),
    ],
)
def test_names_we_answer_to(listen: str, given: str, known: bool) -> None:
    """Loopback names and the configured host; any literal address when we listen on all of them."""

    async def nobody(*_: object) -> None:
        raise AssertionError("not asked")

    assert Gate(nobody, listen).knows(given) is known
