"""The conditional GET, on real sockets: what the server saw, and what came of it."""

from __future__ import annotations

import asyncio
import resource
import socket
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from ipaddress import ip_network

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from monitor.errors import BlockedAddress, FetchReason
from monitor.feeds.failures import fetch_error
from monitor.feeds.fetch import Fetcher, Leave, user_agent
from monitor.feeds.guard import Guard
from monitor.feeds.plan import Polling
from monitor.testing.feed_server import Answer, FeedServer
from tests.feeds.local import BODY, LOCAL, failure

# ---- manners


async def test_a_document_comes_with_its_headers(server: FeedServer, fetcher: Fetcher) -> None:
    server.document("/feed", BODY, Cache_Control="max-age=60")
    document = await fetcher.fetch(server.url("/feed"))
    assert (document.status, document.body, document.headers["cache-control"]) == (200, BODY, "max-age=60")


async def test_only_our_headers_are_sent(server: FeedServer, fetcher: Fetcher) -> None:
    """A6: no Cookie, Referer, query or library's User-Agent, even after an answer that sets cookies and redirects."""
    cookies = {"Set-Cookie": "id=1; Path=/", "Location": "/feed"}
    server.answer("/first", Answer(302, headers=cookies))
    server.document("/feed", BODY, Set_Cookie="session=2; Path=/")
    for _ in range(2):
        await fetcher.fetch(server.url("/first"))
    for request in server.requests:
        assert set(request.headers) == {"host", "user-agent", "accept", "accept-encoding"}
        assert request.headers["user-agent"] == "licensewatch/9.9 (+https://example.org/bot)"
        assert request.headers["accept-encoding"] == "gzip"
        assert "application/atom+xml" in request.headers["accept"]
        assert "?" not in request.path


def test_a_contact_that_nobody_set_is_said_to_be_missing() -> None:
    """A6: product, version and contact; without polling.contact a place that is nobody's says that there is none."""
    assert user_agent("1.0", "") == "licensewatch/1.0 (+https://licensewatch.invalid/contact-not-set)"


@pytest.mark.parametrize(
    "etag", ['"plain"', 'W/"weak"', "unquoted", '"ünïcode"', '"a, b"', "'single'", '"with  two spaces"']
)
async def test_validators_go_back_byte_for_byte(server: FeedServer, fetcher: Fetcher, etag: str) -> None:
    """A2: ETag and Last-Modified are sent verbatim, both when both are held, and bring a 304."""
    stamp = "Sat, 1 Jan 2026 00:00:00 +0000"  # not how an HTTP-date is written; verbatim all the same
    server.document("/feed", BODY, ETag=etag, Last_Modified=stamp)
    first = await fetcher.fetch(server.url("/feed"))
    again = await fetcher.fetch(
        server.url("/feed"), etag=first.headers["etag"], last_modified=first.headers["last-modified"]
    )
    request = server.requests[-1]
    assert (request.headers["if-none-match"], request.headers["if-modified-since"]) == (etag, stamp)
    assert (again.status, again.body) == (304, b"")


async def test_a_304_without_a_condition_is_an_error(server: FeedServer, fetcher: Fetcher) -> None:
    server.answer("/feed", Answer(304))
    assert (await failure(fetcher, server.url("/feed"))).status == 304


