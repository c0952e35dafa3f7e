"""State of the search for people."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import reflex as rx
from msgspec.structs import replace

from chat_app.accounts.schemas import Identity
from chat_app.core.errors import AppError
from chat_app.friends.queries import search_users
from chat_app.realtime.events import AnyEvent
from chat_app.ui.current_node import current_node
from chat_app.ui.people import updates
from chat_app.ui.people.rows import PersonRow, number_found, person_row
from chat_app.ui.reflex.vars import BrowserEvent, parse_id_or_nil, set_changed
from chat_app.ui.session import require_identity

MAX_QUERY_LENGTH = 64
# The id of the search field.
SEARCH_ID = "search-people"


class PeopleState(rx.State):
    """The search for people in the side pane; an empty `query` shows the conversations again."""

    query: str = ""
    found: list[PersonRow] = []
    # The query that found the people shown: older than `query` while a search is running.
    found_by: str = ""
    searching: bool = False
    problem: str = ""
    # The number of people found, as a sentence for screen readers.
    announcement: str = ""

    _cards: updates.Cards = ()
    _problems: dict[UUID, str] = {}
    _page: str = ""

    @rx.event
    async def reset_search(self) -> BrowserEvent | None:
        """Clear the search when another page is opened."""
        page, self._page = self._page, self.router.url.path
        # A query that was typed while the first page was loading stays.
        if not self.query or not page:
            return None
        self._clear()
        return rx.set_value(SEARCH_ID, "")

    @rx.event
    async def search(self, text: str) -> AsyncIterator[None]:
        """Show the people whose names contain the text.

        The events of a tab are processed one after the other: the newest answer is the last one.
        """
        me = await require_identity(self)
        # One letter more than allowed: a longer text is refused, and not cut to another query.
        query = text.strip()[: MAX_QUERY_LENGTH + 1]
        if not query:
            self._clear()
            return
        set_changed(self, query=query, searching=True, problem="", announcement="")
        yield
        try:
            await self._search(me)
        except AppError as error:
            self._show(())
            set_changed(self, problem=error.detail, announcement="")
        finally:
            self.searching = False

    @rx.event
    async def talk_to(self, user_id: str) -> list[BrowserEvent] | None:
        """Open the direct conversation with a person."""
        me = await require_identity(self)
        person_id = parse_id_or_nil(user_id)
        try:
            opened = await current_node().conversations.open_direct(
                actor_id=me.user_id, user_id=person_id
            )
        except AppError as error:
            self._show_problem(person_id, error)
            return None
        # That chat may be open already: then no page load follows that would clear the search.
        self._clear()
        return [rx.set_value(SEARCH_ID, ""), rx.redirect(f"/chat/{opened.conversation.id}")]

    @rx.event
    async def befriend(self, user_id: str, action: str) -> None:
        """Send, accept or cancel a friend request, by the button's action."""
        me = await require_identity(self)
        person_id = parse_id_or_nil(user_id)
        friends = current_node().friends
        card = updates.find(self._cards, person_id)
        try:
            match action:
                case "Add friend":
                    card = await friends.request(actor_id=me.user_id, user_id=person_id)
                case "Accept":
                    card = await friends.accept(actor_id=me.user_id, user_id=person_id)
                case "Cancel":
                    await friends.remove_request(actor_id=me.user_id, user_id=person_id)
                    card = card and replace(card, friendship="none")
                case _:
                    return
        except AppError as error:
            self._show_problem(person_id, error)
            return
        self._problems.pop(person_id, None)
        if card is not None:
            self._show(updates.with_card(self._cards, card))

    async def _search(self, me: Identity) -> None:
        node = current_node()
        async with node.database.reading() as reading:
            cards = await search_users(
                reading, viewer_id=me.user_id, text=self.query, online=node.online
            )
        if self.found_by != self.query:
            self._problems = {}
        self._show(tuple(cards))

    async def _apply_events(self, me: Identity, events: Sequence[AnyEvent]) -> None:
        cards = self._cards
        if any(updates.must_search_again(cards, event) for event in events):
            await self._search(me)
            return
        for event in events:
            cards = updates.apply(cards, event)
        if cards is not self._cards:
            self._show(cards)

    async def _reload(self, me: Identity) -> None:
        if self.query:
            await self._search(me)

    def _show_problem(self, person_id: UUID, error: AppError) -> None:
        if updates.find(self._cards, person_id) is None:
            self.problem = error.detail
            return
        self._problems[person_id] = error.detail
        self._show(self._cards)

    def _show(self, cards: updates.Cards) -> None:
        self._cards = cards
        rows = [person_row(card, self._problems.get(card.id, "")) for card in cards]
        announcement = number_found(len(rows)) if self.query else ""
        set_changed(self, found=rows, found_by=self.query, announcement=announcement)

    def _clear(self) -> None:
        self._cards, self._problems = (), {}
        set_changed(self, query="", found=[], found_by="", problem="", announcement="")
