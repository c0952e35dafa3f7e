"""Live updates: events of the hub, shown in every open tab.

A signed-in tab has one outlet of the hub and one task. The task takes everything that has queued
and shows it in a single change of the tab's state, so that a busy conversation costs a tab no more
than a few refreshes a second.
"""

import asyncio
import contextlib
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
from chat_app.ui.reflex.sockets import TooManyTabs
from chat_app.ui.session import SessionState

log = structlog.get_logger(__name__)

# A tab pauses as long as its last refresh took, the wait for all other tabs included. So the more
# there is to do, the less often each is refreshed, and half of the process is left to other work.
PAUSE_FACTOR = 1.0
MIN_PAUSE_S = 0.05
MAX_PAUSE_S = 1.0
RETRY_S = 1.0
# Together 8 MB at most.
CACHED_EVENTS, MAX_CACHED_BYTES = 1_024, 8_192

# A school behind one address signs in at once; a script opens thousands.
MAX_ANONYMOUS_OF_NETWORK, MAX_ANONYMOUS = 200, 1_000

# Every tab that shows a conversation gets the same events.
_cached = lru_cache(maxsize=CACHED_EVENTS)(decode)


def _decode(body: bytes) -> tuple[AnyEvent, ...]:
    return _cached(body) if len(body) <= MAX_CACHED_BYTES else decode(body)


class LiveTabs:
    """Every signed-in tab that is open in this process."""

    def __init__(
        self,
        app: rx.App,
        screens: Sequence[type[LiveScreen]],
        *,
        is_limited: bool = True,
        most_of_user: int = 50,
    ) -> None:
        self._app = app
        self._screens = screens
        self._is_limited = is_limited
        self._most_of_user = most_of_user
        self._open: set[str] = set()
        # The networks of open tabs that have not signed in, by token.
        self._anonymous: dict[str, str] = {}
        self._tabs: dict[str, _Tab] = {}

    @asynccontextmanager
    async def opened(self, token: str, network: str = "") -> AsyncIterator[None]:
        """Allow the subscription of the tab with this token while the block lasts.

        Raises TooManyTabs where many have not signed in: each costs 70 KiB.
        """
        of_network = sum(one == network for one in self._anonymous.values())
        is_full = of_network >= MAX_ANONYMOUS_OF_NETWORK or len(self._anonymous) >= MAX_ANONYMOUS
        if is_full and self._is_limited:
            raise TooManyTabs
        self._open.add(token)
        self._anonymous[token] = network
        try:
            yield
        finally:
            self._open.discard(token)
            self._anonymous.pop(token, None)
            await self._unsubscribe(token)

    async def subscribe(self, token: str, identity: Identity) -> None:
        """Show the events of a session in a tab, until its socket ends.

        Raises TooManyTabs where the user has many: each costs 70 KiB, and work for every event.
        """
        tab = self._tabs.get(token)
        if tab is not None and tab.identity == identity:
            return
        await self._unsubscribe(token)
        outlet = await current_node().open_outlet(identity)
        try:
            # Another event of the tab may have subscribed it meanwhile.
            while (tab := self._tabs.get(token)) is not None and tab.identity != identity:
                await self._unsubscribe(token)
        except BaseException:
            await outlet.close()
            raise
        # The last event of a tab may be processed when its socket has already ended.
        if tab is not None or token not in self._open:
            await outlet.close()
            return
        of_user = sum(one.identity.user_id == identity.user_id for one in self._tabs.values())
        if of_user >= self._most_of_user and self._is_limited:
            await outlet.close()
            raise TooManyTabs
        self._anonymous.pop(token, None)
        tab = _Tab(self._app, self._screens, token, identity, outlet)
        self._tabs[token] = tab
        tab.start()

    async def _unsubscribe(self, token: str) -> None:
        tab = self._tabs.pop(token, None)
        if tab is not None:
            await tab.stop()

    async def close(self) -> None:
        """Unsubscribe every tab: the process stops."""
        self._open.clear()
        for token in list(self._tabs):
            await self._unsubscribe(token)

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
        # Started again means after an error of unknown cause: events may be lost.
        self._has_started = False

    def start(self) -> None:
        self._task = current_node().supervisor.start("tab", self._run, is_vital=False)

    async def stop(self) -> None:
        task = self._task
        try:
            if task is not None and task is not asyncio.current_task():
                await tasks.end([task])
        finally:
            await self._outlet.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        must_reload, self._has_started = self._has_started, True
        while True:
            try:
                envelopes = await self._next_envelopes(RETRY_S if must_reload else None)
            except OutletClosed as closed:
                if closed.code == SESSION_OVER:
                    await self._sign_out()
                if closed.code != TOO_SLOW:
                    return
                if not await self._reopen():
                    await asyncio.sleep(RETRY_S)
                    continue
                envelopes, must_reload = [], True
            started = loop.time()
            must_reload = not await self._refresh(envelopes, must_reload=must_reload)
            duration = loop.time() - started
            await self._pause(min(MAX_PAUSE_S, max(MIN_PAUSE_S, duration * PAUSE_FACTOR)))

    async def _pause(self, seconds: float) -> None:
        """Give other tabs their turn; a session that ends cuts the pause short."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._outlet.ended.wait()

    async def _next_envelopes(self, timeout_s: float | None) -> list[Envelope]:
        """Return the queued envelopes; an empty list if there are none after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._outlet.take()
        except TimeoutError:
            return []

    async def _reopen(self) -> bool:
        """Replace the outlet that was too slow; return whether that worked."""
        await self._outlet.close()
        try:
            self._outlet = await current_node().open_outlet(self.identity)
        except AppError as error:
            log.warning("outlet_not_opened", code=error.code)
            return False
        return True

    async def _refresh(self, envelopes: Sequence[Envelope], *, must_reload: bool) -> bool:
        """Update the tab's screens; return whether that worked."""
        if not await self._is_connected():
            return True
        events = [event for envelope in envelopes for event in _decode(envelope.body)]
        try:
            async with self._app.modify_state(self._state_token()) as root:
                session = await root.get_state(SessionState)
                if session._identity() != self.identity:
                    return True
                for screen in self._screens:
                    state = await state_of(root, screen)
                    if must_reload:
                        await state._reload(self.identity)
                    else:
                        await state._apply_events(self.identity, events)
        except AppError as error:
            log.warning("refresh_refused", code=error.code)
            return False
        except Exception:  # the tab stays open and tries again
            log.exception("refresh_failed")
            return False
        for envelope in envelopes:
            self._outlet.delivered(envelope)
        return True

    async def _sign_out(self) -> None:
        """Clear the tab's private state and redirect it to the sign-in page."""
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
        # Reflex would make a state for an unknown token, and keep it until it expires.
        namespace = self._app.event_namespace
        return namespace is not None and await namespace._token_manager.is_token_connected(
            self.token
        )

    def _state_token(self) -> rx.BaseStateToken:
        return rx.BaseStateToken(ident=self.token, cls=SessionState)
