"""A13–A15: documents of every kind become entries: text as a reader sees it, absolute links, true dates."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ParseError
from monitor.feeds import clean, dates, parse, prolog
from monitor.feeds.normalise import normalise
from monitor.model import Entry, FeedFormat, Parsed

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
URL = "https://feeds.example/dir/feed.xml"
DOCUMENTS = Path(__file__).parent / "documents"


def parsed(name: str) -> Parsed:
    return parse.parse((DOCUMENTS / name).read_bytes(), {})


def entries(name: str) -> tuple[Entry, ...]:
    return normalise("f", parsed(name), URL, NOW)


def read(body: bytes, **headers: str) -> tuple[Entry, ...]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return normalise("f", parse.parse(body, named), URL, NOW)


def item(xml: str) -> Entry:
    """The entry of an RSS document with one item."""
    return read(f'<rss version="2.0"><channel><item>{xml}</item></channel></rss>'.encode())[0]


# ---- kinds of documents


@pytest.mark.parametrize(
    ("name", "format", "items"),
    [
        ("rss20.xml", "rss20", 4),
        ("atom10.xml", "atom10", 2),
        ("rdf.xml", "rss10", 2),
        ("rss090.xml", "rss090", 1),
        ("feed.json", "json1.1", 3),
        ("broken.xml", "rss20", 2),
        ("entities.xml", "rss20", 1),
    ],
)
def test_every_kind_of_feed_is_read(name: str, format: str, items: int) -> None:
    """A13: RSS 2.0, 0.90 and 1.0 (RDF), Atom, JSON Feed; broken ones as far as they go."""
    found = parsed(name)
    assert (found.format, len(found.items)) == (format, items)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        ((DOCUMENTS / "consent.html").read_bytes(), "web page"),
        (b"<?xml version='1.0'?><!-- x --><html xmlns='http://www.w3.org/1999/xhtml'><body/></html>", "web page"),
        ((DOCUMENTS / "feeds.opml").read_bytes(), "OPML"),
        (b"hello", "not a feed"),
        (b'{"a": 1}', "no JSON Feed"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": 5}', "no JSON Feed"),
        (b'{"items": [', "not valid JSON"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "not a feed"),
    ],
)
def test_what_is_no_feed_says_what_it_is(body: bytes, words: str) -> None:
    """A12: HTML, a consent page, OPML or anything else is an error in words."""
    with pytest.raises(ParseError, match=words):
        parse.parse(body, {})


def test_an_empty_feed_is_a_feed() -> None:
    assert parse.parse(b'<rss version="2.0"><channel><title>t</title></channel></rss>', {}).items == ()


def test_json_is_read_as_json_whatever_its_type_says() -> None:
    body = (DOCUMENTS / "feed.json").read_bytes()
    assert len(parse.parse(b"\xef\xbb\xbf" + body, {"content-type": "text/plain"}, FeedFormat.JSONFEED).items) == 3


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "iso-8859-1", "windows-1252", "iso-8859-15", "cp437"]
)
def test_every_encoding_is_read(encoding: str) -> None:
    """A15: the declared encoding, or a byte order mark."""
    xml = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    text = f'{xml}<rss version="2.0"><channel><item><title>Fünf Cafés öffnen</title></item></channel></rss>'
    assert read(text.encode(encoding))[0].title == "Fünf Cafés öffnen"


@pytest.mark.parametrize(
    ("encoding", "words"),
    [("windows-1251", "Модель"), ("euc-jp", "日本語"), ("shift_jis", "日本語"), ("gb2312", "许可"), ("big5", "授權"),
     ("koi8-r", "Модель"), ("euc-kr", "라이선스"), ("iso-8859-7", "άδεια")],
)  # fmt: skip
def test_encodings_of_the_world(encoding: str, words: str) -> None:
    """A15: what publishers outside the West declare."""
    item = f"<item><title>{words}</title></item>"
    text = f'<?xml version="1.0" encoding="{encoding}"?><rss version="2.0"><channel>{item}</channel></rss>'
    assert read(text.encode(encoding))[0].title == words


def test_a_charset_of_the_answer_counts() -> None:
    body = '<rss version="2.0"><channel><item><title>Café</title></item></channel></rss>'.encode("latin-1")
    assert read(body, content_type="application/xml; charset=iso-8859-1")[0].title == "Café"


# ---- text


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Orion &lt;b&gt;drops&lt;/b&gt; it", "Orion drops it"),
        ("<![CDATA[Orion <b>drops</b> it]]>", "Orion drops it"),
        ("AT&amp;T &amp; co", "AT&T & co"),
        ("AT&amp;amp;T", "AT&T"),
        ("It&amp;#8217;s &amp;quot;open&amp;quot;", 'It’s "open"'),
        ("  two\n  lines\t here ", "two lines here"),
        ("a &lt; b", "a < b"),
        ("How to use &lt;canvas&gt;", "How to use <canvas>"),
        ("One&lt;br/&gt;two", "One two"),
        ("CafÃ© society", "Café society"),
        ("Itâ€™s open", "It’s open"),
        ("Ã„rger Ã¼ber Lizenz", "Ärger über Lizenz"),
        ("São Paulo âme", "São Paulo âme"),
        ("&lt;!channel&gt; &lt;@U1&gt;", "<!channel> <@U1>"),
        # A31: also where the rest is markup
        ("&lt;!channel&gt; &lt;@U1&gt; &lt;b&gt;now&lt;/b&gt;", "<!channel> <@U1> now"),
        ("&lt;!DOCTYPE html&gt;&lt;b&gt;now&lt;/b&gt;", "now"),
        ("non\u00a0breaking", "non breaking"),
    ],
)
def test_titles_are_text(title: str, expected: str) -> None:
    """A14: entities decoded, tags gone, double-encoded UTF-8 repaired; what is no markup stays."""
    assert item(f"<title>{title}</title>").title == expected


def test_summary_and_content_are_text_in_paragraphs() -> None:
    """A14: blocks are lines, scripts are gone, inline tags leave no gap."""
    first = entries("rss20.xml")[0]
    assert first.summary == "The lab — which says so here — will close it."
    assert first.content == "First paragraph.\nSecond one, see notes."
    atom = entries("atom10.xml")[0]
    assert (atom.summary, atom.content) == ("Hello world", "")  # a content that is the summary is kept once


def test_atom_titles_keep_to_their_type() -> None:
    """A14: type=text is verbatim, html and xhtml are stripped."""
    assert [entry.title for entry in entries("atom10.xml")] == ["a < b and <canvas>", "An XHTML title"]


def test_json_texts_are_text() -> None:
    first, second, third = entries("feed.json")
    assert (first.title, first.content, second.content, third.title) == ("Lab <b> & co", "One\nTwo", "a < b & c", "5")
    assert (first.author, first.tags, second.author) == ("Cy", ("a", "b"), "Editors")


@pytest.mark.parametrize(
    "words", ["nul\\u0000l", "bell\\u0007", "escape \\u001b[31m", "half \\ud800 pair", "c1 \\u009b31m"]
)
def test_no_control_character_survives(words: str) -> None:
    """A38: databases and terminals get none, JSON feeds included."""
    body = f'{{"version":"https://jsonfeed.org/version/1","items":[{{"id":"1","title":"{words}"}}]}}'
    title = read(body.encode())[0].title
    title.encode("utf-8")
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in title)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("<>&;/!-\"'= \nabdivscript#x0"), max_size=300))
def test_cleaning_never_fails_and_leaves_no_block_tag(markup: str) -> None:
    """A14: whatever the markup, the result is text without whole tags of known blocks."""
    text = clean.text(markup)
    assert "<div>" not in clean.text(f"<div>{markup}</div>".replace("&", ""))
    assert text == text.strip()
    clean.links(markup)


_SCRAPS = (
    *("<p>", "</p>", "<P>", "<br/>", "<b>", "<b", "</b", "<li>", "</canvas>", "</a>"),
    *('<a href="x">', '<a title="x > y">', "<img src='x'>", "a", " ", "  ", "\n", "<", "> ", '"', "&amp;"),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_SCRAPS), max_size=12))
def test_plain_english_is_cleaned_like_any_text(scraps: list[str]) -> None:
    """A14: markup in ASCII, which has a way of its own, reads as it does with one more paragraph in another script."""
    markup = "<p>" + "".join(scraps)
    assert clean.text(f"{markup}<p>ж</p>") == "\n".join(filter(None, (clean.text(markup), "ж")))


def test_a_huge_text_is_cut() -> None:
    assert len(clean.text("word " * 1_000_000)) <= 200_000


# ---- links


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("/2026/orion", "https://feeds.example/2026/orion"),
        ("orion.html", "https://feeds.example/dir/orion.html"),
        ("//cdn.example/x", "https://cdn.example/x"),
        ("https://other.example/x?a=1&amp;b=2", "https://other.example/x?a=1&b=2"),
        ("\n https://other.example/x \n", "https://other.example/x"),
        ("https://other.example/a b", "https://other.example/a%20b"),
        ("javascript:alert(1)", ""),
        ("mailto:a@b.example", ""),
        ("file:///etc/passwd", ""),
        ("https://[broken", ""),
        ("", ""),
    ],
)
def test_links_are_absolute_or_absent(link: str, expected: str) -> None:
    """A14: relative links are resolved against the document, what is no web page is none."""
    assert item(f"<title>t</title><link>{link}</link>").url == expected


def test_xml_base_and_enclosures_are_links() -> None:
    """A14: xml:base counts; an item with nothing but an enclosure links to it."""
    first, second = entries("atom10.xml")
    assert first.url == "https://atom.example/blog/2026/one"
    assert second.url == "https://atom.example/blog/sound.mp3"


def test_a_guid_that_is_a_permalink_is_the_link() -> None:
    assert item("<title>t</title><guid>https://x.example/1</guid>").url == "https://x.example/1"
    assert item("<title>t</title><guid isPermaLink='false'>abc</guid>").url == ""


@pytest.mark.parametrize(
    ("markup", "found"),
    [
        ("<a href='https://a.example/?a=1&amp;b=2&amp;amp;c'>", ["https://a.example/?a=1&b=2&amp;c"]),
        ("<a href='https://a.example/?a=1&amp;b=2&copy;&c'>", ["https://a.example/?a=1&b=2©&c"]),
        ("""<a href="https://a.example/" title="not href='https://b.example/'">""", ["https://a.example/"]),
        ("<A class=b HREF=https://a.example/><area href=/c>", ["https://a.example/"]),
    ],
)
def test_links_are_what_a_browser_would_follow(markup: str, found: list[str]) -> None:
    assert clean.links(markup) == found


def test_links_inside_the_text_are_kept_canonical() -> None:
    """What an entry points to: absolute, without tracking, without itself."""
    assert entries("rss20.xml")[0].links == ("https://orion.example/post", "https://feeds.example/dir/notes.html")
    own = item(
        "<link>https://x.example/1</link><description>&lt;a href='http://www.x.example/1?utm_source=rss'&gt;"
        "&lt;/a&gt;&lt;a class=b href=https://y.example/&gt;y&lt;/a&gt;</description>"
    )
    assert own.links == ("https://y.example",)


# ---- dates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tue, 03 Mar 2026 09:30:00 +0100", "2026-03-03T08:30:00"),
        ("Tue, 3 Mar 2026 09:30 GMT", "2026-03-03T09:30:00"),
        ("3 March 2026 09:30:00 EST", "2026-03-03T14:30:00"),
        ("Tue, 03 Mar 2026 09:30:00 CEST", "2026-03-03T07:30:00"),
        ("Tue, 03 Mar 26 09:30:00 Z", "2026-03-03T09:30:00"),
        ("Tuesday, March 3, 2026 9:30 PM", "2026-03-03T21:30:00"),
        ("Tue Mar  3 09:30:00 2026", "2026-03-03T09:30:00"),
        ("2026-03-03T09:30:00Z", "2026-03-03T09:30:00"),
        ("2026-03-03T09:30:00.123456789+02:00", "2026-03-03T07:30:00"),
        ("2026-03-03 09:30:00 -0500", "2026-03-03T14:30:00"),
        ("2026-03-03T09:30", "2026-03-03T09:30:00"),
        ("2026-03-03", "2026-03-03T00:00:00"),
        ("20260303T093000Z", None),
        ("2018/1/17", "2018-01-17T00:00:00"),
        ("2018/1/17 8:05", "2018-01-17T08:05:00"),
        ("2026-12-31T24:00:00Z", "2027-01-01T00:00:00"),
        ("Tue, 03 Mar 2026 23:59:60 GMT", "2026-03-03T23:59:59"),
        ("Tue, 03 Mar 2026 09:30:00 XYZ", None),
        ("2026-13-45", None),
        ("31 Feb 2026 00:00:00 GMT", None),
        ("2026", None),
        ("2026-03", None),
        ("1772530200", None),
        ("01/02/2026", None),
        ("yesterday", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("0000-00-00T00:00:00Z", None),
        ("9999-12-31T23:59:59-10:00", None),
        ("", None),
    ],
)
def test_dates_are_utc_or_absent(text: str, expected: str | None) -> None:
    """A14: every common way to write a date; what is partial, ambiguous or impossible is absent."""
    found = dates.read(text)
    assert found == (datetime.fromisoformat(expected).replace(tzinfo=UTC) if expected else None)


@pytest.mark.parametrize("date", ["Wed, 01 Jan 2999 00:00:00 GMT", "Fri, 20 Mar 2026 00:00:00 GMT"])
def test_a_date_in_the_future_is_absent(date: str) -> None:
    """A14, A15: what has not happened yet was not published."""
    assert item(f"<title>t</title><pubDate>{date}</pubDate>").published_at is None


def test_the_update_stands_in_for_a_missing_publishing_date() -> None:
    first, second = entries("atom10.xml")
    assert first.published_at == datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
    assert second.published_at == datetime(2026, 3, 2, tzinfo=UTC)


def test_dates_in_other_languages_are_left_to_feedparser() -> None:
    found = item("<title>t</title><pubDate>Κυρ, 11 Ιούλ 2004 12:00:00 EST</pubDate>").published_at
    assert found == datetime(2004, 7, 11, 17, 0, tzinfo=UTC)


# ---- missing parts


def test_missing_parts_are_no_obstacle() -> None:
    """A15: no guid, link, date or title: each is one entry with keys of its own."""
    found = entries("rss20.xml")
    assert len(found) == 4
    assert all(entry.keys for entry in found)
    keys = [key for entry in found for key in entry.keys]
    assert len(keys) == len(set(keys))
    assert found[2].published_at is None


def test_twenty_thousand_items_are_twenty_thousand_entries() -> None:
    """A15: large documents are read whole."""
    body = "".join(f"<item><guid>{n}</guid><title>t{n}</title></item>" for n in range(20_000))
    found = read(f'<rss version="2.0"><channel>{body}</channel></rss>'.encode())
    assert len(found) == len({entry.keys for entry in found}) == 20_000


# ---- wishes


def test_every_wish_of_the_publisher_is_read() -> None:
    """A4, A8: ttl, update period, and all values of skipHours and skipDays."""
    hints = parsed("rss20.xml").hints
    assert (hints.ttl_s, hints.update_period_s) == (5400, 1800)
    assert (hints.skip_hours, hints.skip_days) == ((0, 1), (5, 6))


@pytest.mark.parametrize(
    ("xml", "seconds"),
    [
        ("<sy:updatePeriod> daily </sy:updatePeriod>", 86400),
        ("<sy:updateFrequency>4</sy:updateFrequency>", 21600),
        ("<sy:updatePeriod>weekly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", 604800),
        ("<sy:updatePeriod>often</sy:updatePeriod>", None),
        ("", None),
    ],
)
def test_update_periods(xml: str, seconds: int | None) -> None:
    body = f'<rss version="2.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel>{xml}</channel></rss>'
    assert parse.parse(body.encode(), {}).hints.update_period_s == seconds


def test_what_an_item_quotes_is_no_wish() -> None:
    body = (
        b'<rss version="2.0"><channel><item><description><![CDATA[<ttl>60</ttl>]]></description></item></channel></rss>'
    )
    assert parse.parse(body, {}).hints.ttl_s is None


# ---- entities


def test_plain_internal_entities_are_expanded() -> None:
    assert entries("entities.xml")[0].title == "The Lab speaks"


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x PUBLIC "p" "http://127.0.0.1/x">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd"> %p;',
        '<!ENTITY a "aaaa"><!ENTITY x "&a;&a;&a;">',
        f'<!ENTITY x "{"x" * 2_000_000}">',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_dangerous_declarations_are_taken_out_and_the_items_stay(declaration: str, encoding: str) -> None:
    """A36: external, parameter, nested and oversized entities are not expanded; the document is read all the same."""
    xml = (
        f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE r [ {declaration} ]>'
        '<rss version="2.0"><channel><item><title>One &x; two</title></item></channel></rss>'
    )
    found = parse.parse(xml.encode(encoding), {})
    assert len(found.items) == 1
    assert "entities" in found.warning
    assert len(found.items[0].title) < 20


def test_a_doctype_without_entities_is_left_alone() -> None:
    body = b'<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://x/rss.dtd"><rss version="0.91"/>'
    assert prolog.harmless(body) == (body, "")
