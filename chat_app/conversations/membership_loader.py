"""Load memberships and recent revs of users, one statement for all who connect at a moment."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Select

from chat_app.conversations.statements import ACTIVE, changed_lately, memberships
from chat_app.core.batch_loader import BatchLoader
from chat_app.core.clock import ago
from chat_app.core.database import Database
from chat_app.core.json_rows import as_parameter, decode_pieces


class MembershipSummary(NamedTuple):
    """The groups of a user, and the unread count of each conversation that has any.

    `since` has the groups of which the user may not read the beginning, with the first `seq`.
    """

    groups: list[UUID]
    unread: dict[UUID, int]
    since: dict[UUID, int]


class MembershipRow(msgspec.Struct, gc=False):
    """A conversation of a user in a JSON text; of a user there are many."""

    user_id: str
    id: UUID
    kind: str
    since_seq: int
    unread: int


class RevRow(msgspec.Struct, gc=False):
    """The last `rev` of a conversation of a user in a JSON text."""

    user_id: str
    id: UUID
    last_rev: int


_decode_memberships = msgspec.json.Decoder(list[MembershipRow]).decode
_decode_revs = msgspec.json.Decoder(list[RevRow]).decode
NO_MEMBERSHIPS = MembershipSummary([], {}, {})


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
        pieces = await self._fetch(memberships(self._database.dialect), user_ids)
        found: dict[str, MembershipSummary] = {}
        async for rows in decode_pieces(pieces, _decode_memberships):
            for row in rows:
                membership = found.get(row.user_id)
                if membership is None:
                    membership = found[row.user_id] = MembershipSummary([], {}, {})
                if row.kind == "group":
                    membership.groups.append(row.id)
                    if row.since_seq:
                        membership.since[row.id] = row.since_seq
                if row.unread > 0:
                    membership.unread[row.id] = row.unread
        return {UUID(user_id): membership for user_id, membership in found.items()}

    async def _load_revs(self, user_ids: Sequence[UUID]) -> dict[UUID, dict[UUID, int]]:
        database = self._database
        is_sqlite = database.is_sqlite
        values = {"changed_after": ago("sqlite", ACTIVE)} if is_sqlite else {"active": ACTIVE}
        pieces = await self._fetch(changed_lately(database.dialect), user_ids, **values)
        revs: dict[str, dict[UUID, int]] = {}
        async for rows in decode_pieces(pieces, _decode_revs):
            for row in rows:
                revs.setdefault(row.user_id, {})[row.id] = row.last_rev
        return {UUID(user_id): theirs for user_id, theirs in revs.items()}

    async def _fetch(
        self,
        statement: Select[*tuple[Any, ...]],
        user_ids: Sequence[UUID],
        **values: object,
    ) -> list[Any]:
        rows = as_parameter([{"user_id": user_id} for user_id in user_ids])
        return await self._database.fetch_all(statement, {"rows": rows, **values})