async def test_environment_proxies_are_ignored(
    server: FeedServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.document("/feed", BODY)
    async with Fetcher(LOCAL, "9.9") as fresh:
        assert (await fresh.fetch(server.url("/feed"))).status == 200


async def test_a_configured_proxy_is_used(server: FeedServer) -> None:
    """polling.proxy carries requests; the proxy itself may live in a private network."""
    server.answer("/feed", Answer(200, BODY))
    async with Fetcher(Polling(proxy=server.url("/")), "9.9") as proxied:
        document = await proxied.fetch("http://no-such-name.invalid/feed")
    assert document.body == BODY
    assert server.requests[0].headers["host"] == "no-such-name.invalid"


async def test_addresses_behind_a_proxy_are_checked(server: FeedServer) -> None:
    """A34: a proxy is no way around the guard."""
    async with Fetcher(Polling(proxy=server.url("/")), "9.9") as proxied:
        for url in ("http://10.0.0.1/feed", "http://localhost/feed"):
            with pytest.raises(BlockedAddress):
                await proxied.fetch(url)
    assert server.requests == []


async def test_a_login_in_the_url_is_sent_to_that_url_only(server: FeedServer, fetcher: Fetcher) -> None:
    server.redirect("/feed", "/elsewhere")
    server.document("/elsewhere", BODY)
    await fetcher.fetch(server.url("/feed").replace("http://", "http://me:secret@"))
    assert [("authorization" in request.headers) for request in server.requests] == [True, False]


# ---- redirects


@pytest.mark.parametrize(("status", "permanent"), [(301, True), (308, True), (302, False), (303, False), (307, False)])
async def test_permanent_redirects_are_noted(
    server: FeedServer, fetcher: Fetcher, status: int, permanent: bool
) -> None:
    """A9: a chain of permanent redirects names the new URL; one temporary hop and it does not."""
    server.redirect("/old", "/middle", 301)
    server.redirect("/middle", "/new#top", status)
    server.document("/new", BODY)
    document = await fetcher.fetch(server.url("/old"))
    assert document.url == server.url("/new")
    assert document.permanent_url == (server.url("/new") if permanent else None)


async def test_a_permanent_redirect_behind_a_temporary_one_is_not_noted(server: FeedServer, fetcher: Fetcher) -> None:
    """A9: where a temporary redirect leads may change, so what stands there says nothing of our own URL."""
    server.redirect("/old", "/middle", 302)
    server.redirect("/middle", "/new", 301)
    server.document("/new", BODY)
    assert (await fetcher.fetch(server.url("/old"))).permanent_url is None


async def test_waiting_for_others_is_told_the_target_and_costs_the_host_nothing(server: FeedServer) -> None:
    """A7: what waits for a host's turn, or for room, waits outside the deadline."""
    asked: list[str] = []

    async def hop(url: str) -> None:
        asked.append(url)
        await asyncio.sleep(2.3)

    server.redirect("/old", "/new")
    server.document("/new", BODY)
    async with Fetcher(replace(LOCAL, timeout=timedelta(seconds=2)), "9.9") as hasty:
        assert (await hasty.fetch(server.url("/old"), leave=Leave(hop))).body == BODY
    assert asked == [server.url("/new")]


async def test_no_cookie_comes_back(server: FeedServer, fetcher: Fetcher) -> None:
    """A6: on a host with a name, where cookies could be kept."""
    server.document("/feed", BODY, Set_Cookie="visitor=1; Path=/")
    for _ in range(2):
        await fetcher.fetch(server.url("/feed", "localhost"))
    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


async def test_a_direct_answer_has_no_permanent_url(server: FeedServer, fetcher: Fetcher) -> None:
    server.document("/feed", BODY)
    assert (await fetcher.fetch(server.url("/feed"))).permanent_url is None


async def test_five_redirects_are_followed_and_no_more(server: FeedServer, fetcher: Fetcher) -> None:
    for n in range(6):
        server.redirect(f"/{n}", f"/{n + 1}")
    server.document("/6", BODY)
    assert (await fetcher.fetch(server.url("/1"))).body == BODY
    assert (await failure(fetcher, server.url("/0"))).reason is FetchReason.REDIRECTS


@pytest.mark.parametrize(
    "location", ["", "file:///etc/passwd", "javascript:alert(1)", "gopher://x/", "http://[::1", "//"]
)
async def test_redirects_lead_to_web_pages_only(server: FeedServer, fetcher: Fetcher, location: str) -> None:
    """A34: whatever is no http(s) URL is not followed."""
    server.answer("/feed", Answer(302, headers={"Location": location}))
    assert (await failure(fetcher, server.url("/feed"))).reason in (FetchReason.REDIRECTS, FetchReason.BAD_URL)


# ---- refusals


async def test_410_is_for_ever(server: FeedServer, fetcher: Fetcher) -> None:
    """A10: 410 says gone; behind a temporary redirect it is one page's word only."""
    server.answer("/gone", Answer(410))
    server.redirect("/temporary", "/gone", 302)
    server.redirect("/permanent", "/gone", 301)
    said = [(await failure(fetcher, server.url(path))).gone for path in ("/gone", "/temporary", "/permanent")]
    assert said == [True, False, True]


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_read_in_both_forms(server: FeedServer, fetcher: Fetcher, status: int) -> None:
    """A5: seconds and HTTP-date, on 429 and 503."""
    from monitor.clock import now

    later = format_datetime(now() + timedelta(seconds=600), usegmt=True)
    server.answer("/seconds", Answer(status, headers={"Retry-After": "120"}))
    server.answer("/date", Answer(status, headers={"Retry-After": later}))
    server.answer("/nonsense", Answer(status, headers={"Retry-After": "soon"}))
    seconds, date, nonsense = [await failure(fetcher, server.url(p)) for p in ("/seconds", "/date", "/nonsense")]
    assert seconds.retry_after == timedelta(seconds=120)
    assert date.retry_after is not None
    assert timedelta(seconds=590) < date.retry_after <= timedelta(seconds=600)
    assert (nonsense.retry_after, nonsense.status) == (None, status)


@pytest.mark.parametrize("status", [204, 300, 400, 401, 403, 404, 418, 500, 502])
async def test_other_statuses_are_failures_with_their_number(server: FeedServer, fetcher: Fetcher, status: int) -> None:
    server.answer("/feed", Answer(status))
    error = await failure(fetcher, server.url("/feed"))
    assert (error.status, error.gone) == (status, False)
    assert str(status) in str(error)


async def test_network_failures_have_their_reason(server: FeedServer, fetcher: Fetcher) -> None:
    """A10: DNS, connection, TLS, protocol and URLs nobody can ask for are told apart."""
    server.answer("/cut", Answer(200, BODY, cut=10))
    reasons = {
        "http://no-such-name.invalid/": FetchReason.DNS,
        "http://127.0.0.1:1/": FetchReason.CONNECT,
        server.url("/feed").replace("http:", "https:"): FetchReason.TLS,
        server.url("/cut"): FetchReason.PROTOCOL,
        "ftp://example.org/": FetchReason.BAD_URL,
        "http://": FetchReason.BAD_URL,
        "http://exa mple.org:port/": FetchReason.BAD_URL,
        "no url": FetchReason.BAD_URL,
    }
    for url, reason in reasons.items():
        assert (await failure(fetcher, url)).reason is reason, url


# ---- the guard


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f000001", "127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"]
)
async def test_loopback_is_refused_in_every_spelling(server: FeedServer, host: str) -> None:
    """A34: loopback is refused at connect time, names, literals and odd numbers alike; no request arrives."""
    server.document("/feed", BODY)
    async with Fetcher(replace(LOCAL, allow_private_networks=()), "9.9") as guarded:
        error = await failure(guarded, f"http://{host}:{server.port}/feed")
    assert error.reason in (FetchReason.BLOCKED, FetchReason.BAD_URL)
    assert server.requests == []


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0177.0.0.1"])
async def test_numbers_that_resolvers_take_for_loopback_are_refused(server: FeedServer, host: str) -> None:
    """A34: shorthand addresses reach nothing."""
    async with Fetcher(replace(LOCAL, allow_private_networks=()), "9.9") as guarded:
        await failure(guarded, f"http://{host}:{server.port}/feed")
    assert server.requests == []


