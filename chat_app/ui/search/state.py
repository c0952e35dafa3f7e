"""Handlers of the search of messages; what was found is in its view."""

import reflex as rx

from chat_app.search.criteria import MAX_QUERY_LENGTH
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.reflex.vars import parse_id_or_nil
from chat_app.ui.search.view import GoToView, HitsView
from chat_app.ui.session import require_identity

ROUTE = "/search"
# The largest number that JavaScript counts to.
MAX_COUNT = 2**53 - 1


class SearchState(rx.State):
    """The events of the search of messages."""

    @rx.event
    async def search(self, text: str, scope: str, question: int, least: int) -> None:
        """Send the messages that fit a text, in the conversation `scope`, or in all for "".

        `question` is a number by which the page knows the answer, and `least` how many messages it
        has shown before.
        """
        await require_identity(self)
        query, number = query_of(text), count_of(question)
        tab = tab_of(self)
        async with tab.changing():
            view = tab.view(HitsView)
            if query:
                place = parse_id_or_nil(str(scope)) if scope else None
                await view.search(query, place, question=number, least=count_of(least))
            else:
                view.clear(question=number)

    @rx.event
    async def load_more(self, question: int) -> None:
        """Send further messages."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(HitsView).load_more(question=count_of(question))

    @rx.event
    async def go_to(self, text: str, question: int) -> None:
        """Send the newest messages that fit a text, for the dialog that goes to one."""
        await require_identity(self)
        query, number = query_of(text), count_of(question)
        tab = tab_of(self)
        async with tab.changing():
            view = tab.view(GoToView)
            if query:
                await view.search(query, None, question=number)
            else:
                view.clear(question=number)


def query_of(text: object) -> str:
    """Return what is searched for a text that a page sent.

    One letter more than allowed: a longer text is refused, and not cut to another query.
    """
    return str(text).strip()[: MAX_QUERY_LENGTH + 1] if text else ""


def count_of(number: object) -> int:
    """Return a number that a page sent, 0 for anything else."""
    return max(0, min(number, MAX_COUNT)) if isinstance(number, int) else 0
