"""News from the hub, brought to every open tab.

A signed-in tab has one outlet of the hub and one task. The task takes everything that has queued
and shows it in a single change of the tab's state, so that a busy conversation costs a tab no more
than a few refreshes a second.
"""

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache

import reflex as rx
import structlog
from reflex.state import StateUpdate

from chat_app.accounts.schemas import Identity
from chat_app.core import tasks
from chat_app.core.errors import AppError
from chat_app.realtime.events import AnyEvent, Envelope, decode
from chat_app.realtime.outlet import SESSION_OVER, TOO_SLOW, Outlet, OutletClosed
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.guard import sign_in_redirect
from chat_app.ui.reflex.screens import LiveScreen, state_of
from chat_app.ui.session import SessionState

log = structlog.get_logger(__name__)

# A tab rests as long as its last refresh took, the wait for all other tabs included. So the more
# there is to do, the less often each is refreshed, and half of the process is left to other things.
REST = 1.0
SHORTEST_REST = 0.05
LONGEST_REST = 1.0
RETRY = 1.0
SHARED_EVENTS = 1_024


# One event is news for every tab that shows its conversation.
@lru_cache(maxsize=SHARED_EVENTS)
def _decoded(body: bytes) -> AnyEvent:
    return decode(body)


class LiveTabs:
    """Every signed-in tab that is open in this process."""

    def __init__(self, app: rx.App, screens: Sequence[type[LiveScreen]]) -> None:
        self._app = app
        self._screens = screens
        self._open: set[str] = set()
        self._tabs: dict[str, _Tab] = {}

    @asynccontextmanager
    async def opened(self, token: str) -> AsyncIterator[None]:
        """Let the tab with this token be followed for as long as the block lasts."""
        self._open.add(token)
        try:
            yield
        finally:
            self._open.discard(token)
            await self._leave(token)

    async def follow(self, token: str, identity: Identity) -> None:
        """Have a tab hear the news, from now on until its socket ends."""
        tab = self._tabs.get(token)
        if tab is not None and tab.identity == identity:
            return
        await self._leave(token)
        outlet = await current_node().open_outlet(identity)
        # The last event of a tab may come to its turn when the socket has already ended.
        if token not in self._open:
            await outlet.close()
            return
        tab = _Tab(self._app, self._screens, token, identity, outlet)
        self._tabs[token] = tab
        tab.start()

    async def _leave(self, token: str) -> None:
        tab = self._tabs.pop(token, None)
        if tab is not None:
            await tab.stop()

    def reload(self) -> None:
        """Have every tab load afresh what it shows: news may have been missed."""
        for tab in self._tabs.values():
            tab.miss()

    async def close(self) -> None:
        """Forget every tab: the process stops."""
        self._open.clear()
        for token in list(self._tabs):
            await self._leave(token)

    def __len__(self) -> int:
        """Count the tabs."""
        return len(self._tabs)


class _Tab:
    def __init__(
        self,
        app: rx.App,
        screens: Sequence[type[LiveScreen]],
        token: str,
        identity: Identity,
        outlet: Outlet,
    ) -> None:
        self.token = token
        self.identity = identity
        self._app = app
        self._screens = screens
        self._outlet = outlet
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        # A context of its own: the current one belongs to an event that will be long over.
        self._task = asyncio.create_task(self._listen(), context=contextvars.Context())

    def miss(self) -> None:
        # As if it had been too slow: it opens another outlet, and loads.
        self._outlet.shut(TOO_SLOW, "news was missed")

    async def stop(self) -> None:
        task = self._task
        if task is not None and task is not asyncio.current_task():
            await tasks.end([task])
        await self._outlet.close()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        missed = False
        while True:
            try:
                news = await self._news(RETRY if missed else None)
            except OutletClosed as closed:
                if closed.code == SESSION_OVER:
                    await self._sign_out()
                if closed.code != TOO_SLOW:
                    return
                if not await self._reopen():
                    await asyncio.sleep(RETRY)
                    continue
                news, missed = [], True
            started = loop.time()
            missed = not await self._refresh(news, missed=missed)
            took = loop.time() - started
            await self._rest(min(LONGEST_REST, max(SHORTEST_REST, took * REST)))

    async def _rest(self, seconds: float) -> None:
        """Let the others have their turn, but for a session that is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._outlet.ended.wait()

    async def _news(self, patience: float | None) -> list[Envelope]:
        """Wait for news, or until it is time to make up for a refresh that failed."""
        try:
            async with asyncio.timeout(patience):
                return await self._outlet.take()
        except TimeoutError:
            return []

    async def _reopen(self) -> bool:
        """Replace the outlet that was too slow; return whether that worked."""
        await self._outlet.close()
        try:
            self._outlet = await current_node().open_outlet(self.identity)
        except AppError as error:
            log.warning("outlet_postponed", code=error.code)
            return False
        return True

    async def _refresh(self, news: Sequence[Envelope], *, missed: bool) -> bool:
        """Show the news; return whether that worked."""
        if not await self._is_connected():
            return True
        events = [_decoded(envelope.body) for envelope in news]
        try:
            async with self._app.modify_state(self._state_token()) as root:
                session = await root.get_state(SessionState)
                if session._identity() != self.identity:
                    return True
                for screen in self._screens:
                    state = await state_of(root, screen)
                    if missed:
                        await state._reload(self.identity)
                    else:
                        await state._apply_events(self.identity, events)
        except AppError as error:
            log.warning("refresh_postponed", code=error.code)
            return False
        except Exception:  # whatever it was, the tab is still open and tries again
            log.exception("refresh_failed")
            return False
        for envelope in news:
            self._outlet.delivered(envelope)
        return True

    async def _sign_out(self) -> None:
        """Take everything private from the tab and send it to the sign-in page."""
        if not await self._is_connected():
            return
        async with self._app.modify_state(self._state_token()) as root:
            session = await root.get_state(SessionState)
            if session._identity() != self.identity:
                return
            path = root.router_data.get("asPath", "")
            root.reset()
        namespace = self._app.event_namespace
        if namespace is not None:
            await namespace.emit_update(StateUpdate(events=sign_in_redirect(path)), self.token)

    async def _is_connected(self) -> bool:
        # An unknown token would make a state for nobody, which stays until it expires.
        namespace = self._app.event_namespace
        return namespace is not None and await namespace._token_manager.is_token_connected(
            self.token
        )

    def _state_token(self) -> rx.BaseStateToken:
        return rx.BaseStateToken(ident=self.token, cls=SessionState)
