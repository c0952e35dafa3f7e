"""Handlers of the people screen and of the dialog about a person; its lists are in its view."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import reflex as rx

from chat_app.accounts.schemas import Identity, UserCard
from chat_app.core.errors import AppError, NotFound
from chat_app.friends.queries import user_card
from chat_app.friends.service import Friends
from chat_app.ui.current_node import current_node
from chat_app.ui.friends.view import PeopleView
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.reflex.vars import BrowserEvent, parse_id, set_changed
from chat_app.ui.session import require_identity

ROUTE = "/people"
MAX_NAME_LENGTH = 100

# A method of `Friends` that one person calls about another.
FriendAction = Callable[..., Awaitable[object]]


class FriendsState(rx.State):
    """What a person does on the people screen, and in the dialog about one of them.

    `failed_id` is the person whose button failed last, and `failed` the reason.
    """

    failed_id: str = ""
    failed: str = ""
    # The person in the open dialog; empty while none is open.
    chosen_id: str = ""
    chosen_name: str = ""
    chosen_friendship: str = ""

    # The page on which that dialog was opened, or a button failed.
    _page: str = ""

    @rx.event
    async def load(self) -> None:
        """Send the people, unless the tab has them."""
        await require_identity(self)
        self._close_of_another_page()
        await self._open_screen(is_people_screen=True)

    @rx.event
    async def load_again(self) -> None:
        """Send the people to a page that does not have them."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(PeopleView).open(again=True)

    @rx.event
    async def count(self) -> None:
        """Send the number of incoming requests, for every other screen."""
        await require_identity(self)
        self._close_of_another_page()
        await self._open_screen(is_people_screen=False)

    @rx.event
    async def request(self, user_id: str) -> None:
        """Send a friend request."""
        await self._act(user_id, Friends.request)

    @rx.event
    async def accept(self, user_id: str) -> None:
        """Accept a friend request."""
        await self._act(user_id, Friends.accept)

    @rx.event
    async def remove_request(self, user_id: str) -> None:
        """Decline an incoming request, or cancel an outgoing one."""
        await self._act(user_id, Friends.remove_request)

    @rx.event
    async def unfriend(self, user_id: str) -> None:
        """End a friendship."""
        await self._act(user_id, Friends.unfriend)

    @rx.event
    async def block(self, user_id: str) -> None:
        """Block a person."""
        await self._act(user_id, Friends.block)

    @rx.event
    async def unblock(self, user_id: str) -> None:
        """Unblock a person."""
        await self._act(user_id, Friends.unblock)

    @rx.event
    async def talk_to(self, user_id: str) -> BrowserEvent | None:
        """Open the direct conversation with a person."""
        me = await require_identity(self)
        try:
            opened = await current_node().conversations.open_direct(
                actor_id=me.user_id, user_id=parse_id(user_id)
            )
        except AppError as error:
            self._set_failure(user_id, error)
            return None
        return rx.redirect(f"/chat/{opened.conversation.id}")

    @rx.event
    async def choose(self, user_id: str, name: str) -> None:
        """Open the dialog about a person; `name` is their name on the screen."""
        me = await require_identity(self)
        try:
            person = parse_id(user_id)
            card = await _card_of(person, me)
        except AppError as error:
            self._set_failure(user_id, error)
            return
        self._page = self.router.url.path
        set_changed(self, failed_id="", failed="", chosen_id=str(person))
        # A person who has blocked the reader looks like one who is not their friend.
        set_changed(self, chosen_name=card.display_name if card else str(name)[:MAX_NAME_LENGTH])
        set_changed(self, chosen_friendship=card.friendship if card else "none")

    @rx.event
    async def dismiss(self) -> None:
        """Close the dialog."""
        self._close()

    async def _act(self, user_id: str, action: FriendAction) -> None:
        me = await require_identity(self)
        try:
            person, friends = parse_id(user_id), current_node().friends
            await action(friends, actor_id=me.user_id, user_id=person)
        except AppError as error:
            self._set_failure(user_id, error)
        else:
            self._close()
        # After a failure too: what was shown is out of date.
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(PeopleView).refresh()

    def _set_failure(self, user_id: str, error: AppError) -> None:
        self._page = self.router.url.path
        set_changed(self, failed_id=str(user_id)[:MAX_NAME_LENGTH], failed=error.detail)

    def _close_of_another_page(self) -> None:
        """Close what was opened elsewhere: this page may have been used while it was loading."""
        if self._page != self.router.url.path:
            self._close()

    def _close(self) -> None:
        set_changed(self, chosen_id="", chosen_name="", chosen_friendship="")
        set_changed(self, failed_id="", failed="")

    async def _open_screen(self, *, is_people_screen: bool) -> None:
        tab = tab_of(self)
        async with tab.changing():
            view = tab.view(PeopleView)
            await (view.open() if is_people_screen else view.count())

    async def _preload(self, _me: Identity) -> None:
        await self._open_screen(is_people_screen=self.router.route_id == ROUTE)


async def _card_of(person: UUID, me: Identity) -> UserCard | None:
    """Return a person's card as the reader may see it, or None."""
    node = current_node()
    async with node.database.reading() as reading:
        try:
            return await user_card(
                reading, viewer_id=me.user_id, user_id=person, online=node.online
            )
        except NotFound:
            return None
