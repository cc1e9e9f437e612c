"""The dashboard: one page, served beside the metrics API on the same loopback listener, and its guard.

`add_dashboard(app)` is the room's door. Nothing is built and nothing comes from elsewhere: `assets/` holds what a
browser gets, byte for byte.
"""

from collections.abc import Iterable

from aiohttp import web

from linkerd_viz.web.guard import guard, secure
from linkerd_viz.web.pages import add_pages

__all__ = ["add_dashboard"]


def add_dashboard(app: web.Application, hosts: Iterable[str] = ()) -> None:
    """Add the pages to the API's application, and the guard in front of both. `hosts`: names beside localhost's."""
    app.middlewares.insert(0, guard(hosts))
    app.on_response_prepare.append(secure)
    add_pages(app)
