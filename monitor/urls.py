"""URLs as identities: what two links must share to be the same page, and what a reader never sees of them.

Pure. RFC 3986 for resolution; the tracking parameters are those that publishers and mailers add to links they share.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

_TRACKING_PREFIXES = (
    "utm_",
    "mtm_",
    "pk_",
    "piwik_",
    "hsa_",
    "_hs",
    "at_",
    "mc_",
    "oly_",
    "vero_",
    "stm_",
    "sc_",
    "wt_",
)
_TRACKING = frozenset(
    {
        "fbclid",
        "gclid",
        "gclsrc",
        "dclid",
        "gbraid",
        "wbraid",
        "msclkid",
        "yclid",
        "twclid",
        "ttclid",
        "igshid",
        "igsh",
        "li_fat_id",
        "mkt_tok",
        "ocid",
        "cmpid",
        "cmp",
        "ncid",
        "sr_share",
        "s_cid",
        "s_kwcid",
        "ns_mchannel",
        "ns_source",
        "ns_campaign",
        "ns_linkname",
        "ns_fee",
        "wkey",
        "spm",
        "_ga",
        "_gl",
        "guccounter",
        "smid",
        "smtyp",
        "soc_src",
        "soc_trk",
        "xtor",
        "rss",
        "rss_id",
        "ito",
        "taid",
        "epik",
        "trk",
        "trkcampaign",
        "campaign_id",
    }
)
# These say where a reader came from only when they say so; elsewhere they choose what is shown.
_SOURCE_NAMES = frozenset({"ref", "source", "src", "from", "feed", "via", "output", "partner", "share", "cm_mmc"})
_SOURCE_VALUE = re.compile(r"rss|feed|atom|twitter|newsletter", re.IGNORECASE)
# The ordinary URL, read without urllib: nothing in it needs decoding, a port, or an IPv6 address.
_SIMPLE = re.compile(
    r"https?://(?:www\.)?((?!www\.)[a-z0-9][a-z0-9.-]*[a-z0-9])((?:/[\w.~!$&'()*+,;=:@/-]*)?)"
    r"(?:\?([\w.~-]+=[\w.~-]*(?:&[\w.~-]+=[\w.~-]*)*))?(?:#[!-~]*)?",
    re.ASCII,
)
_CLEAN = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9](?:[/?#][!-~]*)?")
_BREAKS = re.compile(r"[\t\r\n]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SAFE_PATH = "/:@!$&'()*+,;=-._~%"


def is_web(url: str) -> bool:
    """Whether the text is an absolute http or https URL."""
    return url[:8].lower().startswith(("http://", "https://")) and len(url) > 8


def absolute(base: str, link: str) -> str:
    """`link` resolved against `base` (RFC 3986), or "" when the result is no http(s) URL."""
    if _CLEAN.fullmatch(link):
        return link
    link = _BREAKS.sub("", link.strip())
    if not link:
        return ""
    try:
        url = (link if is_web(link) else urljoin(base, link)).replace(" ", "%20")
        host = urlsplit(url).hostname
    except ValueError:
        return ""
    if not host or not is_web(url):
        return ""
    scheme, _, rest = url.partition(":")
    return f"{scheme.lower()}:{rest}"


def _host(parts_host: str, scheme: str, port: int | None) -> str:
    host = parts_host.lower().rstrip(".").removeprefix("www.")
    try:
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        host = quote(host, errors="replace").lower()
    if ":" in host:
        host = f"[{host}]"
    return host if port is None or port == _DEFAULT_PORTS.get(scheme) else f"{host}:{port}"


def _is_tracking(name: str, value: str) -> bool:
    name = name.lower()
    if name in _TRACKING or name.startswith(_TRACKING_PREFIXES):
        return True
    return name in _SOURCE_NAMES and bool(_SOURCE_VALUE.search(value))


def _query(query: str) -> str:
    if not query:
        return ""
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=None)
    return urlencode([pair for pair in pairs if not _is_tracking(*pair)], errors="replace")


@lru_cache(1024)  # the links of a feed are followed by the same few
def _simple_query(query: str) -> str:
    kept = [pair for pair in query.split("&") if pair and not _is_tracking(*pair.split("=", 1))]
    return "?" + "&".join(kept) if kept else ""


def _simplest(found: re.Match[str]) -> str:
    return f"https://{found[1]}{found[2].rstrip('/')}{_simple_query(found[3] or '')}"


def page(base: str, link: str) -> str:
    """`canonical(absolute(base, link))`: the page that a link leads to from somewhere."""
    simple = _SIMPLE.fullmatch(link)
    return canonical(absolute(base, link)) if simple is None else _simplest(simple)


@lru_cache(4096)  # an entry's own link is asked for four times over
def canonical(url: str) -> str:
    """The one form of all URLs of a page: https, lower-case host, no `www.`, default port, fragment or tracking.

    "" when it is no http(s) URL. For comparing and hashing; people are shown the publisher's own link.
    """
    if simple := _SIMPLE.fullmatch(url):
        return _simplest(simple)
    if not is_web(url):
        return ""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        query = _query(parts.query)
    except ValueError:
        return ""
    if not host:
        return ""
    path = quote(parts.path, safe=_SAFE_PATH, errors="replace")
    path = path.rstrip("/") if len(path) > 1 else ""
    return urlunsplit(("https", _host(host, parts.scheme.lower(), port), path, query, ""))


def is_site_root(url: str) -> bool:
    """Whether a canonical URL names a whole site, which identifies no entry."""
    rest = url.partition("://")[2]
    return "?" not in rest and not rest.partition("/")[2]


@lru_cache(256)  # a link stands for its entry in three ways
def url_hash(url: str) -> str:
    """32 hex digits that all URLs of one page share; of the text itself where it is no URL."""
    return hashlib.blake2b((canonical(url) or url).encode("utf-8", "replace"), digest_size=16).hexdigest()
