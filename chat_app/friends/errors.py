"""Errors of friends, requests and blocks."""

from chat_app.core.errors import Conflict, Invalid, NotFound


class PersonNotFound(NotFound):
    """The user is unknown, deleted, or has blocked the actor."""

    default_detail = "There is no such person."


class RequestNotFound(NotFound):
    """There is no request between the two, or none that the actor may answer."""

    default_detail = "There is no such request."


class FriendNotFound(NotFound):
    """The two are not friends."""

    default_detail = "You are not friends."


class CannotBefriendSelf(Invalid):
    """A friend request to oneself."""

    code = "cannot_befriend_self"

    def __init__(self) -> None:
        words = "You cannot be your own friend."
        super().__init__({"user_id": words}, words)


class CannotBlockSelf(Invalid):
    """A block of oneself."""

    code = "cannot_block_self"

    def __init__(self) -> None:
        words = "You cannot block yourself."
        super().__init__({"user_id": words}, words)


class AlreadyFriends(Conflict):
    """The two are friends already."""

    code = "already_friends"
    default_detail = "You are friends already."


class AlreadyRequested(Conflict):
    """A request of the actor waits for its answer already."""

    code = "already_requested"
    default_detail = "You have asked this person already."


class HaveBlocked(Conflict):
    """The actor has blocked this person."""

    code = "blocked"
    default_detail = "You blocked this person. Unblock them first."
