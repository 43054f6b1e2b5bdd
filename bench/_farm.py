"""A farm of feeds for bench/poll.py: nginx on loopback, documents of 25 entries that are the same in every run.

One in ten can be changed by an entry (`change`), which changes ETag and Last-Modified. Slow answers come from a helper
of our own behind nginx: five seconds each.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from monitor.testing.feed_server import rss

HOSTS = tuple(f"127.0.0.{n}" for n in range(2, 251))
ITEMS = 25
SLOW_S = 5.0
# Ordinary news: rules find next to nothing in it, as they do in most of what feeds carry.
WORDS = tuple(
    word
    for line in (
        "harbour council match river season police school storm hospital film train court minister year says will",
        "after new first over government company market people city water report week team home work plan million open",
    )
    for word in line.split()
)
NGINX = """
worker_processes 1; worker_rlimit_nofile 16384; pid {root}/nginx.pid; error_log {root}/error.log error;
events {{ worker_connections 8192; }}
http {{
  types {{ application/rss+xml xml; }} access_log off; sendfile on; keepalive_timeout 30s; keepalive_requests 10000;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3; uwsgi_temp_path {root}/t4;
  scgi_temp_path {root}/t5;
  server {{
    {listens}
    root {root}/www;
    location /slow/ {{ proxy_pass http://127.0.0.1:{slow}; }}
    location /missing/ {{ return 404; }}
    location /broken/ {{ return 500; }}
  }}
}}
"""


def document(number: int, news: int = 0) -> bytes:
    """A feed of about 38 KB, `news` entries on top of its 25; the same numbers give the same bytes."""
    chance = random.Random(number)  # no secret

    def text(words: int) -> str:
        return " ".join(chance.choices(WORDS, k=words))

    def item(name: str, hour: int) -> dict[str, str]:
        return {
            "title": text(9),
            "link": f"https://news.example.org/{number}/{name}?utm_source=rss",
            "guid": f"https://news.example.org/{number}/{name}",
            "pubDate": f"Mon, 02 Mar 2026 {hour % 24:02d}:00:00 GMT",
            "category": chance.choice(WORDS),
            "description": f"<p>{text(60)}</p><p>{text(150)} <a href='https://example.org/{name}'>more</a></p>",
        }

    old = [item(str(n), n) for n in range(ITEMS)]
    return rss(f"Feed {number}", [item(f"new{n}", n) for n in range(news)] + old)


@dataclass(frozen=True)
class Farm:
    """`urls` lists feeds; those of a directory that does not exist answer 404."""

    root: Path
    port: int

    def url(self, number: int, kind: str = "f") -> str:
        """The URL of a feed. `kind`: f, slow, missing or broken."""
        return f"http://{HOSTS[number % len(HOSTS)]}:{self.port}/{kind}/{number}.xml"

    def urls(self, feeds: int) -> list[str]:
        """Feeds that answer well."""
        return [self.url(number) for number in range(feeds)]

    def adverse(self, feeds: int) -> list[str]:
        """The same, but 5 % answer after five seconds, 5 % with 404, 2 % with 500."""
        kinds = {1: "slow", 5: "missing"}
        return [
            self.url(n, "broken" if n % 50 == 7 else "cut" if n % 50 == 11 else kinds.get(n % 20, "f"))
            for n in range(feeds)
        ]

    def grow(self, feeds: int) -> None:
        """Write the documents of so many feeds; bodies repeat after 2,000, under other names."""
        for number in range(feeds):
            self._write(number, document(number))
            if number % 50 == 11:  # one that ends in the middle
                body = document(number)
                (self.root / "www" / "cut" / f"{number}.xml").write_bytes(body[: len(body) * 2 // 3])

    def change(self, feeds: int, news: int) -> None:
        """Every tenth feed has so many new entries from now on."""
        for number in range(3, feeds, 10):
            self._write(number, document(number, news), 1_700_000_000 + 3600 * news)

    def _write(self, number: int, body: bytes, at: int = 1_700_000_000) -> None:
        path = self.root / "www" / "f" / f"{number}.xml"
        path.write_bytes(body)
        os.utime(path, (at, at))


async def _answer_slowly(ready: int) -> None:
    """Serve any path after five seconds, the port written to `ready`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(SLOW_S)
        body = document(int(head.split()[1].rpartition(b"/")[2].partition(b".")[0]))
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: application/rss+xml\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=1024)
    os.write(ready, str(server.sockets[0].getsockname()[1]).encode())
    await server.serve_forever()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def farm(feeds: int) -> Iterator[Farm]:
    """A running farm of so many feeds. SystemExit where nginx is missing."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        raise SystemExit("this benchmark needs nginx (Debian: apt install nginx-light)")
    with tempfile.TemporaryDirectory() as directory:
        root, port = Path(directory), _free_port()
        root.chmod(0o755)
        for kind in ("f", "cut"):
            (root / "www" / kind).mkdir(parents=True)
        made = Farm(root, port)
        made.grow(feeds)
        read, write = os.pipe()
        helper = os.fork()
        if helper == 0:
            asyncio.run(_answer_slowly(write))
        slow = int(os.read(read, 16))
        user = "user root;" if os.geteuid() == 0 else ""
        listens = " ".join(f"listen {host}:{port} backlog=4096;" for host in HOSTS)
        (root / "nginx.conf").write_text(f"daemon off; {user} {NGINX.format(root=root, listens=listens, slow=slow)}")
        server = subprocess.Popen(
            [nginx, "-p", directory, "-c", str(root / "nginx.conf"), "-e", str(root / "error.log")]
        )
        try:
            for _ in range(100):
                with socket.socket() as one:
                    if one.connect_ex((HOSTS[0], port)) == 0:
                        break
                time.sleep(0.05)
            yield made
        finally:
            server.terminate()
            server.wait()
            os.kill(helper, 9)
            os.waitpid(helper, 0)