async def test_a_redirect_inwards_is_refused(server: FeedServer) -> None:
    """A34: every hop is checked: 127.0.0.2 is open here, 127.0.0.1 is not."""
    polling = replace(LOCAL, allow_private_networks=(ip_network("127.0.0.2/32"),))
    async with FeedServer(("127.0.0.2",)) as outside, Fetcher(polling, "9.9") as guarded:
        outside.redirect("/feed", server.url("/secret"))
        error = await failure(guarded, outside.url("/feed"))
    assert isinstance(error, BlockedAddress)
    assert (len(outside.requests), len(server.requests)) == (1, 0)


async def test_a_name_that_changes_its_address_gains_nothing(server: FeedServer) -> None:
    """A34: the socket itself is checked, so what DNS says between check and connect does not matter."""
    connector = aiohttp.TCPConnector(resolver=LyingResolver(), socket_factory=Guard(()).socket)
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await session.get(f"http://rebind.example:{server.port}/feed")
    assert isinstance(fetch_error(caught.value), BlockedAddress)
    assert server.requests == []


class LyingResolver(AbstractResolver):
    """Answers loopback for every name, and checks nothing."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=6, flags=4)]

    async def close(self) -> None:
        return None


# ---- size and time


async def test_too_large_is_told_by_its_content_length(server: FeedServer) -> None:
    server.answer("/feed", Answer(200, bytes(100_000), trickle=10))
    async with Fetcher(replace(LOCAL, max_bytes=1000), "9.9") as narrow:
        assert (await failure(narrow, server.url("/feed"))).reason is FetchReason.TOO_LARGE


@pytest.mark.parametrize("answer", [Answer(200, b"x" * 600, trickle=0.05), Answer(200, b"x", delay=30)])
async def test_the_deadline_is_for_the_whole_fetch(server: FeedServer, answer: Answer) -> None:
    """A35: a server that trickles, or keeps silent, is cut at the deadline."""
    server.answer("/feed", answer)
    loop = asyncio.get_running_loop()
    async with Fetcher(replace(LOCAL, timeout=timedelta(seconds=1)), "9.9") as hasty:
        begun = loop.time()
        assert (await failure(hasty, server.url("/feed"))).reason is FetchReason.TIMEOUT
        assert loop.time() - begun < 20


async def test_a_slow_server_holds_up_nobody_else(server: FeedServer, fetcher: Fetcher) -> None:
    """A35: other fetches finish while one hangs."""
    server.answer("/slow", Answer(200, BODY, delay=3))
    server.document("/feed", BODY)
    slow = asyncio.create_task(fetcher.fetch(server.url("/slow")))
    await asyncio.wait_for(asyncio.gather(*(fetcher.fetch(server.url("/feed")) for _ in range(100))), 2)
    assert not slow.done()
    await slow


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
FLOODS: dict[str, tuple[bytes, bytes, tuple[FetchReason, ...]]] = {  # what comes once, what comes without end
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 500, (FetchReason.TIMEOUT,)),
    "chunks of a byte": (HEAD + b"\r\n", b"1\r\nx\r\n" * 5000, (FetchReason.TIMEOUT, FetchReason.TOO_LARGE)),
    "extensions of chunks": (HEAD + b"\r\n", b"1;" + b"e" * 4000 + b"\r\nx\r\n", (FetchReason.TIMEOUT,)),
    "headers": (HEAD, b"X-A: " + b"a" * 100 + b"\r\n", (FetchReason.PROTOCOL,)),
    "trailers": (HEAD + b"\r\n5\r\n<rss>\r\n0\r\n", b"X-A: " + b"a" * 100 + b"\r\n", (FetchReason.PROTOCOL,)),
}


@pytest.mark.parametrize("kind", list(FLOODS))
async def test_a_flood_of_nothing_ends_and_drowns_nobody(server: FeedServer, kind: str) -> None:
    """A35: an answer that never comes to its point costs its own poll, little memory, and no other feed's turn."""
    first, again, reasons = FLOODS[kind]

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(first)
            while True:
                writer.write(again)
                await writer.drain()

    server.document("/feed", BODY)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pouring = await asyncio.start_server(pour, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{pouring.sockets[0].getsockname()[1]}/feed"
    hasty, patient = (Fetcher(replace(LOCAL, timeout=timedelta(seconds=limit)), "9.9") for limit in (1, 30))
    async with pouring, hasty, patient:
        flood = asyncio.create_task(failure(hasty, url))
        assert len([await patient.fetch(server.url("/feed")) for _ in range(10)]) == 10
        assert (await flood).reason in reasons
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before <= 64 * 1024


async def test_errors_never_show_a_secret_of_the_url(server: FeedServer, fetcher: Fetcher) -> None:
    """A37: what stands in a feed's URL does not stand in the error."""
    server.answer("/private", Answer(500))
    for url in (server.url("/private?token=CANARY"), "http://me:CANARY@no-such-name.invalid/CANARY", "ftp://CANARY/"):
        assert "CANARY" not in str(await failure(fetcher, url))
