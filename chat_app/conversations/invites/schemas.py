"""Shapes of invitations."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chat_app.core.input import Input, Whole
from chat_app.realtime.shapes import Person, Shape

WEEK_S = 7 * 86_400
MAX_LIFETIME_S = 30 * 86_400


class InviteRequest(Input):
    """An invitation to make: its lifetime in seconds, and how often it may be used."""

    expires_in: Annotated[int, Field(ge=60, le=MAX_LIFETIME_S), Whole] = WEEK_S
    max_uses: Annotated[int, Field(ge=1, le=5_000), Whole] | None = None


class NewInvite(Shape, frozen=True):
    """A new invitation, whose token is shown this once.

    `qr` is the QR code of its link: the address (`data:`) of an SVG.
    """

    id: UUID
    token: str
    url: str
    qr: str
    expires_at: datetime
    max_uses: int | None


class Invite(Shape, frozen=True):
    """An invitation in the list of its group."""

    id: UUID
    created_by: Person
    created_at: datetime
    expires_at: datetime
    uses: int
    max_uses: int | None


class Invites(Shape, frozen=True):
    """The invitations of a group, the newest first."""

    items: list[Invite]


class Invitation(Shape, frozen=True):
    """An invitation as anybody sees it who has the link; its members see which group it is to."""

    conversation_id: UUID | None
    title: str
    description: str
    members_count: int
    inviter: Person | None
    expires_at: datetime
