"""Errors of invitations."""

from chat_app.core.errors import NotFound


class InviteNotFound(NotFound):
    """The invitation is unknown, over, used up or withdrawn: all look the same."""

    default_detail = "This invitation does not exist, or is over."
