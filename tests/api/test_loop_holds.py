"""Lists and replays never hold the event loop for more than five milliseconds in one piece.

Whatever somebody's number of conversations, groups and friends: else everybody waits for them.
`make test` looks at a fifth of the numbers that `make test-all` looks at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, text

from chat_app.conversations.queries import MAX_MEMBERS_SHOWN
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id, pair_key
from chat_app.models import Conversation, FriendRequest, Friendship, Member, Message
from chat_app.models.base import Table
from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.clients import MESSAGE_PACK, Person, register
from tests.harness.loop_holds import LONGEST_S, ServedNode, Work, longest_piece
from tests.harness.nodes import new_users, settings_of

GROUPS, GROUP_SIZE, PAGE, LONGEST_TEXT = 50, 100, 100, 8_000
AT_ONCE = 500
CURSORS_IN_FRAME = 1_000


@dataclass(frozen=True)
class Crowd:
    """The numbers of one person's direct conversations, friends and requests.

    All the others are in one large group, too.
    """

    direct: int
    friends: int
    requests: int

    @property
    def conversations(self) -> int:
        """Return the number of all conversations."""
        return self.direct + GROUPS + 1


USUAL = Crowd(1_100, 350, 150)
LARGEST = Crowd(5_000, 1_000, 500)


def conversation(
    members: Sequence[UUID], number: int, *, content: str = "hello"
) -> tuple[Conversation, list[Member], Message]:
    """Make a conversation with one message, which the first member has not read."""
    is_direct = len(members) == 2
    sent_at = utc_now() + timedelta(milliseconds=number - LARGEST.conversations)
    row = Conversation(
        id=new_id(),
        kind="direct" if is_direct else "group",
        title="" if is_direct else f"Group {number}",
        direct_key=pair_key(members[0], members[1]) if is_direct else None,
        members_count=len(members),
        created_by=members[1],
        last_seq=1,
        last_rev=1,
        updated_at=sent_at,
        changed_at=sent_at,
    )
    message = Message(
        conversation_id=row.id,
        seq=1,
        rev=1,
        client_id=row.id.hex,
        sender_id=members[1],
        content=content,
        created_at=sent_at,
    )
    return (
        row,
        [Member(conversation_id=row.id, user_id=one, opened=True) for one in members],
        message,
    )


async def fill(node: Node, me: UUID, crowd: Crowd) -> list[UUID]:
    """Give a person conversations, groups, friends and requests; return the conversations."""
    people = await new_users(node, crowd.direct)
    made = [conversation([me, one], number) for number, one in enumerate(people)]
    for number in range(GROUPS):
        start = number * 20
        others = people[start : start + GROUP_SIZE - 1]
        made.append(conversation([me, *others], crowd.direct + number))
    made.append(conversation([me, *people[:-1]], crowd.direct + GROUPS))
    # The first is full of long messages.
    first, members, _ = made[0]
    messages = [message for _, _, message in made[1:]]
    messages += [
        Message(
            conversation_id=first.id,
            seq=seq,
            rev=seq,
            client_id=f"long {seq}",
            sender_id=members[1].user_id,
            content="\N{GRINNING FACE}" * LONGEST_TEXT,
        )
        for seq in range(1, PAGE + 1)
    ]
    first.last_seq = first.last_rev = PAGE
    friends = people[: crowd.friends]
    rows: list[tuple[type[Table], Sequence[Table]]] = [
        (Conversation, [one for one, _, _ in made]),
        (Member, [member for _, members, _ in made for member in members]),
        (Message, messages),
        (
            Friendship,
            [
                Friendship(user_id=one, friend_id=other)
                for friend in friends
                for one, other in ((me, friend), (friend, me))
            ],
        ),
        (
            FriendRequest,
            [
                FriendRequest(sender_id=one, receiver_id=me, pair_key=pair_key(one, me))
                for one in people[crowd.friends : crowd.friends + crowd.requests]
            ],
        ),
    ]
    async with node.database.transaction() as connection:
        for table, values in rows:
            for start in range(0, len(values), AT_ONCE):
                some = values[start : start + AT_ONCE]
                await connection.execute(insert(table), [one.model_dump() for one in some])
        # A server does that by itself, a while after so many rows.
        await connection.execute(text("ANALYZE"))
    return [one.id for one, _, _ in made]


async def resume(me: Person, cursors: dict[str, int], *formats: str) -> int:
    """Send cursors in as many frames as they need; return the number of updated conversations.

    The frames are counted, not parsed: the garbage of the test is collected in the server's thread.
    """
    items = list(cursors.items())
    updated = 0
    async with me.socket(*formats) as socket:
        for start in range(0, max(len(items), 1), CURSORS_IN_FRAME):
            more = start + CURSORS_IN_FRAME < len(items)
            some = dict(items[start : start + CURSORS_IN_FRAME])
            await socket.send({"type": "resume", "cursors": some, "more": more})
        while True:
            frame = await socket.connection.recv(decode=False)
            updated += frame.count(b"conversation.updated")
            if b"resumed" in frame:
                return updated


@pytest.mark.parametrize(
    "crowd",
    [
        pytest.param(USUAL, id="usual"),
        pytest.param(LARGEST, id="largest", marks=pytest.mark.only_in_test_all),
    ],
)
async def test_no_list_or_replay_holds_the_event_loop(storage: Storage, crowd: Crowd) -> None:
    with ServedNode(settings_of(storage)) as served:
        me = await register(served.url)
        made = await served.run(fill(served.node, UUID(me.id), crowd))
        held = {
            name: await longest_piece(served, work)
            for name, work in works_of(me, made, crowd).items()
        }

    too_long = {name: seconds for name, seconds in held.items() if seconds > LONGEST_S}
    assert too_long == {}, held


def works_of(me: Person, made: list[UUID], crowd: Crowd) -> dict[str, Work]:
    """Return the lists and replays by name; each checks that it is complete."""

    async def get(path: str, *, counted: str = "", times: int = 0, **query: str | int) -> None:
        reply = await me.http.get(path, params=query)
        assert reply.status_code == 200, reply.text
        assert reply.content.count(counted.encode()) == times or not counted

    async def connect() -> None:
        async with me.socket():
            pass

    async def resume_all() -> None:
        assert await resume(me, {}) == crowd.conversations

    async def resume_packed() -> None:
        assert await resume(me, {}, MESSAGE_PACK) == crowd.conversations

    revs = {str(one): 1 for one in made} | {str(made[0]): PAGE}

    async def resume_unchanged() -> None:
        assert await resume(me, revs) == 0

    async def ping() -> None:
        async with me.socket() as socket:
            await socket.send({"type": "ping"})
            await socket.expect("pong")

    return {
        # Each with the members it shows, and the sender of its last message.
        "a list of groups": lambda: get(
            "/api/conversations", counted='"username"', times=50 * (MAX_MEMBERS_SHOWN + 1)
        ),
        "members of a large group": lambda: get(
            f"/api/conversations/{made[-1]}/members", counted='"username"', times=PAGE, limit=PAGE
        ),
        "a list of 100": lambda: get("/api/conversations", limit=100),
        "a page of long messages": lambda: get(
            f"/api/conversations/{made[0]}/messages", counted='"seq"', times=PAGE, limit=PAGE
        ),
        "a large group": lambda: get(f"/api/conversations/{made[-1]}"),
        "friends": lambda: get("/api/friends", counted='"username"', times=crowd.friends),
        "requests": lambda: get(
            "/api/friends/requests", counted='"username"', times=crowd.requests
        ),
        "suggestions": lambda: get("/api/friends/suggestions"),
        "a search": lambda: get("/api/users", q="u", limit=100),
        "a new socket": connect,
        "a whole replay": resume_all,
        "a whole replay in MessagePack": resume_packed,
        "an empty replay": resume_unchanged,
        "a ping": ping,
    }
