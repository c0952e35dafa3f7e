"""Updates of the timeline: applying an event equals loading the window again."""

from uuid import UUID

from chat_app.realtime.events import AnyEvent, MessageCreated, MessageDeleted, MessageUpdated
from chat_app.realtime.shapes import Message
from chat_app.ui.messages.window import Window


def apply(window: Window, event: AnyEvent, *, conversation_id: UUID) -> Window:
    """Return the window after the event; the same object when nothing in it changed.

    A message below a window that is scrolled up is not added: it is loaded with its page.
    """
    match event:
        case MessageCreated(message=message) if _belongs(message, conversation_id):
            follows = message.seq == window.last_seq + 1
            return window.with_newest(message) if follows and not window.has_newer else window
        case MessageUpdated(message=message) | MessageDeleted(message=message) if _belongs(
            message, conversation_id
        ):
            return window.with_changed(message)
        case _:
            return window


def leaves_a_gap(window: Window, event: AnyEvent, *, conversation_id: UUID) -> bool:
    """Return whether messages before that of the event were missed and must be loaded."""
    match event:
        case MessageCreated(message=message) if _belongs(message, conversation_id):
            return not window.has_newer and message.seq > window.last_seq + 1
        case MessageUpdated(message=message) | MessageDeleted(message=message) if _belongs(
            message, conversation_id
        ):
            return not window.has_newer and message.seq > window.last_seq
        case _:
            return False


def _belongs(message: Message, conversation_id: UUID) -> bool:
    return message.conversation_id == conversation_id
