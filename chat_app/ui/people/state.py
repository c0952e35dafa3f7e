"""State of the search for people; whom it found is in its view."""

from collections.abc import AsyncIterator
from uuid import UUID

import reflex as rx
from msgspec.structs import replace

from chat_app.core.errors import AppError
from chat_app.ui.current_node import current_node
from chat_app.ui.people.view import FoundView
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.reflex.vars import BrowserEvent, parse_id_or_nil, set_changed
from chat_app.ui.session import require_identity

MAX_QUERY_LENGTH = 64
# The id of the search field.
SEARCH_ID = "search-people"


class PeopleState(rx.State):
    """The search for people in the side pane; an empty `query` shows the conversations again."""

    query: str = ""
    searching: bool = False
    problem: str = ""

    _page: str = ""

    @rx.event
    async def reset_search(self) -> BrowserEvent | None:
        """Clear the search when another page is opened."""
        page, self._page = self._page, self.router.url.path
        # A query that was typed while the first page was loading stays.
        if not self.query or not page:
            return None
        await self._clear()
        return rx.set_value(SEARCH_ID, "")

    @rx.event
    async def search(self, text: str) -> AsyncIterator[None]:
        """Show the people whose names contain the text.

        The events of a tab are processed one after the other: the newest answer is the last one.
        """
        await require_identity(self)
        # One letter more than allowed: a longer text is refused, and not cut to another query.
        query = text.strip()[: MAX_QUERY_LENGTH + 1]
        if not query:
            await self._clear()
            return
        set_changed(self, query=query, searching=True, problem="")
        yield
        tab = tab_of(self)
        try:
            async with tab.changing():
                await tab.view(FoundView).search(query)
        except AppError as error:
            self.problem = error.detail
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
            await self._show_problem(person_id, error)
            return None
        # That chat may be open already: then no page load follows that would clear the search.
        await self._clear()
        return [rx.set_value(SEARCH_ID, ""), rx.redirect(f"/chat/{opened.conversation.id}")]

    @rx.event
    async def befriend(self, user_id: str, action: str) -> None:
        """Send, accept or cancel a friend request, by the button's action."""
        me = await require_identity(self)
        person_id = parse_id_or_nil(user_id)
        friends = current_node().friends
        tab = tab_of(self)
        view = tab.view(FoundView)
        card = view.find(person_id)
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
            await self._show_problem(person_id, error)
            return
        if card is not None:
            async with tab.changing():
                view.show_card(card)

    async def _show_problem(self, person_id: UUID, error: AppError) -> None:
        tab = tab_of(self)
        view = tab.view(FoundView)
        if view.find(person_id) is None:
            self.problem = error.detail
            return
        async with tab.changing():
            view.show_problem(person_id, error)

    async def _clear(self) -> None:
        set_changed(self, query="", problem="")
        tab = tab_of(self)
        async with tab.changing():
            tab.view(FoundView).clear()
