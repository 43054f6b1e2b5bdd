"""Names of encodings: what publishers write, and what they mean by it. Pure.

Bytes that are UTF-16 or UTF-32 are that, whatever their label says: many programs write it without naming it, or name
UTF-8. Others name UTF-16 and write UTF-8; a byte order mark of UTF-8 is surer than any label. A document said to be
Shift-JIS, EUC-KR, Big5 or GBK is often written in the larger set that everybody's software uses under that name
(encoding.spec.whatwg.org, 4.2); decoded strictly it fails, and feedparser takes it for Western.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

_MEANT = {
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji", "windows-31j"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "ksc5601", "windows-949"), "cp949"),
    **dict.fromkeys(("big5", "x-x-big5", "cn-big5", "big5-hkscs"), "big5hkscs"),
    **dict.fromkeys(("gbk", "x-gbk", "gb2312", "gb_2312-80", "euc-cn"), "gb18030"),
    **dict.fromkeys(("x-euc-jp", "euc-jp"), "euc_jis_2004"),
    **dict.fromkeys(("tis-620", "windows-874"), "cp874"),
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
    "x-mac-cyrillic": "mac_cyrillic",
    "unicode-1-1-utf-8": "utf-8",
}
_ZEROS: dict[tuple[bool, ...], str] = {
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
}
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DECLARED = re.compile(rb"\A\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']{1,40})[\"'][^>]*\?>")


def mended(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
    """The document in UTF-8, with headers that say so, where it is UTF-16 or -32, or its label means more than it says.

    Anything else, what its own label decodes included, comes back as it is.
    """
    kind, _, charset = headers.get("content-type", "").partition("charset=")
    if wide := _wide(body):
        return _as_utf8(body.decode(wide, "replace"), kind, headers)
    marked = body.startswith(codecs.BOM_UTF8)
    bare = body.removeprefix(codecs.BOM_UTF8) if marked else body[2:] if body.startswith(_WIDE_MARKS) else body
    declared = _DECLARED.match(bare)
    label = charset.strip("\"' ;").lower() or (declared[1].decode("latin-1").lower() if declared else "")
    if bare is not body or _is_false(label):
        if marked and label in ("", "utf-8"):
            return body, headers
        rest = bare[declared.end() :] if declared else bare
        return _as_utf8(_decoded(rest, "utf-8") or rest.decode("cp1252", "replace"), kind, headers)
    if label not in _MEANT or _decoded(body, label) is not None:
        return body, headers
    text = _decoded(body, _MEANT[label])
    if text is None:
        return body, headers
    return _as_utf8(text, kind, headers)


def _is_false(label: str) -> bool:
    """Whether no document whose first bytes are narrow can be in this encoding, or none has such a name."""
    named = label.isascii() and label.isprintable()
    return not named or label.startswith(("utf-16", "utf16", "utf-32", "utf32", "ucs-2", "unicode-16"))


def _as_utf8(text: str, kind: str, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
    """The document without what it declares itself to be."""
    body = text.removeprefix("\ufeff").encode("utf-8", "replace")
    declared = _DECLARED.match(body)
    named = {**headers, "content-type": f"{kind or 'application/xml; '}charset=utf-8"}
    return (body[declared.end() :] if declared else body), named


def _wide(body: bytes) -> str:
    """`utf-16…` or `utf-32…`, told by a byte order mark or by where the zeros of the first characters are; else "".

    A mark before bytes without zeros was put there by mistake: documents begin with `<`, `{` or white space.
    """
    if body.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if body.startswith(_WIDE_MARKS) and 0 in body[2:8]:
        return "utf-16"
    return _ZEROS.get(tuple(byte == 0 for byte in body[:4]), "")


def _decoded(body: bytes, encoding: str) -> str | None:
    try:
        return body.decode(encoding)
    except (UnicodeError, LookupError):
        return None
