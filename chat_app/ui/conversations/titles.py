"""Names and faces of conversations that are shown outside of their list."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from chat_app.conversations.views import views_of
from chat_app.messages.queries import load_conversations
from chat_app.ui.conversations.rows import name_of, picture_of, tone_id
from chat_app.ui.current_node import current_node


class Title(NamedTuple):
    """A name, the id from which its colour is derived, and the address of its avatar or ""."""

    name: str
    tone_id: UUID
    picture: str


async def conversation_titles(ids: Collection[UUID], *, viewer_id: UUID) -> dict[UUID, Title]:
    """Return the titles of conversations as a viewer sees them; those of others are not there."""
    if not ids:
        return {}
    node = current_node()
    found = await load_conversations(node.database, viewer_id=viewer_id, ids=ids)
    views = views_of(found, viewer_id=viewer_id, online=node.online)
    return {
        view.id: Title(
            name_of(view, viewer_id=viewer_id),
            tone_id(view, viewer_id=viewer_id),
            picture_of(view, viewer_id=viewer_id),
        )
        async for view in views
    }


def name_in(titles: dict[UUID, Title], conversation_id: UUID) -> str:
    """Return the name of a conversation, "" where it is not one of the viewer's."""
    title = titles.get(conversation_id)
    return title.name if title else ""
