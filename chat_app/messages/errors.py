"""What can go wrong with messages."""

from chat_app.core.errors import Conflict, Forbidden, NotFound


class IdempotencyConflict(Conflict):
    """A `client_id` was used before for another text or another conversation."""

    code = "idempotency_conflict"
    default_detail = "This client_id belongs to another message."


class MessageNotFound(NotFound):
    """No such message, or none in a conversation of the asker's."""

    default_detail = "There is no such message."


class NotYourMessage(Forbidden):
    """Only its sender may change a message."""

    code = "not_your_message"
    default_detail = "Only who wrote a message may change it."


class MessageIsDeleted(Conflict):
    """A deleted message stays deleted."""

    code = "message_deleted"
    default_detail = "This message was deleted."
