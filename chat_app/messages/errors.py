"""Errors of messages."""

from collections.abc import Iterable

from chat_app.core.errors import Conflict, Forbidden, Invalid, NotFound
from chat_app.realtime.shapes import Draft


class IdempotencyConflict(Conflict):
    """A `client_id` was used before for another text or another conversation."""

    code = "idempotency_conflict"
    default_detail = "This client_id belongs to another message."


class MessageNotFound(NotFound):
    """The message is unknown, or the actor is no member of its conversation."""

    default_detail = "There is no such message."


class NotYourMessage(Forbidden):
    """The actor is not the sender of the message."""

    code = "not_yours"
    default_detail = "Only who wrote a message may change it."


class MessageIsDeleted(Conflict):
    """The message was deleted, and cannot be edited."""

    code = "message_deleted"
    default_detail = "This message was deleted."


class MessageIsForwarded(Conflict):
    """The message has the words of somebody else, and cannot be edited."""

    code = "message_forwarded"
    default_detail = "A forwarded message cannot be edited."


class ReplyNotFound(NotFound):
    """The message to reply to is unknown, of another conversation, or not for the sender."""

    code = "reply_not_found"
    default_detail = "The message that you reply to is not here."


class FilesNotReady(Invalid):
    """Files that the sender has not uploaded, are not ready, or were sent before.

    They are named by their places.
    """

    def __init__(self, places: Iterable[int]) -> None:
        why = "You have no such file that is ready to be sent."
        super().__init__({f"file_ids.{place}": why for place in places})


class NothingWritten(Invalid):
    """A message without files has no text."""

    def __init__(self) -> None:
        super().__init__({"content": "Write something first."})


class NotAnEmoji(Invalid):
    """A reaction is no emoji of Unicode's list for general interchange."""

    code = "not_an_emoji"

    def __init__(self) -> None:
        super().__init__({"emoji": "React with one emoji."})


class TooManyReactions(Invalid):
    """A message has as many kinds of reactions as it may have."""

    code = "too_many_reactions"

    def __init__(self) -> None:
        super().__init__({"emoji": "A message has at most 20 kinds of reactions."})


class TooManyPins(Conflict):
    """A conversation has as many pinned messages as it may have."""

    code = "too_many_pins"
    default_detail = "A conversation has at most 100 pinned messages."


class DraftConflict(Conflict):
    """Another text was written since the one that a device began from."""

    code = "draft_conflict"
    default_detail = "Another device has changed this draft meanwhile."

    def __init__(self, draft: Draft | None) -> None:
        self.draft = draft
        super().__init__()


class ScheduledNotFound(NotFound):
    """The scheduled message is unknown, or not the actor's."""

    default_detail = "There is no such scheduled message."


class AlreadySent(Conflict):
    """The scheduled message is sent, or about to be."""

    code = "already_sent"
    default_detail = "This message is sent already."


class TooManyScheduled(Conflict):
    """A user has scheduled as many messages as they may."""

    code = "too_many_scheduled"
    default_detail = "At most 100 messages can be scheduled."
