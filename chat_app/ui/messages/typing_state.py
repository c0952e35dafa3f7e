"""State of typing in the open conversation."""

import time
from collections.abc import Sequence
from typing import TypedDict
from uuid import UUID

import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.core.errors import AppError
from chat_app.realtime.events import AnyEvent, MessageCreated, Typing
from chat_app.ui.current_node import current_node
from chat_app.ui.messages.state import TimelineState
from chat_app.ui.reflex.vars import set_changed
from chat_app.ui.session import require_identity

# The browser shows it as long, from the last event on (`assets/browser/status.js`).
TYPING_TTL_S = 6.0


class Writing(TypedDict):
    """The people who type in a conversation; `mark` changes with each typing event."""

    conversation_id: str
    names: list[str]
    mark: int


class TypingState(rx.State):
    """The people who type in the open conversation."""

    writing: Writing = Writing(conversation_id="", names=[], mark=0)

    # Monotonic times by person until which they are shown, for the conversation in `writing`.
    _until: dict[UUID, float] = {}

    @rx.event
    async def write(self) -> None:
        """Publish to the open conversation that the user types."""
        me = await require_identity(self)
        timeline = await self.get_state(TimelineState)
        conversation = timeline._conversation
        if conversation is None:
            return
        try:
            await current_node().presence.typing(
                actor_id=me.user_id, conversation_id=conversation.id
            )
        except AppError:
            # The next letter publishes it again.
            return

    async def _apply_events(self, _me: Identity, events: Sequence[AnyEvent]) -> None:
        if not any(isinstance(event, Typing | MessageCreated) for event in events):
            return
        timeline = await self.get_state(TimelineState)
        conversation = timeline._conversation
        if conversation is None:
            return
        here = conversation.id
        is_same = self.writing["conversation_id"] == str(here)
        until = dict(self._until) if is_same else {}
        received = 0
        for event in events:
            match event:
                case Typing(conversation_id=place, user_id=user_id) if place == here:
                    until[user_id] = time.monotonic() + TYPING_TTL_S
                    received += 1
                case MessageCreated(message=message) if message.conversation_id == here:
                    until.pop(message.sender_id, None)
                case _:
                    pass
        if until == self._until and not received:
            return
        now = time.monotonic()
        self._until = {user_id: end for user_id, end in until.items() if end > now}
        names_by_id = timeline.get_value("_names")
        names = [names_by_id[user_id] for user_id in self._until if user_id in names_by_id]
        mark = self.writing["mark"] + received
        set_changed(self, writing=Writing(conversation_id=str(here), names=names, mark=mark))

    async def _reload(self, _me: Identity) -> None:
        """Keep what is shown: nothing of it is stored, and the next letter publishes it again."""
