"""Load memberships and recent revs of users, one statement for all who connect at a moment."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select

from chat_app.conversations.statements import changed_within, memberships
from chat_app.core.batch_loader import BatchLoader
from chat_app.core.database import Database
from chat_app.core.json_rows import as_parameter

ACTIVE = timedelta(minutes=5)
MAX_RECENT = 200


class MembershipSummary(NamedTuple):
    """The groups of a user, and the unread count of each conversation that has any."""

    groups: list[UUID]
    unread: dict[UUID, int]


NO_MEMBERSHIPS = MembershipSummary([], {})


class MembershipLoader:
    """A loader that answers all calls of the same moment with one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._memberships = BatchLoader(self._load_memberships)
        self._revs = BatchLoader(self._load_revs)

    async def membership(self, user_id: UUID) -> MembershipSummary | None:
        """Return the summary of a user, None without groups and unread messages."""
        return await self._memberships(user_id)

    async def recent_revs(self, user_id: UUID) -> dict[UUID, int] | None:
        """Return the last `rev` of a user's conversations that changed lately, None for none."""
        return await self._revs(user_id)

    async def close(self) -> None:
        """Wait for the statements under way."""
        await self._memberships.close()
        await self._revs.close()

    async def _load_memberships(self, user_ids: Sequence[UUID]) -> dict[UUID, MembershipSummary]:
        found: dict[UUID, MembershipSummary] = {}
        for row in await self._fetch(memberships(self._dialect), user_ids):
            membership = found.setdefault(row.user_id, MembershipSummary([], {}))
            if row.kind == "group":
                membership.groups.append(row.id)
            if row.unread > 0:
                membership.unread[row.id] = row.unread
        return found

    async def _load_revs(self, user_ids: Sequence[UUID]) -> dict[UUID, dict[UUID, int]]:
        statement = changed_within(self._dialect, ACTIVE)
        revs: dict[UUID, dict[UUID, int]] = {}
        for row in await self._fetch(statement, user_ids):
            theirs = revs.setdefault(row.user_id, {})
            if len(theirs) < MAX_RECENT:
                theirs[row.id] = row.last_rev
        return revs

    @property
    def _dialect(self) -> str:
        return self._database.engine.dialect.name

    async def _fetch(
        self, statement: Select[*tuple[Any, ...]], user_ids: Sequence[UUID]
    ) -> list[Any]:
        rows = as_parameter([{"user_id": user_id} for user_id in user_ids])
        return await self._database.fetch_all(statement, {"rows": rows})
