"""The page of a running service: health, metrics and what a person looks at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from monitor.daemon.service import Service

if TYPE_CHECKING:
    from monitor.web.asked import Pulse
    from monitor.web.server import PageServer


def open_page(service: Service, pulse: Callable[[], Pulse]) -> PageServer | None:
    """Serve the page, if that is wished; whatever becomes of it, polling goes on."""
    address = service.configuration.settings.web.address
    if address is None:
        return None
    from monitor.web.asked import Source
    from monitor.web.server import PageServer

    page = PageServer(Source(service.database, lambda: service.configuration, pulse, service.counters), address)
    page.start()
    return page
