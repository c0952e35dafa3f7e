"""The people whose names the composer completes after an @."""

from typing import TypedDict

import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.conversations.groups.queries import list_members
from chat_app.conversations.queries import get_conversation
from chat_app.core.errors import AppError
from chat_app.messages.mentions import ALL, MAX_ALL
from chat_app.realtime.shapes import Conversation, UserCard
from chat_app.ui.current_node import current_node
from chat_app.ui.kit.avatar import initials, tone
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.reflex.patches import Patch
from chat_app.ui.reflex.vars import parse_id
from chat_app.ui.session import require_identity
from chat_app.ui.told import told

# The list of the people found, with the facts `conversation_id` and `query`.
LIST = "mentions"
MAX_FOUND = 8
MAX_QUERY_LENGTH = 64


class MentionRow(TypedDict):
    """A person who can be mentioned; that of everybody has no colour of its own."""

    id: str
    order: int
    name: str
    username: str
    letters: str
    tone: str
    picture: str


class MentionState(rx.State):
    """The events of the names that are being completed."""

    @rx.event
    async def find(self, conversation_id: str, text: str) -> None:
        """Send the people of a conversation whose names contain the text."""
        me = await require_identity(self)
        query = str(text)[:MAX_QUERY_LENGTH]
        try:
            rows = await _found(me, str(conversation_id), query)
        except AppError:
            # What is written is no name, or the conversation is not the reader's.
            rows = []
        about = {"conversation_id": str(conversation_id)[:MAX_QUERY_LENGTH], "query": query}
        tab = tab_of(self)
        async with tab.changing():
            tab.send(Patch(list=LIST, put=rows, reset=True, about=about))


async def _found(me: Identity, conversation_id: str, query: str) -> list[MentionRow]:
    node = current_node()
    async with node.database.reading() as reading:
        conversation = await get_conversation(
            reading,
            viewer_id=me.user_id,
            conversation_id=parse_id(conversation_id),
            online=node.online,
        )
    if conversation.kind == "direct":
        folded = query.casefold()
        cards = [
            card
            for card in conversation.members
            if folded in card.username.casefold() or folded in card.display_name.casefold()
        ]
    else:
        page = await list_members(
            node.database,
            viewer_id=me.user_id,
            conversation_id=conversation.id,
            online=node.online,
            text=query,
            limit=MAX_FOUND + 1,
        )
        cards = [member.user for member in page.items]
    others = [card for card in cards if card.id != me.user_id and card.username]
    return mention_rows(others[:MAX_FOUND], offers_all=offers_all(conversation, query))


def offers_all(conversation: Conversation, query: str) -> bool:
    """Return whether the reader can mention everybody, and has begun to write so."""
    may = conversation.members_count <= MAX_ALL or conversation.me.role != "member"
    return conversation.kind == "group" and may and ALL.startswith(query.casefold())


def mention_rows(cards: list[UserCard], *, offers_all: bool) -> list[MentionRow]:
    """Return the rows of people who can be mentioned, everybody last."""
    rows = [
        MentionRow(
            id=str(card.id),
            order=order,
            name=card.display_name,
            username=card.username,
            letters=initials(card.display_name),
            tone=tone(card.id),
            picture=card.avatar_url or "",
        )
        for order, card in enumerate(cards)
    ]
    if offers_all:
        everybody = MentionRow(
            id=ALL,
            order=len(rows),
            name=told("Everybody"),
            username=ALL,
            letters="@",
            tone="tone-8",
            picture="",
        )
        rows.append(everybody)
    return rows
