"""State of the people screen and of the number of incoming requests."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import reflex as rx

from chat_app.accounts.schemas import Identity, UserCard
from chat_app.core.errors import AppError, NotFound
from chat_app.friends import queries
from chat_app.friends.queries import user_card
from chat_app.friends.service import Friends
from chat_app.realtime.events import (
    AnyEvent,
    FriendAccepted,
    FriendRemoved,
    FriendRequested,
    Presence,
)
from chat_app.ui.current_node import current_node
from chat_app.ui.friends.rows import (
    FriendRow,
    friend_rows,
    since_rows,
    suggestion_rows,
    with_presence,
)
from chat_app.ui.reflex.vars import BrowserEvent, parse_id, set_changed
from chat_app.ui.session import require_identity

ROUTE = "/people"
MAX_NAME_LENGTH = 100
LISTS = ("friends", "incoming", "outgoing", "suggestions", "blocked")

# A method of `Friends` that one person calls about another.
FriendAction = Callable[..., Awaitable[object]]
FRIEND_EVENTS = (FriendRequested, FriendAccepted, FriendRemoved)


class FriendsState(rx.State):
    """The people screen, and on every screen the number of incoming requests.

    `failed_id` is the person whose button failed last, and `failed` the reason.
    """

    friends: list[FriendRow] = []
    incoming: list[FriendRow] = []
    outgoing: list[FriendRow] = []
    suggestions: list[FriendRow] = []
    blocked: list[FriendRow] = []
    waiting: int = 0
    loaded: bool = False
    problem: str = ""
    failed_id: str = ""
    failed: str = ""
    # The person in the open dialog; empty while none is open.
    chosen_id: str = ""
    chosen_name: str = ""
    chosen_friendship: str = ""

    # Whether the people screen is open; whether the number of requests is loaded.
    _is_people_screen: bool = False
    _is_counted: bool = False
    # Loaded by `_preload`: the page's own handler need not load again.
    _preloaded: bool = False

    @rx.event
    async def load(self) -> None:
        """Load the people screen."""
        await self._open_screen(await require_identity(self), is_people_screen=True)

    @rx.event
    async def count(self) -> None:
        """Load the number of incoming requests, for every other screen."""
        await self._open_screen(await require_identity(self), is_people_screen=False)

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
            set_changed(self, failed_id="", failed="")
        # After a failure too: what was shown is out of date.
        await self._try_to_load(me)

    def _set_failure(self, user_id: str, error: AppError) -> None:
        set_changed(self, failed_id=str(user_id)[:MAX_NAME_LENGTH], failed=error.detail)

    def _close(self) -> None:
        set_changed(self, chosen_id="", chosen_name="", chosen_friendship="")

    async def _open_screen(self, me: Identity, *, is_people_screen: bool) -> None:
        is_loaded = self._preloaded and is_people_screen == self._is_people_screen
        self._preloaded, self._is_people_screen = False, is_people_screen
        if is_loaded:
            return
        if not is_people_screen:
            self._clear_lists()
        self._is_counted = True
        await self._try_to_load(me)

    async def _try_to_load(self, me: Identity) -> None:
        try:
            await self._load(me)
        except AppError as error:
            self.problem = error.detail

    async def _load(self, me: Identity) -> None:
        node = current_node()
        viewer = me.user_id
        async with node.database.reading() as reading:
            if not self._is_people_screen:
                waiting = await queries.count_requests(reading, viewer_id=viewer)
                set_changed(self, waiting=waiting)
                return
            found = await queries.suggest_people(reading, viewer_id=viewer, online=node.online)
        online, database = node.online, node.database
        friends = await queries.list_friends(database, viewer_id=viewer, online=online)
        requests = await queries.list_requests(database, viewer_id=viewer, online=online)
        blocks = await queries.list_blocks(database, viewer_id=viewer, online=online)
        incoming = since_rows(requests.incoming)
        set_changed(self, friends=friend_rows(friends), suggestions=suggestion_rows(found.items))
        set_changed(
            self, incoming=incoming, outgoing=since_rows(requests.outgoing, "Has not answered yet")
        )
        set_changed(self, blocked=since_rows(blocks.items), waiting=len(incoming))
        set_changed(self, loaded=True, problem="")

    def _clear_lists(self) -> None:
        self._close()
        set_changed(self, **{name: [] for name in LISTS})
        set_changed(self, loaded=False, problem="", failed_id="", failed="")

    async def _apply_events(self, me: Identity, events: Sequence[AnyEvent]) -> None:
        if not self._is_counted:
            return
        if any(isinstance(event, FRIEND_EVENTS) for event in events):
            await self._load(me)
            return
        for event in events:
            if isinstance(event, Presence) and self.loaded:
                changed = {n: with_presence(self.get_value(n), event) for n in LISTS}
                set_changed(self, **changed)

    async def _reload(self, me: Identity) -> None:
        if self._is_counted:
            await self._load(me)

    async def _preload(self, me: Identity) -> None:
        await self._open_screen(me, is_people_screen=self.router.route_id == ROUTE)
        self._preloaded = True


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
