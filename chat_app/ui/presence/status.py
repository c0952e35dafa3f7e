"""The line under the name of an open chat: there, gone since when, or writing."""

import reflex as rx

from chat_app.ui.browser import chat_status
from chat_app.ui.messages.state import TimelineState
from chat_app.ui.presence.state import TypingState


def status_line() -> rx.Component:
    """Show the status of the open conversation; what the browser shows follows its clock."""
    writing = TypingState.writing
    is_here = writing["conversation_id"] == TimelineState.head["id"]
    return chat_status(
        online=TimelineState.peer["online"],
        last_seen=TimelineState.peer["last_seen"],
        names=rx.cond(is_here, writing["names"], []).to(list[str]),
        mark=writing["mark"],
    )
