"""The people found by the search as one tab shows them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from chat_app.accounts.schemas import UserCard
from chat_app.core.errors import AppError
from chat_app.friends.queries import search_users
from chat_app.realtime.events import AnyEvent
from chat_app.ui.current_node import current_node
from chat_app.ui.people import updates
from chat_app.ui.people.rows import PersonRow, number_found, person_row
from chat_app.ui.reflex.patches import difference
from chat_app.ui.reflex.tab import Tab

LIST = "found"


class FoundView:
    """The people found, best match first.

    About the list: `query`, which found them, and `announcement`, their number as a sentence for
    screen readers. The page does not keep it.
    """

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._viewer_id = tab.identity.user_id
        self._query = ""
        self._cards: updates.Cards = ()
        # The error of the last action on a person.
        self._problems: dict[UUID, str] = {}
        self._rows: Mapping[str, PersonRow] = {}

    async def search(self, query: str) -> None:
        """Send the people whose names contain the text, and follow them."""
        if query != self._query:
            self._problems = {}
        self._query = query
        try:
            await self._search()
        except AppError:
            self._show(())
            raise

    def clear(self) -> None:
        """Send that nobody is searched any more."""
        self._query, self._problems = "", {}
        self._show(())

    def find(self, user_id: UUID) -> UserCard | None:
        """Return the card of a person, if they were found."""
        return updates.find(self._cards, user_id)

    def show_card(self, card: UserCard) -> None:
        """Send the card of a person after an action that worked."""
        self._problems.pop(card.id, None)
        self._show(updates.with_card(self._cards, card))

    def show_problem(self, user_id: UUID, error: AppError) -> None:
        """Send why an action on a person who was found did not work."""
        self._problems[user_id] = error.detail
        self._show(self._cards)

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Send the rows that these events change."""
        cards = self._cards
        if any(updates.must_search_again(cards, event) for event in events):
            await self._search()
            return
        for event in events:
            cards = updates.apply(cards, event)
        if cards is not self._cards:
            self._show(cards)

    async def reload(self) -> None:
        """Search again, if there was a search."""
        if self._query:
            await self._search()

    async def _search(self) -> None:
        node = current_node()
        async with node.database.reading() as reading:
            cards = await search_users(
                reading, viewer_id=self._viewer_id, text=self._query, online=node.online
            )
        self._show(tuple(cards))

    def _show(self, cards: updates.Cards) -> None:
        rows = {
            str(card.id): person_row(card, place, self._problems.get(card.id, ""))
            for place, card in enumerate(cards)
        }
        patch = difference(LIST, self._rows, rows)
        announcement = number_found(len(rows)) if self._query else ""
        patch["about"] = {"query": self._query, "announcement": announcement}
        self._cards, self._rows = cards, rows
        self._tab.send(patch)
