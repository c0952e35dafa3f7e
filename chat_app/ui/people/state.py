"""The search for people, as a tab shows it."""

from collections.abc import AsyncIterator
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from chat_app.core.errors import AppError
from chat_app.friends.search import search_users
from chat_app.ui.people.rows import PersonRow, person_row
from chat_app.ui.running import current_node
from chat_app.ui.session import signed_in
from chat_app.ui.values import show

LONGEST_QUERY = 64
# The id of the search field.
SEARCH = "search-people"


class PeopleState(rx.State):
    """The search for people in the side pane; an empty `query` shows the conversations again."""

    query: str = ""
    found: list[PersonRow] = []
    searching: bool = False
    problem: str = ""

    @rx.event
    async def reset_search(self) -> EventSpec | None:
        """Show the conversations again: another page begins with an empty search field."""
        if not self.query:
            return None
        show(self, query="", found=[], problem="")
        return rx.set_value(SEARCH, "")

    @rx.event
    async def search(self, text: str) -> AsyncIterator[None]:
        """Show the people whose names contain the text."""
        me = await signed_in(self)
        self.query = text.strip()[:LONGEST_QUERY]
        self.problem = ""
        if not self.query:
            self.found = []
            return
        self.searching = True
        yield
        try:
            node = current_node()
            async with node.database.reading() as reading:
                cards = await search_users(
                    reading, viewer_id=me.user_id, text=self.query, online=node.online
                )
            self.found = [person_row(card) for card in cards]
        except AppError as error:
            self.found = []
            self.problem = error.detail
        finally:
            self.searching = False

    @rx.event
    async def talk_to(self, user_id: str) -> list[EventSpec] | None:
        """Open the direct conversation with somebody."""
        me = await signed_in(self)
        try:
            opened = await current_node().conversations.open_direct(
                actor_id=me.user_id, user_id=_person(user_id)
            )
        except AppError as error:
            self.problem = error.detail
            return None
        # That chat may be open already: then no page follows that would empty the search.
        show(self, query="", found=[], problem="")
        return [rx.set_value(SEARCH, ""), rx.redirect(f"/chat/{opened.conversation.id}")]


def _person(text: str) -> UUID:
    # An id that is no id is nobody's: the answer is the same as for a stranger's.
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
