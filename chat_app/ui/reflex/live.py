"""The signed-in tabs that are open in this process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

import reflex as rx
from reflex.state import BaseState

from chat_app.accounts.schemas import Identity, OwnUser
from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError, Unauthenticated
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.patches import Link, Patch, encoded
from chat_app.ui.reflex.sockets import TooManyTabs
from chat_app.ui.reflex.tab import ACCOUNT, CLOCK, Tab, View

# A school behind one address signs in at once; a script opens thousands.
MAX_ANONYMOUS_OF_NETWORK, MAX_ANONYMOUS = 200, 1_000

# The list without rows that shows why the last event was refused.
TROUBLE = "trouble"

# Every signed-in tab of this process, by token, for the handlers of states.
_tabs: dict[str, Tab] = {}


def tab_of(state: BaseState) -> Tab:
    """Return the tab whose event a handler of `state` handles.

    Raises Unauthenticated where it has been signed out meanwhile.
    """
    tab = _tabs.get(state._get_root_state().router_data.get("token", ""))
    if tab is None:
        raise Unauthenticated
    return tab


class LiveTabs:
    """Every signed-in tab that is open."""

    def __init__(
        self,
        app: rx.App,
        views: Sequence[type[View]],
        *,
        is_limited: bool = True,
        most_of_user: int = 50,
    ) -> None:
        self._app = app
        self._views = views
        self._is_limited = is_limited
        self._most_of_user = most_of_user
        self._open: set[str] = set()
        # The networks of open tabs that have not signed in, by token.
        self._anonymous: dict[str, str] = {}
        self._tabs = _tabs
        self._marks = count(1)

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
        tab = Tab(self._app, self._views, token, identity, outlet)
        self._tabs[token] = tab
        # First of all: the page shows the lists of this account, and of no other.
        async with tab.changing():
            tab.send(
                Patch(list=ACCOUNT, about={"user_id": str(identity.user_id)}),
                Patch(list=CLOCK, about={"now": int(utc_now().timestamp() * 1000)}),
            )
        tab.start()

    async def show_profile(self, token: str, user: OwnUser) -> None:
        """Send a tab the own profile, where it has changed."""
        tab = self._tabs.get(token)
        if tab is not None and tab.identity.user_id == user.id:
            await tab.show_profile(user)

    async def forget_account(self, token: str) -> None:
        """Make a page forget the account that it showed: its session is over."""
        await Link(self._app, token).send([encoded(Patch(list=ACCOUNT, about={"user_id": ""}))])

    async def refuse(self, token: str, error: AppError, *, opens: bool) -> None:
        """Show why an event was refused; end the link of a tab that `opens`: it opens again."""
        link = Link(self._app, token)
        about = {"text": error.detail, "mark": next(self._marks)}
        await link.send([encoded(Patch(list=TROUBLE, about=about))])
        if opens:
            await link.end()

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
