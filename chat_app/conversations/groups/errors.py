"""Errors of groups and their members."""

from chat_app.core.errors import Conflict, Forbidden, NotFound


class NotAGroup(Conflict):
    """A direct conversation has no title, roles and invitations."""

    code = "not_a_group"
    default_detail = "This is no group."


class LastOwner(Conflict):
    """The group would have members and no owner."""

    code = "last_owner"
    default_detail = "Make somebody else an owner first."


class GroupFull(Conflict):
    """The group has as many members as a group can have."""

    code = "group_full"
    default_detail = "This group is full."


class MemberNotFound(NotFound):
    """The user is no member of the group."""

    default_detail = "This person is not in the group."


class CannotAdd(Forbidden):
    """Some people cannot be added, by the field that names them; the reason is not disclosed."""

    code = "cannot_add"
    default_detail = "Some of these people cannot be added."

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        super().__init__()


class CannotJoin(Forbidden):
    """The user was removed by an admin, or is blocked by an owner."""

    code = "cannot_join"
    default_detail = "You cannot join this group."
