"""The people of the people screen as one tab shows them, and the number of incoming requests."""

from collections.abc import Sequence
from operator import attrgetter

from chat_app.core.errors import AppError
from chat_app.friends import queries
from chat_app.realtime.events import (
    AnyEvent,
    ConversationUpdated,
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
    with_profile,
)
from chat_app.ui.reflex.patches import Patch, difference
from chat_app.ui.reflex.tab import Tab
from chat_app.ui.told import told

LIST = "people"
FRIEND_EVENTS = (FriendRequested, FriendAccepted, FriendRemoved)


class PeopleView:
    """Friends, requests, suggestions and blocks: one list, in which a person has one row.

    About the list: `loaded`, a `problem`, and `waiting`, the number of incoming requests. Other
    screens show that number alone; then the page keeps the rows, and nothing is loaded for them.
    """

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._viewer_id = tab.identity.user_id
        self._rows: dict[str, FriendRow] = {}
        self._is_open = False
        self._is_loaded = False

    async def open(self, *, again: bool = False) -> None:
        """Send all people and follow them; if they were sent before, only where asked `again`."""
        if self._is_open and self._is_loaded and not again:
            return
        self._is_open = True
        await self._try_to_load(afresh=True)

    async def count(self) -> None:
        """Send the number of incoming requests, and follow it alone from now on."""
        if self._is_loaded and not self._is_open:
            return
        self._is_open, self._rows = False, {}
        await self._try_to_load(afresh=True)

    async def refresh(self) -> None:
        """Send what has changed: the user has done something."""
        await self._try_to_load(afresh=False)

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Send the rows that these events change."""
        if not self._is_loaded:
            return
        if any(isinstance(event, FRIEND_EVENTS) for event in events):
            await self._load(afresh=False)
            return
        changed = dict[str, FriendRow]()
        for event in events:
            if isinstance(event, Presence):
                key = str(event.user_id)
                if row := changed.get(key, self._rows.get(key)):
                    changed[key] = FriendRow(**{**row, "online": event.online is True})
            elif isinstance(event, ConversationUpdated):
                # A deleted account has no username; its rows go with what was between both.
                for card in filter(attrgetter("username"), event.conversation.members):
                    key = str(card.id)
                    if row := changed.get(key, self._rows.get(key)):
                        changed[key] = with_profile(row, card)
        put = [row for key, row in changed.items() if row != self._rows[key]]
        if put:
            self._rows |= changed
            self._tab.send(Patch(list=LIST, put=put))

    async def reload(self) -> None:
        """Send all of it again, if it was sent."""
        if self._is_loaded:
            await self._load(afresh=True)

    async def _try_to_load(self, *, afresh: bool) -> None:
        try:
            await self._load(afresh=afresh)
        except AppError as error:
            self._is_loaded = False
            # What the page has of them is out of date: it asks again by itself.
            self._tab.send(Patch(list=LIST, about={"problem": error.detail, "kept": True}))

    async def _load(self, *, afresh: bool) -> None:
        node, viewer = current_node(), self._viewer_id
        if not self._is_open:
            async with node.database.reading() as reading:
                waiting = await queries.count_requests(reading, viewer_id=viewer)
            self._tab.send(Patch(list=LIST, about={"waiting": waiting}))
            self._is_loaded = True
            return
        online, database = node.online, node.database
        async with database.reading() as reading:
            found = await queries.suggest_people(reading, viewer_id=viewer, online=online)
        friends = await queries.list_friends(database, viewer_id=viewer, online=online)
        requests = await queries.list_requests(database, viewer_id=viewer, online=online)
        blocks = await queries.list_blocks(database, viewer_id=viewer, online=online)
        rows = [
            *suggestion_rows(found.items),
            *friend_rows(friends),
            *since_rows(requests.incoming, "incoming"),
            *since_rows(requests.outgoing, "outgoing", told("Has not answered yet")),
            *since_rows(blocks.items, "blocked"),
        ]
        waiting = len(requests.incoming)
        about = {"loaded": True, "kept": False, "problem": "", "waiting": waiting}
        before, self._rows = self._rows, {row["id"]: row for row in rows}
        patch = difference(LIST, {} if afresh else before, self._rows)
        patch["about"] = about
        if afresh:
            patch["reset"] = True
        self._is_loaded = True
        self._tab.send(patch)
