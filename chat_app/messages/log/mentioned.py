"""The members whom new and edited messages mention, found for a whole batch by one statement."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypedDict
from uuid import UUID

import msgspec
from sqlalchemy.engine import Connection

from chat_app.core.json_rows import as_parameter
from chat_app.messages.log.statements import find_mentioned
from chat_app.messages.mentions import NO_CALLS, Calls
from chat_app.realtime.shapes import Message


class MentionRow(TypedDict):
    """A mention in an unread count: that of a member by name, by somebody else."""

    user_id: UUID
    conversation_id: UUID
    seq: int


class Mentioned(NamedTuple):
    """The members that a text mentions, in order, and whether it calls all of them."""

    user_ids: tuple[UUID, ...]
    calls_all: bool


NOBODY = Mentioned((), calls_all=False)


class MentionedMembers:
    """The calls of some texts, by their conversation and text, with the members they mean."""

    def __init__(self, connection: Connection, called: Mapping[tuple[UUID, str], Calls]) -> None:
        self._called = called
        self._members: dict[tuple[UUID, str], UUID] = {}
        names = {
            (conversation_id, key)
            for (conversation_id, _), calls in called.items()
            for candidates in calls.names
            for key in candidates
        }
        if not names:
            return
        rows = [{"id": identifier, "username_key": key} for identifier, key in names]
        statement = find_mentioned(connection.dialect.name)
        for row in connection.execute(statement, {"rows": as_parameter(rows)}):
            self._members[row.id, row.username_key] = row.user_id

    def mentioned(self, conversation_id: UUID, content: str) -> Mentioned:
        """Return whom a text of a conversation mentions."""
        calls = self._called.get((conversation_id, content), NO_CALLS)
        if calls is NO_CALLS:
            return NOBODY
        user_ids: dict[UUID, None] = {}
        for candidates in calls.names:
            for key in candidates:
                if (user_id := self._members.get((conversation_id, key))) is not None:
                    user_ids[user_id] = None
                    break
        return Mentioned(tuple(user_ids), calls.calls_all)


def mention_rows(view: Message) -> Iterable[MentionRow]:
    """Return the rows of a message's mentions by name."""
    return [
        MentionRow(user_id=user_id, conversation_id=view.conversation_id, seq=view.seq)
        for user_id in view.mentions
        if user_id != view.sender_id
    ]


def mentions_text(user_ids: tuple[UUID, ...]) -> str | None:
    """Return the column of a message's mentions, None without any."""
    return msgspec.json.encode(user_ids).decode() if user_ids else None
