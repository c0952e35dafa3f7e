"""What can go wrong with conversations."""

from chat_app.core.errors import Forbidden, Invalid, NotFound


class ConversationNotFound(NotFound):
    """No such conversation, or not one of the asker's."""

    default_detail = "There is no such conversation."


class CannotMessage(Forbidden):
    """This person cannot be written to; why is not told."""

    code = "cannot_message"
    default_detail = "You cannot write to this person."


class ReceiverIsSelf(Invalid):
    """Talking to oneself."""

    code = "receiver_is_self"

    def __init__(self, field: str) -> None:
        super().__init__({field: "You cannot write to yourself."}, "You cannot write to yourself.")


class BadCursor(Invalid):
    """A page cursor that we did not make."""

    def __init__(self) -> None:
        super().__init__({"before": "This is not a place in the list."})
