"""A run of edits and deletions in one transaction, each with its own `rev`."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.engine import Connection

from chat_app.change_log.store import entry_values
from chat_app.conversations.errors import REFUSALS
from chat_app.conversations.views import message_of
from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError
from chat_app.core.json_rows import as_parameter
from chat_app.core.request_context import RequestContext
from chat_app.friends.relations import Unreachable
from chat_app.messages.errors import MessageIsDeleted, MessageNotFound, NotYourMessage
from chat_app.messages.log.batch import Outcome, Stored
from chat_app.messages.log.moves import Move, move_of, moves_entry
from chat_app.messages.log.statements import change_statements
from chat_app.messages.schemas import MessageChange
from chat_app.realtime.shapes import Message as MessageView


class LockedMessage(NamedTuple):
    """A message whose conversation is locked, in the state before the next change.

    `refusal` is why its sender may not write to the other person of a direct conversation.
    """

    view: MessageView
    direct_key: str | None
    refusal: Unreachable | None


def store_changes(
    connection: Connection,
    changes: Sequence[MessageChange],
    contexts: Sequence[RequestContext],
    batch_id: UUID,
) -> list[Outcome]:
    """Store the permitted changes and return an outcome for each, in order.

    `replayed` is true where the change had been made before. Raises what the database raises;
    nothing of the run is stored then.
    """
    return _Run(connection, changes, contexts, batch_id).store()


class _Run:
    def __init__(
        self,
        connection: Connection,
        changes: Sequence[MessageChange],
        contexts: Sequence[RequestContext],
        batch_id: UUID,
    ) -> None:
        self._connection = connection
        self._contexts = contexts
        self._batch_id = batch_id
        self._statements = change_statements(connection.dialect.name)
        self._changes = changes
        self._at = utc_now()
        self._revs: dict[UUID, int] = {}
        self._locked: dict[UUID, LockedMessage] = {}
        self._changed: dict[UUID, MessageView] = {}
        # Of several changes of one message the last one is published.
        self._moves: dict[UUID, Move] = {}

    def store(self) -> list[Outcome]:
        visible = self._lock()
        outcomes = []
        for change, context in zip(self._changes, self._contexts, strict=True):
            is_visible = (change.message_id, change.actor_id) in visible
            outcome = self._outcome(change) if is_visible else MessageNotFound()
            outcomes.append(outcome)
            if isinstance(outcome, Stored) and not outcome.replayed:
                view = outcome.message
                self._moves[view.id] = move_of(view, outcome.direct_key, context)
        self._write()
        return outcomes

    def _lock(self) -> set[tuple[UUID, UUID]]:
        """Lock the conversations that the actors are members of; then read what is in them."""
        keys = [{"id": c.message_id, "user_id": c.actor_id} for c in self._changes]
        rows = self._connection.execute(self._statements.targets, {"rows": as_parameter(keys)})
        visible = set()
        for row in rows:
            self._revs[row.id] = row.last_rev
            visible.add((row.message_id, row.user_id))
        # After the lock, so that earlier changes of other nodes are seen.
        wanted = [{"id": identifier} for identifier in {message for message, _ in visible}]
        if wanted:
            found = self._connection.execute(
                self._statements.messages, {"rows": as_parameter(wanted)}
            )
            for row in found:
                view = message_of(row, row.direct_key)
                self._locked[row.id] = LockedMessage(view, row.direct_key, row.refusal)
        return visible

    def _outcome(self, change: MessageChange) -> Outcome:
        locked = self._locked[change.message_id]
        refusal = _refusal(change, locked)
        if refusal is not None:
            return refusal
        if _is_made(change, locked.view):
            return Stored(locked.view, locked.direct_key, replayed=True)
        if change.content is not None and locked.refusal is not None:
            return REFUSALS[locked.refusal]()
        view = self._changed_by(change, locked.view)
        self._locked[view.id] = locked._replace(view=view)
        self._changed[view.id] = view
        return Stored(view, locked.direct_key, replayed=False)

    def _changed_by(self, change: MessageChange, view: MessageView) -> MessageView:
        rev = self._revs[view.conversation_id] + 1
        self._revs[view.conversation_id] = rev
        if change.content is None:
            return replace(view, rev=rev, content="", deleted_at=self._at)
        return replace(view, rev=rev, content=change.content, edited_at=self._at)

    def _write(self) -> None:
        if not self._changed:
            return
        rows = [
            {
                "id": view.id,
                "rev": view.rev,
                "content": view.content,
                "is_edited": _is(view.edited_at, self._at),
                "is_deleted": _is(view.deleted_at, self._at),
            }
            for view in self._changed.values()
        ]
        moved = {view.conversation_id for view in self._changed.values()}
        revs = [{"id": identifier, "rev": self._revs[identifier]} for identifier in moved]
        values = {
            "changed": as_parameter(rows),
            "moved": as_parameter(revs),
            "at": self._at,
            **entry_values(moves_entry(list(self._moves.values()), self._batch_id)),
        }
        self._statements.write.execute(self._connection, values)


def _refusal(change: MessageChange, locked: LockedMessage) -> AppError | None:
    if locked.view.sender_id != change.actor_id:
        return NotYourMessage()
    if change.content is not None and locked.view.deleted_at is not None:
        return MessageIsDeleted()
    return None


def _is_made(change: MessageChange, view: MessageView) -> bool:
    if change.content is None:
        return view.deleted_at is not None
    return view.content == change.content


def _is(moment: datetime | None, now: datetime) -> int:
    return int(moment == now)
