"""Chats to archive, and database contents read without the code that copies them."""

import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select

from chat_app.accounts.schemas import Device
from chat_app.accounts.store import add_refresh_token, open_session
from chat_app.admin import store as admin_store
from chat_app.admin.schemas import Actor
from chat_app.archive.schema import NOT_COPIED
from chat_app.archive.service import LEFT_OUT
from chat_app.conversations.groups.schemas import GroupRequest, MembershipRequest
from chat_app.conversations.invites.schemas import InviteRequest
from chat_app.core.database import Database
from chat_app.core.ids import pair_key
from chat_app.core.settings import Settings
from chat_app.models import (
    Block,
    FriendRequest,
    Friendship,
    PushedConversation,
    PushSubscription,
    Report,
    Table,
    User,
)
from chat_app.node.node import Node
from tests.harness.nodes import change_user, delete_user, new_user, to_conversation, to_user

# Texts of every kind, with characters that databases and files may mishandle.
ODD_TEXTS = (
    "plain",
    "👩‍👩‍👧‍👦 🇺🇦 family",
    "\u05e9\u05dc\u05d5\u05dd \u202b\u05de\u05d1\u05d7\u05df\u202c مرحبا",
    "two\nlines\tand a tab",
    r"\N \. \\ \t \n is not a tab",
    "'; DROP TABLE message; --",
    '"quoted", {"json": null} & <script>',
    "e\u0301 is not é, \ufeff is no mark, \u2028 no line",
    "x" * 8_000,
    "\U0001d56b\U0010ffff",
)
EDGES = (
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
)

# The messages that `populate` writes.
MESSAGES = 2 * len(ODD_TEXTS) + 2 + 3

Contents = dict[str, set[tuple[Any, ...]]]


class Unwatched:
    """A progress display that shows nothing."""

    def begin(self, what: str, rows: int) -> None:
        """Show no progress."""

    def advance(self, rows: int) -> None:
        """Show no progress."""


UNWATCHED = Unwatched()


class Everybody(NamedTuple):
    """The people of the chat that `populate` makes."""

    alice: UUID
    bob: UUID
    carol: UUID


async def populate(node: Node) -> Everybody:
    """Fill a chat with odd names and texts, friendships, blocks and sessions."""
    alice, bob, carol = [
        await new_user(node, name, bio=text, last_seen_at=edge)
        for name, text, edge in zip(("Ünïcødé 👋", "بوب", r"\N"), ODD_TEXTS, EDGES, strict=False)
    ]
    sent = (await node.messages.send(to_user(alice, bob, "to be edited"))).message
    for text in ODD_TEXTS:
        await node.messages.send(to_user(alice, bob, text))
        await node.messages.send(to_user(bob, carol, text))
    await node.messages.edit(actor_id=alice, message_id=sent.id, content="edited")
    one = (await node.messages.send(to_user(alice, bob, "to be deleted"))).message
    await node.messages.delete(actor_id=alice, message_id=one.id)
    await _add_group(node, alice, bob, carol)
    gone = await new_user(node)
    await delete_user(node, gone)
    await change_user(node, carol, share_presence=False)
    async with node.database.writing() as session:
        session.add(Friendship(user_id=alice, friend_id=bob))
        session.add(Friendship(user_id=bob, friend_id=alice))
        session.add(
            FriendRequest(sender_id=carol, receiver_id=alice, pair_key=pair_key(carol, alice))
        )
        session.add(Block(blocker_id=bob, blocked_id=gone))
        session_id, _ = open_session(
            session, user_id=alice, device=Device("a browser", "::1"), lifetime=timedelta(days=1)
        )
        await add_refresh_token(session, session_id=session_id)
        await admin_store.add_reset_link(session, alice)
        admin_store.add_entry(session, Actor(alice, "::1"), "reset_link_made", actor_name="ä\tb")
        session.add(Report(reporter_id=carol, user_id=bob, content=ODD_TEXTS[3], reason=r"\N"))
        session.add(
            PushSubscription(
                session_id=session_id,
                user_id=alice,
                endpoint="https://push.example.org/\u202b",
                endpoint_hash=session_id.hex,
                p256dh="key",
                auth="secret",
            )
        )
        session.add(PushedConversation(user_id=alice, conversation_id=sent.conversation_id))
    return Everybody(alice, bob, carol)


async def _add_group(node: Node, owner: UUID, member: UUID, former: UUID) -> None:
    """Make a group with a notice, a mention, an invitation and somebody who was removed."""
    data = {"kind": "group", "title": "Ünïcødé 👋", "member_ids": [str(member), str(former)]}
    group = await node.groups.create(actor_id=owner, data=GroupRequest.model_validate(data))
    async with node.database.reading() as session:
        name = (await session.get_one(User, member)).username
    await node.messages.send(to_conversation(owner, group.id, f"@{name}, hello"))
    await node.groups.remove_member(actor_id=owner, conversation_id=group.id, user_id=former)
    await node.invitations.create(
        actor_id=owner, conversation_id=group.id, data=InviteRequest(max_uses=3)
    )
    await node.groups.change_membership(
        actor_id=owner,
        conversation_id=group.id,
        data=MembershipRequest(muted_until="forever", favourite=True, archived=True),
    )


async def contents_of(settings: Settings, *, sessions: bool = True) -> Contents:
    """Read every row of every table that a copy shares."""
    database = Database(settings)
    try:
        async with database.reading() as session:
            return {
                table.name: set(map(tuple, (await session.execute(select(table))).all()))
                for table in Table.metadata.sorted_tables
                if table.name not in NOT_COPIED and (sessions or table.name not in LEFT_OUT)
            }
    finally:
        await database.close()


def names_in(folder: Path) -> set[str]:
    """Return the names of every file of a folder, hidden ones included."""
    return {one.name for one in folder.iterdir()}


def take_rows_out(path: Path, table: str) -> None:
    """Remove a table's rows from a backup, and from its manifest."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members["manifest.json"])
    for entry in manifest["tables"]:
        if entry["name"] == table:
            entry.update(rows=0, digest="0" * 64)
    members["manifest.json"] = json.dumps(manifest).encode()
    members[f"{table}.jsonl"] = b""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
