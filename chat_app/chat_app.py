"""Composition root: both doors in one process. Only Reflex imports it."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from chat_app.api.app import create_api
from chat_app.core.cookies import cookie_values
from chat_app.core.languages import Language
from chat_app.core.logs import configure_logs
from chat_app.core.metrics import Metrics
from chat_app.core.settings import SettingsError, read_settings
from chat_app.core.traces import Traces
from chat_app.server.cors import allow_pages_origin
from chat_app.server.edge import AsgiApp, dispatch, edge
from chat_app.server.home import name_home
from chat_app.server.languages import choose_language
from chat_app.server.page_policy import allow_page_scripts
from chat_app.ui import routes
from chat_app.ui.current_node import current_node, serving
from chat_app.ui.reflex import build, language_files
from chat_app.ui.reflex.app import CompiledApp, HandlerFailures, PageFailures, socket_server
from chat_app.ui.reflex.closed_tabs import ClosedTabs
from chat_app.ui.reflex.guard import SessionGuard
from chat_app.ui.reflex.live import LiveTabs
from chat_app.ui.reflex.sockets import guard_sockets

try:
    settings = read_settings()
except SettingsError as error:
    sys.exit(str(error))

configure_logs(settings.log_level, settings.log_format, settings.node_name)
metrics = Metrics()
traces = Traces()
api = create_api(settings, metrics=metrics, traces=traces)


class ChatApp(CompiledApp):
    """The browser's door, with the program's door beside it and the edge around both."""

    def __call__(self) -> AsgiApp:
        """Return the whole chat as one ASGI application."""
        language_files.serve_language_files()
        pages = name_home(guard_sockets(super().__call__(), settings, opened), settings)
        pages = choose_language(pages, language_of_account)
        pages = allow_page_scripts(pages, settings, build.pages_folder())
        chat = dispatch(cast("AsgiApp", api), pages)
        return allow_pages_origin(edge(chat, settings, metrics, traces), settings)


async def language_of_account(cookies: str) -> Language | None:
    """Return the language of the account that a Cookie header signs in."""
    secrets = cookie_values(cookies, settings.cookie_names)
    user = await current_node().accounts.authenticate_cookies(secrets) if secrets else None
    return user.user.locale if user else None


@asynccontextmanager
async def life() -> AsyncIterator[None]:
    """Run the node while the server runs; everything that needs a loop is made here."""
    async with api.lifespan():
        with serving(api.state.node):
            try:
                yield
            finally:
                await tabs.close()


@asynccontextmanager
async def opened(token: str, network: str) -> AsyncIterator[None]:
    """Keep a tab among the live ones while its socket is open."""
    async with tabs.opened(token, network):
        try:
            yield
        finally:
            closed_tabs.forget(token)


app = ChatApp(
    toaster=None,
    sio=socket_server(settings),
    backend_exception_handler=HandlerFailures().report,
    frontend_exception_handler=PageFailures().report,
)
tabs = LiveTabs(
    app,
    routes.LIVE_VIEWS,
    is_limited=settings.limits == "on",
    most_of_user=settings.limit_tabs_per_user,
)
closed_tabs = ClosedTabs(app)
metrics.gauge("chat_tabs", "Open tabs that are signed in", lambda: len(tabs))
app.add_middleware(SessionGuard(settings, tabs), index=0)
app.register_lifespan_task(life)
routes.add_pages(app)
