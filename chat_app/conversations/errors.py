"""Errors of conversations, and of users who cannot be written to."""

from chat_app.core.errors import AppError, Forbidden, Invalid, NotFound
from chat_app.friends.relations import Unreachable


class ConversationNotFound(NotFound):
    """The conversation is unknown, or the actor is no member."""

    default_detail = "There is no such conversation."


class CannotMessage(Forbidden):
    """The user cannot be written to; the reason is not disclosed."""

    code = "cannot_message"
    default_detail = "You cannot write to this person."


class FriendsOnly(Forbidden):
    """The user takes messages from friends only, and the sender is none."""

    code = "friends_only"
    default_detail = "Only friends can write to this person."


class ReceiverIsSelf(Invalid):
    """A message to oneself."""

    code = "receiver_is_self"

    def __init__(self, field: str) -> None:
        super().__init__({field: "You cannot write to yourself."}, "You cannot write to yourself.")


class NotAllowed(Forbidden):
    """The actor is in the group, and their role does not allow it."""

    code = "not_allowed"
    default_detail = "Only admins of the group may do this."


class BadCursor(Invalid):
    """A page cursor that is none of this chat's."""

    def __init__(self, field: str = "before") -> None:
        super().__init__({field: "This is not a place in the list."})


REFUSALS: dict[Unreachable, type[AppError]] = {
    "gone": CannotMessage,
    "blocked": CannotMessage,
    "friends_only": FriendsOnly,
}
