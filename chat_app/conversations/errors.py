"""What can go wrong with conversations."""

from chat_app.core.errors import AppError, Forbidden, Invalid, NotFound
from chat_app.friends.relations import Unreachable


class ConversationNotFound(NotFound):
    """No such conversation, or not one of the asker's."""

    default_detail = "There is no such conversation."


class CannotMessage(Forbidden):
    """This person cannot be written to; why is not told."""

    code = "cannot_message"
    default_detail = "You cannot write to this person."


class FriendsOnly(Forbidden):
    """This person takes messages from friends only, and the sender is none."""

    code = "friends_only"
    default_detail = "Only friends can write to this person."


class ReceiverIsSelf(Invalid):
    """Talking to oneself."""

    code = "receiver_is_self"

    def __init__(self, field: str) -> None:
        super().__init__({field: "You cannot write to yourself."}, "You cannot write to yourself.")


class BadCursor(Invalid):
    """A page cursor that we did not make."""

    def __init__(self) -> None:
        super().__init__({"before": "This is not a place in the list."})


REFUSALS: dict[Unreachable, type[AppError]] = {
    "gone": CannotMessage,
    "blocked": CannotMessage,
    "friends_only": FriendsOnly,
}
