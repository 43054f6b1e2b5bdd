"""Names of encodings: what publishers write, and what they mean by it. Pure.

A document said to be Shift-JIS, EUC-KR, Big5 or GBK is often written in the larger set that everybody's software uses
under that name (encoding.spec.whatwg.org, 4.2); decoded strictly it fails, and feedparser then takes it for Western.
"""

from __future__ import annotations

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
_DECLARED = re.compile(rb"\A\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']{1,40})[\"'][^>]*\?>")


def mended(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
    """The document in UTF-8, with headers that say so, where its label means a larger set than it names.

    Anything else, what its own label decodes included, comes back as it is.
    """
    kind, _, charset = headers.get("content-type", "").partition("charset=")
    declared = _DECLARED.match(body)
    label = charset.strip("\"' ;").lower() or (declared[1].decode("latin-1").lower() if declared else "")
    if label not in _MEANT or _decoded(body, label) is not None:
        return body, headers
    text = _decoded(body, _MEANT[label])
    if text is None:
        return body, headers
    bare = text[declared.end() :] if declared else text
    return bare.encode(), {**headers, "content-type": f"{kind or 'application/xml; '}charset=utf-8"}


def _decoded(body: bytes, encoding: str) -> str | None:
    try:
        return body.decode(encoding)
    except (UnicodeError, LookupError):
        return None
