"""How people stand as they come or ask: what everybody asks alike is asked for many at once."""

import functools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, Uuid, or_, select

from chat_app.conversations.views import unread_of
from chat_app.core.batch_loader import BatchLoader
from chat_app.core.clock import ago
from chat_app.core.database import Database
from chat_app.core.json_rows import JsonRows, as_parameter
from chat_app.models.tables import CONVERSATIONS, MEMBERS

ACTIVE = timedelta(minutes=5)
RECENT = 200


class MembershipSummary(NamedTuple):
    """The groups somebody is in, and how much they have not read, where that is anything."""

    groups: list[UUID]
    unread: dict[UUID, int]


NO_MEMBERSHIPS = MembershipSummary([], {})


class MembershipLoader:
    """Answers for whoever asks at one moment with one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.membership = BatchLoader(self._summaries)
        self.recent_revs = BatchLoader(self._recent_revs)

    async def close(self) -> None:
        """Wait for what is under way."""
        await self.membership.close()
        await self.recent_revs.close()

    async def _summaries(self, user_ids: Sequence[UUID]) -> dict[UUID, MembershipSummary]:
        memberships: dict[UUID, MembershipSummary] = {}
        for row in await self._run(_places(self._dialect), user_ids):
            membership = memberships.setdefault(row.user_id, MembershipSummary([], {}))
            if row.kind == "group":
                membership.groups.append(row.id)
            if row.unread > 0:
                membership.unread[row.id] = row.unread
        return memberships

    async def _recent_revs(self, user_ids: Sequence[UUID]) -> dict[UUID, dict[UUID, int]]:
        """Return the newest `rev` of the conversations that moved within the last minutes."""
        moved_after = ago(self._dialect, ACTIVE)
        statement = _moves(self._dialect).where(CONVERSATIONS.c.changed_at > moved_after)
        revs: dict[UUID, dict[UUID, int]] = {}
        for row in await self._run(statement, user_ids):
            theirs = revs.setdefault(row.user_id, {})
            if len(theirs) < RECENT:
                theirs[row.id] = row.last_rev
        return revs

    @property
    def _dialect(self) -> str:
        return self._database.engine.dialect.name

    async def _run(
        self, statement: Select[*tuple[Any, ...]], user_ids: Sequence[UUID]
    ) -> list[Any]:
        rows = as_parameter([{"user_id": user_id} for user_id in user_ids])
        return await self._database.fetch_all(statement, {"rows": rows})


@functools.cache
def _places(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the groups of the given people, and where they have not read all."""
    given = JsonRows(dialect, user_id=Uuid)
    return (
        select(
            MEMBERS.c.user_id,
            CONVERSATIONS.c.id,
            CONVERSATIONS.c.kind,
            unread_of(MEMBERS.c.user_id).label("unread"),
        )
        .select_from(given.table)
        .join(MEMBERS, MEMBERS.c.user_id == given.columns["user_id"])
        .join(CONVERSATIONS, CONVERSATIONS.c.id == MEMBERS.c.conversation_id)
        .where(
            or_(
                CONVERSATIONS.c.kind == "group",
                CONVERSATIONS.c.last_seq > MEMBERS.c.last_read_seq,
            )
        )
    )


@functools.cache
def _moves(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the conversations of the given people, the one that moved last first."""
    given = JsonRows(dialect, user_id=Uuid)
    return (
        select(MEMBERS.c.user_id, CONVERSATIONS.c.id, CONVERSATIONS.c.last_rev)
        .select_from(given.table)
        .join(MEMBERS, MEMBERS.c.user_id == given.columns["user_id"])
        .join(CONVERSATIONS, CONVERSATIONS.c.id == MEMBERS.c.conversation_id)
        .order_by(CONVERSATIONS.c.changed_at.desc())
    )
