"""The pinned messages of a conversation as one tab shows them."""

from collections.abc import Sequence
from uuid import UUID

from chat_app.core.errors import AppError, NotFound
from chat_app.messages.parts.queries import pinned_messages
from chat_app.realtime.events import (
    AnyEvent,
    ConversationRemoved,
    MessageDeleted,
    MessageUpdated,
)
from chat_app.ui.current_node import current_node
from chat_app.ui.reflex.patches import Patch
from chat_app.ui.reflex.tab import Tab
from chat_app.ui.saved.rows import found_row
from chat_app.ui.told import told

LIST = "pinned"


class PinnedView:
    """The pinned messages of the conversation for which a tab has them open, if there is one.

    About the list: the `id` of the conversation, whether it is `loaded`, and a `problem`.
    """

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._viewer_id = tab.identity.user_id
        self._here: UUID | None = None
        self._shown: set[UUID] = set()

    @property
    def conversation_id(self) -> UUID | None:
        """The conversation whose pinned messages are open."""
        return self._here

    async def open(self, conversation_id: UUID) -> None:
        """Send the pinned messages, the newest pin first, and follow them."""
        self._here = conversation_id
        try:
            await self._load(conversation_id)
        except AppError as error:
            about = {"id": str(conversation_id), "loaded": False, "problem": error.detail}
            self._tab.send(Patch(list=LIST, reset=True, about=about))

    def close(self) -> None:
        """Close them, in the page too."""
        self._here, self._shown = None, set()
        about = {"id": "", "loaded": False, "problem": ""}
        self._tab.send(Patch(list=LIST, reset=True, about=about))

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Load them again where one of these events changes them."""
        if self._here is None:
            return
        if any(
            isinstance(event, ConversationRemoved) and event.conversation_id == self._here
            for event in events
        ):
            self.close()
        elif any(self._is_changed_by(event) for event in events):
            await self.reload()

    async def reload(self) -> None:
        """Send them again, if they are open."""
        if self._here is None:
            return
        try:
            await self._load(self._here)
        except NotFound:
            self.close()

    def _is_changed_by(self, event: AnyEvent) -> bool:
        match event:
            case MessageUpdated(message=message) | MessageDeleted(message=message):
                is_here = message.conversation_id == self._here
                return is_here and (message.pinned_at is not None or message.id in self._shown)
            case _:
                return False

    async def _load(self, conversation_id: UUID) -> None:
        pins = await pinned_messages(
            current_node().database, viewer_id=self._viewer_id, conversation_id=conversation_id
        )
        self._shown = {one.id for one in pins.items}
        rows = [
            found_row(
                one,
                order,
                viewer_id=self._viewer_id,
                about=told("Pinned by {name}", name=one.pinned_by.display_name)
                if one.pinned_by
                else "",
            )
            for order, one in enumerate(pins.items)
        ]
        about = {"id": str(conversation_id), "loaded": True, "problem": ""}
        self._tab.send(Patch(list=LIST, put=rows, reset=True, about=about))
