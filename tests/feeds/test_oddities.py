"""A13-A15: documents of kinds that no corpus is sure to hold; every one as bare feedparser reads it, or better."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime

import feedparser
import pytest

from monitor.feeds import hints, parse, prolog
from monitor.feeds.decode import Decoder
from monitor.feeds.normalise import normalise
from monitor.model import Entry, Parsed, PublisherHints

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ITEM = "<item><title>{}</title><link>https://lab.example/1</link></item>"


def rss(items: str, *, channel: str = "", head: str = "") -> str:
    return f'{head}<rss version="2.0"><channel><title>Lab</title>{channel}{items}</channel></rss>'


def read(body: bytes, content_type: str = "") -> tuple[Parsed, tuple[Entry, ...]]:
    headers = {"content-type": content_type} if content_type else {}
    found = parse.parse(body, headers)
    if not prolog.looks_like_json(body):
        assert len(found.items) >= len(feedparser.parse(io.BytesIO(body), response_headers=headers).entries)
    return found, normalise("lab", found, "https://lab.example/feed", NOW)


def titled(title: str) -> bytes:
    return rss(ITEM.format(title)).encode()


def json_feed(title: str) -> str:
    item = {"id": "1", "url": "https://lab.example/1", "title": title}
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "Lab", "items": [item]})


def atom(title: str) -> bytes:
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Lab</title><entry><title>{title}</title><id>1</id>'
        '<link href="https://lab.example/1"/></entry></feed>'
    ).encode()


@pytest.mark.parametrize(
    ("body", "title"),
    [
        (titled("AT&T and R&D more"), "AT&T and R&D more"),
        (titled("a & b <![CDATA[& c]]>"), "a & b & c"),
        (titled("&lt;script&gt;x()&lt;/script&gt;News"), "News"),
        (titled("if a &lt; b then"), "if a < b then"),
        (atom("A &amp;amp; B&amp;#8217;s"), "A & B’s"),
        (atom("Vec&lt;T&gt; is open"), "Vec<T> is open"),
        (json_feed("Lab&#8217;s R&amp;D").encode(), "Lab’s R&D"),
        (json_feed("<b>Lab</b> opens").encode(), "Lab opens"),
        (json_feed("a < b > c").encode(), "a < b > c"),
    ],
)
def test_titles_are_text(body: bytes, title: str) -> None:
    """A14: escaped once too often or too seldom, a title is what its reader should see."""
    assert [entry.title for entry in read(body)[1]] == [title]


@pytest.mark.parametrize(
    ("label", "written", "title"),
    [
        ("Shift_JIS", "cp932", "①モデル公開 ～"),
        ("x-sjis", "cp932", "モデル公開"),
        ("euc-kr", "cp949", "똠 모델"),
        ("gb2312", "gb18030", "模型開放 㐀"),
        ("x-gbk", "gb18030", "模型开放"),
        ("big5", "big5hkscs", "模型開放 嘅"),
        ("x-cp1251", "cp1251", "Модель открыта"),
        ("windows-1251", "cp1251", "Модель открыта"),
    ],
)
def test_labels_mean_what_publishers_mean_by_them(label: str, written: str, title: str) -> None:
    """A15: encodings under any of their names, and in the larger sets that software writes under those names."""
    declared = rss(ITEM.format(title), head=f'<?xml version="1.0" encoding="{label}"?>').encode(written)
    assert read(declared)[1][0].title == title
    said = rss(ITEM.format(title)).encode(written)
    assert read(said, f"application/xml; charset={label}")[1][0].title == title


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("make", [lambda: "\n\n" + rss(ITEM.format("Тест 模型")), lambda: json_feed("Тест 模型")])
def test_wide_encodings_need_no_mark(encoding: str, make: Callable[[], str]) -> None:
    """A15: UTF-16 and UTF-32, with and without a byte order mark, white space first, RSS and JSON."""
    assert [entry.title for entry in read(make().encode(encoding))[1]] == ["Тест 模型"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("label", ["", " encoding='utf-8'", " encoding='x-unheard-of'"])
def test_wide_encodings_are_told_by_their_bytes(encoding: str, label: str) -> None:
    """A15: UTF-16 and UTF-32 that call themselves nothing or something else, the last one cut in the middle."""
    body = rss(ITEM.format("Тест"), head=f"<?xml version='1.0'{label}?>\n").encode(encoding)
    for served in (body, body + b"\x0a", "\ufeff".encode(encoding) + body):
        assert [entry.title for entry in read(served)[1]] == ["Тест"]
        assert [entry.title for entry in read(served, "text/xml; charset=utf-8")[1]] == ["Тест"]


@pytest.mark.parametrize("mark", [b"", b"\n\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
@pytest.mark.parametrize("label", ["utf-8", "utf-16", "UTF-16LE", "utf-32", "gb2312", "u\xc0f-8", "utf-8\0", ""])
def test_labels_that_the_bytes_belie(mark: bytes, label: str) -> None:
    """A13, A15: UTF-8 that calls itself UTF-16, behind a mark of UTF-16, or with a mark of its own and any label."""
    declared = f' encoding="{label}"'.encode("latin-1") if label else b""
    body = mark + b'<?xml version="1.0"' + declared + b"?>" + rss(ITEM.format("Für")).encode()
    believed = label == "gb2312" and not mark.strip()  # it can be true
    assert [item.title for item in parse.parse(body, {}).items] == ["F眉r" if believed else "Für"]
    if mark or label.startswith("utf-16"):  # even with bytes that no UTF-8 has
        assert [item.title[:1] for item in parse.parse(body.replace("ü".encode(), b"\xfc\xff"), {}).items] == ["F"]


@pytest.mark.parametrize(
    ("number", "read_as"),
    [
        ("&#55357;&#56832;", "😀"),
        ("&#xD83D;&#xDE00;", "😀"),
        ("&#x1F600;", "😀"),
        ("&#55203;", "힣"),
        ("&#x110000;", "\ufffd"),
        ("&#xD800;x&#56832;", "\ufffdx\ufffd"),
        ("&#" + "9" * 30 + ";", "\ufffd"),
        ("&#" + "9" * 5000 + ";", "\ufffd"),
        ("&#x" + "f" * 5000 + ";", "\ufffd"),
    ],
)
def test_a_number_that_names_no_character_costs_no_item(number: str, read_as: str) -> None:
    """A13: halves of a character, and numbers beyond all characters, on which feedparser itself gives up."""
    for title in (f"a {number} b", f"<![CDATA[a {number} b]]>"):
        found = parse.parse(rss(ITEM.format(title) + ITEM.format("c")).encode(), {})
        entries = normalise("lab", found, "https://lab.example/feed", NOW)
        assert [entry.title for entry in entries] == [f"a {read_as} b", "c"]


def test_half_characters_in_json_cost_no_item() -> None:
    """A13: JSON can hold lone surrogates, in links and queries too."""
    half = "\ud800"
    document = json.loads(json_feed(f"a{half}b"))
    document["items"][0] |= {"id": half, "url": f"https://lab.example/{half}?q={half}", "tags": [half]}
    document["items"][0]["content_html"] = f"<a href='https://{half}.example/{half}'>x{half}</a>"
    (entry,) = read(json.dumps(document).encode())[1]
    assert (entry.title, entry.content) == ("ab", "x")
    repr(entry).encode()


@pytest.mark.parametrize("junk", ["{debug}", "{}\n", "Warning: x\n", "<!-- cached -->", "<br />\n<b>Notice</b>: x\n"])
def test_what_stands_before_a_feed_hides_no_item(junk: str) -> None:
    """A13: what a server prints before its feed costs no item."""
    assert len(read((junk + rss(ITEM.format("a"))).encode())[0].items) == 1


def test_a_guard_against_scripts_and_endless_numbers_hide_no_json() -> None:
    """A13: JSON Feed behind `)]}'`, or with a number of 5,000 digits, is read."""
    assert len(read((")]}',\n" + json_feed("a")).encode())[0].items) == 1
    assert len(read(json_feed("a").replace('"id": "1"', '"id": ' + "9" * 5000).encode())[0].items) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_items_with_hundreds_of_attributes_are_items(encoding: str) -> None:
    """A13, A36: attributes beyond the 300th of an element are left out, its text and the other items are not."""
    many = " ".join(f"a{n}='>'" for n in range(5000))
    link = "<enclosure url='https://lab.example/?" + "a=b&amp;" * 700 + "' type='x' length='1'/>"
    items = f"<item {many}><title>a</title></item><item><title>b</title>{link}</item>"
    assert [item.title for item in parse.parse(rss(items).encode(encoding), {}).items] == ["a", "b"]


def test_wishes_in_cdata_are_wishes_and_in_comments_none() -> None:
    """A4, A8: what publishers wrap is read, what they commented out is not."""
    body = (
        "<rss><channel><!-- <ttl>999</ttl> --><ttl><![CDATA[ 60 ]]></ttl>"
        "<sy:updatePeriod><![CDATA[daily]]></sy:updatePeriod>"
        "<skipHours><hour><![CDATA[7]]></hour><hour>24</hour></skipHours><item/></channel></rss>"
    )
    assert hints.read(body.encode()) == PublisherHints(ttl_s=3600, update_period_s=86400, skip_hours=(0, 7))


@pytest.mark.parametrize("size", range(65_530, 65_536 + 300, 3))
def test_raw_deflate_of_any_size_comes_out_whole(size: int) -> None:
    """A13: what the last byte of input brings is not lost when it fills a step."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(b"a" * size) + packer.flush()
    decoder = Decoder("deflate", 1_000_000)
    for _ in decoder.feed(packed):
        pass
    assert decoder.body() == b"a" * size
