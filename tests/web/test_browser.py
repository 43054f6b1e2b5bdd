"""The page as Chromium shows it: nothing sticks out, nothing complains, keys and screen readers find their way."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.store.engine import Database
from tests.web.browser import CHROMIUM, Tab, chromium
from tests.web.conftest import Visitor, served
from tests.web.world import fill

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Chromium is not installed"),
]

PAGES = (
    "/",
    "/stories",
    "/stories/1",
    "/timeline?days=365&first=1",
    "/feeds",
    "/rules",
    "/deliveries",
    "/search?q=northwind",
    "/nothing",
)
PHONE, SMALL, DESK = 390, 360, 1280


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    async with chromium(tmp_path / "profile") as one:
        yield one


@pytest.fixture
async def visitor(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Visitor]:
    async with served(fill(tmp_path, sqlite_database, troubled=True, hostile=True)) as one:
        yield one


STICKS_OUT = """[...document.querySelectorAll('body *')].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width && getComputedStyle(one).position !== 'absolute' && box.right > innerWidth + 1
    && !one.closest('.scroll, svg, .sr');
}).map(one => one.tagName + '.' + one.className + ' ' + Math.round(one.getBoundingClientRect().right)).slice(0, 5)"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_nothing_sticks_out_and_nothing_complains(visitor: Visitor, tab: Tab, tmp_path: Path, dark: bool) -> None:
    """On a small phone, a phone and a desk, hostile texts included; each picture is there to be looked at."""
    last = await visitor.http.get(visitor.base + "/stories")
    hostile = tuple(dict.fromkeys(re.findall(r'href="(/stories/\d+)"', last.text)))[:5]
    for path in (*PAGES, *hostile):
        for width in (SMALL, PHONE, DESK):
            await tab.dress(width, dark=dark)
            await tab.open(visitor.base + path)
            over = await tab.value("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over == 0, (path, width, await tab.value(STICKS_OUT))
            assert await tab.value(STICKS_OUT) == [], (path, width)
        picture = tmp_path / f"{path.strip('/').replace('/', '-').partition('?')[0] or 'status'}.png"
        await tab.picture(picture)
        assert picture.stat().st_size > 5000
    complaints = [one for one in tab.complaints if "status of 404" not in one]  # we asked for /nothing
    assert complaints == []


async def test_light_and_dark_are_two_dresses(visitor: Visitor, tab: Tab) -> None:
    colours = set()
    for dark in (False, True):
        await tab.dress(DESK, dark=dark)
        await tab.open(visitor.base + "/")
        colours.add(await tab.value("getComputedStyle(document.body).backgroundColor"))
    assert colours == {"rgb(250, 249, 246)", "rgb(20, 22, 25)"}


FOCUSED = """(() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
  return [one.textContent.trim().slice(0, 40) || one.id, Math.round(box.top), parseFloat(style.outlineWidth) || 0,
          one.matches(':focus-visible'), box.width > 0]; })()"""


async def test_keys_go_through_in_reading_order(visitor: Visitor, tab: Tab) -> None:
    """Tab reaches the skip link first, then the band, then the content from top to bottom; focus is always seen."""
    await tab.dress(DESK)
    await tab.open(visitor.base + "/stories?name=northwind")
    found = []
    for _ in range(14):
        await tab.press()
        found.append(await tab.value(FOCUSED))
    words = [one[0] for one in found]
    assert words[:9] == [
        "Skip to the content",
        "licensewatch",
        "Status",
        "Stories",
        "Timeline",
        "Feeds",
        "Rules",
        "Deliveries",
        "Search",
    ]
    assert words[9:12] == ["name", "anyclosingrestrictingdisputepolicyunclea", "Show"]
    assert all(outline >= 2 and visible and shown for _, _, outline, visible, shown in found), found
    tops = [top for _, top, *_ in found[9:]]
    assert tops == sorted(tops)


async def test_the_skip_link_leads_to_the_content(visitor: Visitor, tab: Tab) -> None:
    await tab.dress(PHONE)
    await tab.open(visitor.base + "/feeds")
    await tab.press()
    assert await tab.value("document.activeElement.getBoundingClientRect().top >= 0")
    await tab.press("Enter")
    assert await tab.value("document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [PHONE, DESK])
async def test_screen_readers_hear_tables_landmarks_and_pictures(visitor: Visitor, tab: Tab, width: int) -> None:
    """Tables stay tables when they are stacked, every landmark and every picture has a name, each once."""
    await tab.dress(width)
    await tab.open(visitor.base + "/feeds")
    tree = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in await tab.tree()]
    roles = [role for role, _ in tree]
    assert roles.count("row") >= 13
    assert roles.count("rowheader") == 12
    assert "columnheader" in roles
    assert {"banner", "main", "contentinfo", "navigation"} <= set(roles)
    assert {name for role, name in tree if role == "navigation"} == {"Main", "Feeds by health"}
    pictures = [name for role, name in tree if role in ("image", "img", "graphics-document")]
    assert len(pictures) == 13
    assert all(pictures)


async def test_chart_marks_can_be_reached_and_say_what_they_are(visitor: Visitor, tab: Tab) -> None:
    await tab.dress(DESK)
    await tab.open(visitor.base + "/timeline?days=365")
    names = [node.get("name", {}).get("value", "") for node in await tab.tree() if node["role"]["value"] == "link"]
    assert any(
        re.fullmatch(r"20\d\d-\d\d-\d\d, closing, considering: Northwind weighs keeping its next .*", name)
        for name in names
    )
