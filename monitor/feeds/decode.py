"""Content codings undone in bounded steps: no step makes more than 64 KiB (zstd: 2 MiB) before the size is checked.

A bomb of a few kilobytes decodes to gigabytes; libraries that decode "a chunk" hand out all of it at once. Bombs in
bombs need not come out large: 120 KB of gzip in gzip were three million empty parts, half a minute of work for nothing.
So the limit holds for what comes off the wire and out of each coding, parts are counted, and between two steps whoever
decodes may let others run.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli
import zstandard

from monitor.errors import FetchError, FetchReason

STEP = 64 * 1024
_SLACK = 64 * 1024  # what codings may add to a document of the full size that they cannot make smaller
_MOST_CODINGS = 3
_MOST_MEMBERS = 1000  # gzip parts; those who cut every 64 KiB need 240 for the largest document
_ZSTD_WINDOW = 8 * 1024 * 1024  # RFC 9659
_GZIP_MAGIC = b"\x1f\x8b"


class Coding(Protocol):
    """One content coding: bytes in, pieces of bounded size out."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes decode to (raises ValueError for bytes that do not decode)."""

    def finish(self) -> None:
        """Raises ValueError when the data ended in the middle."""


class _Zlib:
    """gzip (any number of members) or deflate, with or without the zlib header that RFC 9110 asks for."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._inflate = zlib.decompressobj(31 if gzip else 15)
        self._begun = False
        self._plain = False  # said to be gzip, and is not: some servers do that to what they sent
        self._members = 1

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if not self._begun and data:
            self._begin(data)
        if self._plain:
            yield data
            return
        try:
            yield from self._inflated(data)
        except zlib.error as error:
            raise ValueError(str(error)) from error

    def _begin(self, data: bytes) -> None:
        self._begun = True
        if self._gzip:
            self._plain = data[:1] != _GZIP_MAGIC[:1]
        elif (data[0] & 0x0F) != 8:
            self._inflate = zlib.decompressobj(-15)

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        piece = b""
        while data or len(piece) == STEP:  # a full step may leave more to come out, though all input is taken in
            if self._inflate.eof:
                if not self._gzip or not data or not data.startswith(_GZIP_MAGIC[: len(data)]):
                    return  # padding after the end
                self._members += 1
                if self._members > _MOST_MEMBERS:
                    raise ValueError(f"the compressed data has more than {_MOST_MEMBERS} parts")
                self._inflate = zlib.decompressobj(31)
            piece = self._inflate.decompress(data, STEP)
            yield piece
            data = self._inflate.unconsumed_tail or self._inflate.unused_data

    def finish(self) -> None:
        if self._begun and not self._plain and not self._inflate.eof:
            raise ValueError("the compressed data ends in the middle")


class _Brotli:
    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()
        self._begun = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        self._begun = self._begun or bool(data)
        try:
            yield self._decompressor.process(data, output_buffer_limit=STEP)
            while not self._decompressor.can_accept_more_data():
                yield self._decompressor.process(b"", output_buffer_limit=STEP)
        except brotli.error as error:
            raise ValueError(str(error)) from error

    def finish(self) -> None:
        if self._begun and not self._decompressor.is_finished():
            raise ValueError("the compressed data ends in the middle")


class _Zstd:
    """zstd decodes whole blocks (up to 128 KiB out of 4 bytes) of what it is given: so 64 bytes at a time."""

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        view = memoryview(data)
        try:
            for start in range(0, len(view), 64):
                if self._decompressor.eof:
                    return
                yield self._decompressor.decompress(view[start : start + 64])
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error

    def finish(self) -> None:
        if not self._decompressor.eof:
            raise ValueError("the compressed data ends in the middle")


def _coding(name: str) -> Coding:
    match name:
        case "gzip" | "x-gzip":
            return _Zlib(gzip=True)
        case "deflate":
            return _Zlib(gzip=False)
        case "br":
            return _Brotli()
        case "zstd":
            return _Zstd()
        case _:
            raise FetchError(FetchReason.BAD_ENCODING, f"the answer is coded as {name[:40]!r}, which we cannot read")


class Decoder:
    """Undoes the codings of a Content-Encoding header, the last one first.

    At most `limit` bytes are taken in, kept, or handed from one coding to the next.
    """

    def __init__(self, content_encoding: str, limit: int) -> None:
        names = [name.strip().lower() for name in content_encoding.split(",")]
        names = [name for name in names if name not in ("", "identity", "none", "utf-8", "binary")]
        if len(names) > _MOST_CODINGS:
            raise FetchError(FetchReason.BAD_ENCODING, f"the answer is coded {len(names)} times over")
        self._codings = [_coding(name) for name in reversed(names)]
        self._limit = limit
        self._body = bytearray()
        self._passed = [0] * (_MOST_CODINGS + 1)  # bytes that came to each coding, and out of the last

    def feed(self, data: bytes) -> Iterator[None]:
        """Takes the next bytes off the wire, step by step. Raises FetchError: too-large or bad-encoding."""
        if not self._body and not self._codings and data.startswith(_GZIP_MAGIC):
            self._codings = [_Zlib(gzip=True)]  # a .gz file served without saying so
        try:
            for piece in self._through(data, 0):
                self._body += piece
                yield
        except ValueError as error:
            raise FetchError(FetchReason.BAD_ENCODING, f"the answer does not decode: {error}") from error

    def _through(self, data: bytes, depth: int) -> Iterator[bytes]:
        self._passed[depth] += len(data)
        if self._passed[depth] > self._limit + (0 if depth == len(self._codings) else _SLACK):
            raise FetchError(FetchReason.TOO_LARGE, f"the document is larger than {self._limit} bytes")
        if depth == len(self._codings):
            yield data
            return
        for piece in self._codings[depth].pieces(data):
            yield b""  # a step, whether anything came of it or not
            yield from self._through(piece, depth + 1)

    @property
    def size(self) -> int:
        """How many bytes of the document are decoded by now."""
        return len(self._body)

    def body(self) -> bytes:
        """The document, once all is fed. Raises FetchError when the compressed data ended in the middle."""
        try:
            for coding in self._codings:
                coding.finish()
        except ValueError as error:
            raise FetchError(FetchReason.BAD_ENCODING, f"the answer does not decode: {error}") from error
        return bytes(self._body)
