"""A13: the quick reader reads what feedparser reads, or nothing, of documents that are ordinary but for one thing."""

from __future__ import annotations

import random
import re

from monitor.errors import ParseError
from monitor.feeds import labels, parse, prolog, quick

SPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:a="http://www.w3.org/2005/Atom" '
    'xmlns:media="http://search.yahoo.com/mrss/"'
)
RSS = f"""<rss version="2.0" {SPACES}><channel><title>Lab</title><link>https://lab.example/</link><docs>d</docs>
<description>About</description><image><url>u</url><title>I</title></image><category>c</category>
<itunes:owner><itunes:name>O</itunes:name></itunes:owner><skipHours><hour>3</hour></skipHours>
<item><title>R&amp;D’s models</title><link>https://lab.example/1?a=1&amp;b=2</link><guid isPermaLink="false">1</guid>
<pubDate>Tue, 03 Mar 2026 01:30:00 +0100</pubDate><category>x</category><dc:creator>Ada</dc:creator>
<description>&lt;p&gt;Text&lt;/p&gt;</description><content:encoded><![CDATA[<p>Long</p>]]></content:encoded></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Lab</title><link href="https://lab.example/"/><id>i</id>
<author><name>Ada</name><uri>u</uri></author><entry><id>tag:x,1</id><title type="html">A &amp;lt;b&amp;gt;</title>
<updated>2026-03-01T00:00:00Z</updated><link href="https://lab.example/1"/><author><name>Bo</name></author>
<category term="x" label="X"/><summary>Plain &amp;lt;</summary><content type="html">&lt;p&gt;c&lt;/p&gt;</content>
</entry></feed>"""
WORDS = (
    *("&amp;nbsp;", "&#160;", "<![CDATA[<b>&#55357;&#56832;</b>]]>", "<!-- c -->", "<?p x?>", "Ã©", "\u0085"),
    *(" ", "\n", "\u3000", "//x/y", "tag:x", "http://", "&amp;copy=1", "<br/>", "true", "2026-01-02"),
    *("&lt;!channel&gt;", "&lt;br&gt;"),
)
NAMES = (
    *("title", "link", "guid", "id", "pubDate", "updated", "published", "author", "name", "category", "description"),
    *("summary", "content", "source", "comments", "image", "docs", "item", "entry", "contributor", "rights", "uri"),
    *("dc:creator", "dc:date", "content:encoded", "itunes:author", "a:link", "media:content", "media:title", "unknown"),
)
ATTRIBUTES = (
    *("xml:base='https://b.example/'", "base='https://b.example/'", "type='html'", "type='xhtml'", "type='text'"),
    *("href='https://h.example/'", "rel='self'", "isPermaLink='true'", "term='t'", "xml:lang='de'", "mode='escaped'"),
)


def _mutated(document: str, dice: random.Random) -> str:
    """The document with a word, an element or an attribute put in where there was none, or an element less."""
    kind = dice.randrange(4)
    if kind == 0:
        at = dice.choice(list(re.finditer(r">[^<]*", document)))
        return document[: at.end()] + dice.choice(WORDS) + document[at.end() :]
    if kind == 1:
        at, name = dice.choice(list(re.finditer(r"<[^<>]*>", document))), dice.choice(NAMES)
        within = dice.choice(["", "w", "https://w.example/", "<name>n</name>", "<title>t</title>"])
        element = f"<{name} {dice.choice([*ATTRIBUTES, ''])}>{within}</{name}>"
        return document[: at.end()] + element + document[at.end() :]
    if kind == 2:
        at = dice.choice(list(re.finditer(r"<[A-Za-z:]+(?=[\s>])", document)))
        return f"{document[: at.end()]} {dice.choice(ATTRIBUTES)}{document[at.end() :]}"
    at = dice.choice(list(re.finditer(r"<([A-Za-z:]+)[^<>]*>[^<>]*</\1>", document)))
    return document[: at.start()] + document[at.end() :]


def _read_twice(document: str) -> str | None:
    """None where the quick reader steps back; else how the two readings differ, "" when they do not."""
    body, headers = labels.mended(document.encode(), {})
    found = quick.read(body, headers)
    if found is None:
        return None
    try:
        return "" if found == parse.parse_xml(*prolog.harmless(body)[:1], headers) else document
    except ParseError as error:
        return f"{error}: {document}"


def test_an_ordinary_document_with_something_odd_in_it_is_read_as_feedparser_reads_it() -> None:
    dice = random.Random(4)
    read = [_read_twice(_mutated(dice.choice([RSS, ATOM]), dice)) for _ in range(1200)]
    assert [found for found in read if found] == []
    assert read.count("") >= 300
