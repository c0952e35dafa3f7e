"""What can go wrong between people."""

from chat_app.core.errors import Conflict, Invalid, NotFound


class PersonNotFound(NotFound):
    """Nobody there, or nobody whom the asker may see."""

    default_detail = "There is no such person."


class RequestNotFound(NotFound):
    """No request waits between the two, or not one that the asker may answer."""

    default_detail = "There is no such request."


class FriendNotFound(NotFound):
    """The two are not friends."""

    default_detail = "You are not friends."


class CannotBefriendSelf(Invalid):
    """Asking oneself."""

    code = "cannot_befriend_self"

    def __init__(self) -> None:
        words = "You cannot be your own friend."
        super().__init__({"user_id": words}, words)


class CannotBlockSelf(Invalid):
    """Blocking oneself."""

    code = "cannot_block_self"

    def __init__(self) -> None:
        words = "You cannot block yourself."
        super().__init__({"user_id": words}, words)


class AlreadyFriends(Conflict):
    """There is nothing to ask for."""

    code = "already_friends"
    default_detail = "You are friends already."


class AlreadyRequested(Conflict):
    """The asker has asked before, and waits for the answer."""

    code = "already_requested"
    default_detail = "You have asked this person already."


class HaveBlocked(Conflict):
    """The asker has blocked this person."""

    code = "blocked"
    default_detail = "You blocked this person. Unblock them first."
