"""Content codings undone: every one that servers use, and none that costs more than a document may."""

from __future__ import annotations

import gzip
import resource
import zlib
from collections.abc import Callable
from dataclasses import replace

import brotli
import pytest
import zstandard

from monitor.errors import FetchReason
from monitor.feeds.decode import Decoder
from monitor.feeds.fetch import Fetcher
from monitor.testing.feed_server import Answer, FeedServer
from tests.feeds.local import BODY, LOCAL, failure


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate ": _raw_deflate,
    "br": brotli.compress,
    "zstd": _zstd,
    "gzip, br": lambda data: brotli.compress(gzip.compress(data)),
    "identity": bytes,
    "": gzip.compress,  # served as .gz, not said
    "gzip  ": bytes,  # said, not done
    "GZIP": lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:]),  # two members
}


@pytest.mark.parametrize("coding", list(CODINGS))
async def test_every_content_coding_is_undone(server: FeedServer, fetcher: Fetcher, coding: str) -> None:
    headers = {"Content-Encoding": coding.strip()} if coding else {}
    server.answer("/feed", Answer(200, CODINGS[coding](BODY), headers))
    assert (await fetcher.fetch(server.url("/feed"))).body == BODY


@pytest.mark.parametrize("body", [gzip.compress(BODY)[:-20], b"\x1f\x8bnonsense", b""])
async def test_what_does_not_decode_is_a_failure(server: FeedServer, fetcher: Fetcher, body: bytes) -> None:
    server.answer("/feed", Answer(200, body, {"Content-Encoding": "gzip"}))
    if body:
        assert (await failure(fetcher, server.url("/feed"))).reason is FetchReason.BAD_ENCODING
    else:
        assert (await fetcher.fetch(server.url("/feed"))).body == b""


async def test_zstd_that_wants_much_memory_is_refused(server: FeedServer, fetcher: Fetcher) -> None:
    """A35: a frame may ask for a window of gigabytes; RFC 9659 allows 8 MiB on the web."""
    wide = zstandard.ZstdCompressionParameters.from_level(1, window_log=27)
    packed = zstandard.ZstdCompressor(compression_params=wide).compressobj().compress(bytes(1 << 20))
    server.answer("/feed", Answer(200, packed, {"Content-Encoding": "zstd"}))
    assert (await failure(fetcher, server.url("/feed"))).reason is FetchReason.BAD_ENCODING


@pytest.mark.parametrize("coding", ["compress", "gzip, gzip, gzip, gzip", "x"])
async def test_unknown_codings_are_refused(server: FeedServer, fetcher: Fetcher, coding: str) -> None:
    server.answer("/feed", Answer(200, BODY, {"Content-Encoding": coding}))
    assert (await failure(fetcher, server.url("/feed"))).reason is FetchReason.BAD_ENCODING


def _bomb(coding: str, size: int = 1 << 30) -> bytes:
    """`size` zero bytes, compressed: a megabyte, repeated (deflate), or frame after frame (gzip, zstd)."""
    piece = bytes(1 << 20)
    times = size // len(piece)
    if coding == "gzip":
        return gzip.compress(piece) * times
    if coding == "deflate":
        packer = zlib.compressobj(9, wbits=-15)
        return b"\x78\x9c" + (packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)) * times + b"\x03\x00"
    packer = brotli.Compressor(quality=1) if coding == "br" else zstandard.ZstdCompressor().compressobj()
    step = packer.process if coding == "br" else packer.compress
    return b"".join(step(piece) for _ in range(times)) + (packer.finish() if coding == "br" else packer.flush())


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_bombs_end_small(server: FeedServer, fetcher: Fetcher, coding: str) -> None:
    """A35: a document of 1 GiB in at most 2 MB on the wire fails as too large, with RSS growth of at most 64 MB."""
    bomb = _bomb(coding)
    assert len(bomb) <= 2 * 1024 * 1024
    server.answer("/feed", Answer(200, bomb, {"Content-Encoding": coding}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (await failure(fetcher, server.url("/feed"))).reason is FetchReason.TOO_LARGE
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before <= 64 * 1024


async def test_a_bomb_in_a_bomb_ends_small(server: FeedServer, fetcher: Fetcher) -> None:
    """A35: codings on top of each other are bounded at every level."""
    server.answer("/feed", Answer(200, gzip.compress(_bomb("gzip")), {"Content-Encoding": "gzip, gzip"}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (await failure(fetcher, server.url("/feed"))).reason is FetchReason.TOO_LARGE
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before <= 64 * 1024


def _hollow() -> bytes:
    """gzip of 20 MB of blocks of 5 bytes that hold nothing."""
    return gzip.compress(b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + b"\0\0\0\xff\xff" * 4_000_000)


HOLLOW: dict[str, tuple[Callable[[], bytes], FetchReason]] = {
    "gzip, gzip": (lambda: gzip.compress(gzip.compress(b"") * 200_000), FetchReason.BAD_ENCODING),
    "gzip,gzip": (_hollow, FetchReason.TOO_LARGE),
    "zstd, gzip": (lambda: gzip.compress(zstandard.compress(b"") + bytes(20_000_000)), FetchReason.TOO_LARGE),
    "gzip": (lambda: gzip.compress(b"") + bytes(20_000_000), FetchReason.TOO_LARGE),
}


@pytest.mark.parametrize("coding", list(HOLLOW))
async def test_a_bomb_that_holds_nothing_ends_too(server: FeedServer, fetcher: Fetcher, coding: str) -> None:
    """A35: what decodes to nothing, however much of it, costs no more than a document of the full size."""
    make, reason = HOLLOW[coding]
    server.answer("/feed", Answer(200, make(), {"Content-Encoding": coding}))
    assert (await failure(fetcher, server.url("/feed"))).reason is reason


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_decoding_lets_others_run(coding: str) -> None:
    """A35: kilobytes that decode to megabytes are undone in steps of 2 MiB at most, between which the loop may turn."""
    assert sum(1 for _ in Decoder(coding, 1 << 30).feed(_bomb(coding, 8 << 20))) >= 4


@pytest.mark.parametrize("coding", ["gzip, gzip, gzip", "br, gzip, gzip"])
async def test_what_codings_add_is_no_reason_to_refuse(server: FeedServer, coding: str) -> None:
    """A13: a document of just the size allowed comes through codings that make it larger."""
    noise = bytes(range(256)) * 3
    packed = brotli.compress(noise) if coding.startswith("br") else gzip.compress(noise)
    server.answer("/feed", Answer(200, gzip.compress(gzip.compress(packed)), {"Content-Encoding": coding}))
    async with Fetcher(replace(LOCAL, max_bytes=len(noise)), "9.9") as narrow:
        assert (await narrow.fetch(server.url("/feed"))).body == noise
