"""A signed-in tab: its outlet of the hub, the task that shows its events, and its views.

The task takes everything that has queued and shows it at once, so that a busy conversation costs a
tab no more than a few refreshes a second. Views send patches of the lists that the page keeps; no
event locks or compares a state of Reflex.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Protocol, TypeVar, cast

import reflex as rx
import structlog
from reflex.state import StateUpdate

from chat_app.accounts.schemas import Identity, OwnUser
from chat_app.core import tasks
from chat_app.core.errors import AppError
from chat_app.realtime.events import AnyEvent, Envelope, decode
from chat_app.realtime.outlet import SESSION_OVER, TOO_SLOW, Outlet, OutletClosed
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.guard import sign_in_redirect
from chat_app.ui.reflex.patches import EncodedPatch, Link, Patch, encoded
from chat_app.ui.session import SessionState

log = structlog.get_logger(__name__)

# A tab pauses as long as its last refresh took, the wait for all other tabs included. So the more
# there is to do, the less often each is refreshed, and half of the process is left to other work. A
# refresh has a price of its own, whatever it carries: with a shortest pause of 0.15 s, 200 tabs in
# one busy room showed a message in 208 ms (p99), with 0.05 s in 342 ms.
PAUSE_FACTOR = 1.0
MIN_PAUSE_S = 0.15
MAX_PAUSE_S = 1.0
RETRY_S = 1.0
# Together 8 MB at most.
CACHED_EVENTS, MAX_CACHED_BYTES = 1_024, 8_192

# The list without rows that names the account whose lists the page shows.
ACCOUNT = "account"
# The list without rows that holds the time of the server, in milliseconds, when the link opened.
CLOCK = "clock"
# The list without rows that holds what the pages show of the own profile.
PROFILE = "profile"

# Every tab that shows a conversation gets the same events.
_cached = lru_cache(maxsize=CACHED_EVENTS)(decode)


def _decode(body: bytes) -> tuple[AnyEvent, ...]:
    return _cached(body) if len(body) <= MAX_CACHED_BYTES else decode(body)


class View(Protocol):
    """A part of what a tab shows, kept in the page; it sends patches to its tab.

    A tab subscribes to the hub before its views load anything. So an event may come twice (once in
    what was loaded, once as itself) but is never missed: `apply_events` must change nothing the
    second time, and nothing of a view that has not loaded yet.
    """

    def __init__(self, tab: "Tab", /) -> None:
        """Make the view of a tab that was just opened."""

    async def apply_events(self, events: Sequence[AnyEvent], /) -> None:
        """Send what these events change, oldest first."""

    async def reload(self) -> None:
        """Load what is shown afresh: the tab was too slow and may have missed events."""


AnyView = TypeVar("AnyView", bound=View)


class Tab:
    """A tab of a signed-in user."""

    def __init__(  # made in one place
        self,
        app: rx.App,
        views: Sequence[type[View]],
        token: str,
        identity: Identity,
        outlet: Outlet,
    ) -> None:
        self.token = token
        self.identity = identity
        # Held while the views change: what an event handler loads and what the events of the hub
        # change must not overtake one another.
        self._lock = asyncio.Lock()
        self._unsent: list[EncodedPatch] = []
        self._app = app
        self._link = Link(app, token)
        self._profile: dict[str, object] = {}
        self._views = {kind: kind(self) for kind in views}
        self._outlet = outlet
        self._task: asyncio.Task[None] | None = None
        # Started again means after an error of unknown cause: events may be lost.
        self._has_started = False

    def view(self, kind: type[AnyView]) -> AnyView:
        """Return one of the tab's views."""
        return cast("AnyView", self._views[kind])

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """Let only this block change the views, and send their patches in one frame at its end."""
        async with self._lock:
            try:
                yield
            finally:
                await self._send_unsent()

    def send(self, *patches: Patch) -> None:
        """Send patches at the end of the change."""
        self._unsent += map(encoded, patches)

    def push(self, envelope: Envelope) -> None:
        """Show an event of which the hub told nobody, after those that wait."""
        self._outlet.push(envelope)

    def send_encoded(self, patch: EncodedPatch) -> None:
        """Send a patch that was encoded for many tabs at the end of the change."""
        self._unsent.append(patch)

    async def show_profile(self, user: OwnUser) -> None:
        """Send the own name, and whether messages play a sound, where they changed."""
        profile: dict[str, object] = {
            "username": user.username,
            "display_name": user.display_name,
            "sound": user.sound,
        }
        if profile == self._profile:
            return
        self._profile = profile
        async with self.changing():
            self.send(Patch(list=PROFILE, about=profile))

    def start(self) -> None:
        """Start to show the events of the hub."""
        self._task = current_node().supervisor.start("tab", self._run, is_vital=False)

    async def stop(self) -> None:
        """Stop, and leave the hub."""
        current_node().visible_tabs.hide(self.token)
        task = self._task
        try:
            if task is not None and task is not asyncio.current_task():
                await tasks.end([task])
        finally:
            await self._outlet.close()

    async def _send_unsent(self) -> None:
        unsent, self._unsent = self._unsent, []
        if unsent:
            await self._link.send(unsent)

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
            if must_reload and self._link.is_full:
                # To load all of it again is of use only once the page reads.
                await self._outlet.pause(RETRY_S)
                continue
            started = loop.time()
            must_reload = not await self._refresh(envelopes, must_reload=must_reload)
            duration = loop.time() - started
            await self._pause(min(MAX_PAUSE_S, max(MIN_PAUSE_S, duration * PAUSE_FACTOR)))

    async def _pause(self, seconds: float) -> None:
        """Give other tabs their turn; a session that ends cuts the pause short.

        A page that does not read is not written to: its outlet fills, and then it is too slow.
        """
        await self._outlet.pause(seconds)
        while self._link.is_full and not self._outlet.ended.is_set():
            await self._outlet.pause(seconds)

    async def _next_envelopes(self, timeout_s: float | None) -> list[Envelope]:
        """Return the queued envelopes; an empty list if there are none after `timeout_s`."""
        if timeout_s is None:
            return await self._outlet.take()
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
        """Update what the tab shows; return whether that worked."""
        if not await self._is_connected():
            return True
        events = [event for envelope in envelopes for event in _decode(envelope.body)]
        try:
            # As `changing` does, whose context manager costs as much as a view.
            async with self._lock:
                try:
                    for view in self._views.values():
                        await (view.reload() if must_reload else view.apply_events(events))
                finally:
                    await self._send_unsent()
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
        async with self.changing():
            self.send(Patch(list=ACCOUNT, about={"user_id": ""}))
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
