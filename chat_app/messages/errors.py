"""Errors of messages."""

from chat_app.core.errors import Conflict, Forbidden, NotFound


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
