"""Rows of groups: their members and invitations, people to add, and open groups."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypedDict
from uuid import UUID

from chat_app.accounts.schemas import UserCard
from chat_app.conversations.groups.schemas import Channel, GroupMember
from chat_app.conversations.invites.schemas import Invite
from chat_app.conversations.schemas import Conversation
from chat_app.realtime.shapes import History, Posting, Role, Visibility
from chat_app.ui.conversations.rows import timestamp
from chat_app.ui.conversations.updates import is_muted
from chat_app.ui.kit.avatar import initials, tone
from chat_app.ui.told import told

# The role that is above each.
PROMOTIONS: dict[Role, Literal["", "admin", "owner"]] = {
    "member": "admin",
    "admin": "owner",
    "owner": "",
}


class Group(TypedDict):
    """The group whose details are open, as facts about a list; `id` is empty while none is.

    `role` is the reader's own. `muted_until` is a time, "forever", or empty. `query` is the text
    that the members shown were searched by.
    """

    id: str
    kept: bool
    loaded: bool
    problem: str
    title: str
    letters: str
    tone: str
    picture: str
    description: str
    visibility: Visibility
    history: History
    posting: Posting
    role: Role
    about: str
    members_count: int
    muted: bool
    muted_until: str
    favourite: bool
    archived: bool
    query: str
    has_more: bool


class MemberRow(TypedDict):
    """A member, with what the reader may do: `promotion` is the role they may give, if any."""

    id: str
    order: int
    name: str
    handle: str
    letters: str
    tone: str
    picture: str
    online: bool
    role: Role
    promotion: Literal["", "admin", "owner"]
    demotable: bool
    removable: bool


class PickRow(TypedDict):
    """A person who may be added to a group; `refused` is whether that was refused."""

    id: str
    name: str
    handle: str
    letters: str
    tone: str
    picture: str
    refused: bool


class InviteRow(TypedDict):
    """An invitation of a group."""

    id: str
    name: str
    uses: str
    expires_at: str


class ChannelRow(TypedDict):
    """An open group; `order` is its place in the list."""

    id: str
    order: int
    href: str
    name: str
    description: str
    letters: str
    tone: str
    picture: str
    members: str
    joined: bool


OPEN = "Open group · {n} member|Open group · {n} members"
PRIVATE = "Private group · {n} member|Private group · {n} members"

NO_GROUP = Group(
    id="",
    kept=False,
    loaded=False,
    problem="",
    title="",
    letters="",
    tone="",
    picture="",
    description="",
    visibility="private",
    history="all",
    posting="everyone",
    role="member",
    about="",
    members_count=0,
    muted=False,
    muted_until="",
    favourite=False,
    archived=False,
    query="",
    has_more=False,
)


def group_of(group: Conversation, *, query: str = "", has_more: bool = False) -> Group:
    """Return the details of a group as one of its members sees them."""
    is_open = group.visibility == "open"
    muted = is_muted(group)
    return Group(
        id=str(group.id),
        kept=False,
        loaded=True,
        problem="",
        title=group.title,
        letters=initials(group.title),
        tone=tone(group.id),
        picture=group.avatar_url or "",
        description=group.description,
        visibility=group.visibility,
        history=group.history,
        posting=group.posting,
        role=group.me.role,
        about=told(OPEN if is_open else PRIVATE, n=group.members_count),
        members_count=group.members_count,
        muted=muted,
        muted_until=(group.me.muted_until or "") if muted else "",
        favourite=group.me.favourite,
        archived=group.me.archived,
        query=query,
        has_more=has_more,
    )


def member_rows(
    found: Iterable[GroupMember], *, viewer_id: UUID, viewer_role: Role
) -> list[MemberRow]:
    """Return the rows of members in their order, with what the viewer may do with each."""
    return [
        _member_row(one, order, viewer_id, viewer_role) for order, one in enumerate(found, start=1)
    ]


def _member_row(member: GroupMember, order: int, viewer_id: UUID, viewer_role: Role) -> MemberRow:
    user = member.user
    is_other = user.id != viewer_id
    owns = viewer_role == "owner" and is_other
    manages = viewer_role == "admin" and is_other and member.role != "owner"
    return MemberRow(
        id=str(user.id),
        order=order,
        name=user.display_name,
        handle=f"@{user.username}" if is_other else told("{name} · You", name=f"@{user.username}"),
        letters=initials(user.display_name),
        tone=tone(user.id),
        picture=user.avatar_url or "",
        online=user.online is True,
        role=member.role,
        promotion=PROMOTIONS[member.role] if owns else "",
        demotable=owns and member.role != "member",
        removable=owns or manages,
    )


def pick_rows(cards: Iterable[UserCard], refused: Iterable[UUID] = ()) -> list[PickRow]:
    """Return the rows of people to add."""
    wrong = set(refused)
    return [
        PickRow(
            id=str(card.id),
            name=card.display_name,
            handle=f"@{card.username}",
            letters=initials(card.display_name),
            tone=tone(card.id),
            picture=card.avatar_url or "",
            refused=card.id in wrong,
        )
        for card in cards
    ]


def refused_of(fields: Mapping[str, str], cards: Sequence[UserCard]) -> list[UserCard]:
    """Return the people whom an error names, given those who were to be added.

    Its fields are "member_ids.2" or "user_ids.2" for the third of them.
    """
    numbers = (
        name.rpartition(".")[2] for name in fields if name.partition(".")[0].endswith("_ids")
    )
    places = sorted(int(number) for number in numbers if number.isdecimal())
    return [cards[place] for place in places if place < len(cards)]


def refusal(people: Sequence[UserCard]) -> str:
    """Return the sentence that names people who cannot be added."""
    names = [card.display_name for card in people]
    return told("{names} cannot be added by you.", names=names)


def invite_row(invite: Invite) -> InviteRow:
    """Return the row of an invitation."""
    return InviteRow(
        id=str(invite.id),
        name=invite.created_by.display_name,
        uses=used(invite.uses, invite.max_uses),
        expires_at=timestamp(invite.expires_at),
    )


def used(uses: int, most: int | None) -> str:
    """Return how often an invitation was used, and may be used at all."""
    if most:
        return told("Used {uses} of {n} time|Used {uses} of {n} times", uses=uses, n=most)
    return told("Used {n} time|Used {n} times", n=uses)


def channel_row(channel: Channel, order: int) -> ChannelRow:
    """Return the row of an open group at its place in the list."""
    return ChannelRow(
        id=str(channel.id),
        order=order,
        href=f"/chat/{channel.id}",
        name=channel.title,
        description=channel.description,
        letters=initials(channel.title),
        tone=tone(channel.id),
        picture=channel.avatar_url or "",
        members=members(channel.members_count),
        joined=channel.joined,
    )


def members(count: int) -> str:
    """Return a number of members as text."""
    return told("{n} member|{n} members", n=count)
