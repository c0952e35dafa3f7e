"""A run of edits and deletions in one transaction, each with its own `rev`."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.engine import Connection

from chat_app.change_log.moves import Move, move_of, moves_entry
from chat_app.change_log.store import entry_values
from chat_app.conversations.errors import REFUSALS, NotAllowed
from chat_app.conversations.views import message_of
from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError
from chat_app.core.json_rows import as_parameter
from chat_app.core.request_context import RequestContext
from chat_app.friends.relations import Unreachable
from chat_app.messages.errors import MessageIsDeleted, MessageNotFound, NotYourMessage
from chat_app.messages.log.batch import Outcome, Stored
from chat_app.messages.log.mentioned import MentionedMembers, mention_rows, mentions_text
from chat_app.messages.log.statements import change_statements
from chat_app.messages.mentions import MAX_ALL, NO_CALLS, calls_in
from chat_app.messages.schemas import MessageChange
from chat_app.realtime.shapes import Message as MessageView


class LockedMessage(NamedTuple):
    """A message whose conversation is locked, in the state before the next change.

    `refusal` is why its sender may not write to the other person of a direct conversation.
    """

    view: MessageView
    direct_key: str | None
    refusal: Unreachable | None


class _Target(NamedTuple):
    may_post: bool
    may_call_all: bool


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
        self._targets: dict[tuple[UUID, UUID], _Target] = {}
        self._locked: dict[UUID, LockedMessage] = {}
        self._changed: dict[UUID, MessageView] = {}
        # Messages that mentioned somebody before.
        self._mentioning: set[UUID] = set()
        # Of several changes of one message the last one is published.
        self._moves: dict[UUID, Move] = {}

    def store(self) -> list[Outcome]:
        self._lock()
        self._members = self._find_mentioned()
        outcomes = []
        for change, context in zip(self._changes, self._contexts, strict=True):
            target = self._targets.get((change.message_id, change.actor_id))
            outcome = MessageNotFound() if target is None else self._outcome(change, target)
            outcomes.append(outcome)
            if isinstance(outcome, Stored) and not outcome.replayed:
                view = outcome.message
                self._moves[view.id] = move_of(view, outcome.direct_key, context)
        self._write()
        return outcomes

    def _lock(self) -> None:
        """Lock the conversations that the actors are members of; then read what is in them."""
        keys = [{"id": c.message_id, "user_id": c.actor_id} for c in self._changes]
        rows = self._connection.execute(self._statements.targets, {"rows": as_parameter(keys)})
        for row in rows:
            self._revs[row.id] = row.last_rev
            manages = row.role != "member"
            self._targets[row.message_id, row.user_id] = _Target(
                may_post=manages or row.posting == "everyone",
                may_call_all=manages or row.members_count <= MAX_ALL,
            )
        # After the lock, so that earlier changes of other nodes are seen.
        wanted = [{"id": identifier} for identifier in {message for message, _ in self._targets}]
        if wanted:
            found = self._connection.execute(
                self._statements.messages, {"rows": as_parameter(wanted)}
            )
            for message in found:
                view = message_of(message, message.direct_key)
                if view.mentions:
                    self._mentioning.add(view.id)
                self._locked[message.id] = LockedMessage(view, message.direct_key, message.refusal)

    def _find_mentioned(self) -> MentionedMembers:
        called = {
            (locked.view.conversation_id, change.content): calls
            for change in self._changes
            if change.content is not None
            and (locked := self._locked.get(change.message_id)) is not None
            and (calls := calls_in(change.content)) is not NO_CALLS
        }
        return MentionedMembers(self._connection, called)

    def _outcome(self, change: MessageChange, target: "_Target") -> Outcome:
        locked = self._locked[change.message_id]
        refusal = _refusal(change, locked)
        if refusal is not None:
            return refusal
        if _is_made(change, locked.view):
            return Stored(locked.view, locked.direct_key, replayed=True)
        if change.content is not None and locked.refusal is not None:
            return REFUSALS[locked.refusal]()
        if change.content is not None and not target.may_post:
            return NotAllowed("Only admins write in this group.")
        view = self._changed_by(change, locked.view, target)
        self._locked[view.id] = locked._replace(view=view)
        self._changed[view.id] = view
        return Stored(view, locked.direct_key, replayed=False)

    def _changed_by(
        self, change: MessageChange, view: MessageView, target: "_Target"
    ) -> MessageView:
        rev = self._revs[view.conversation_id] + 1
        self._revs[view.conversation_id] = rev
        if change.content is None:
            return replace(
                view,
                rev=rev,
                content="",
                deleted_at=self._at,
                mentions=(),
                mentions_all=False,
            )
        mentions, calls_all = self._members.mentioned(view.conversation_id, change.content)
        return replace(
            view,
            rev=rev,
            content=change.content,
            edited_at=self._at,
            mentions=mentions,
            mentions_all=calls_all and target.may_call_all,
        )

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
                "mentions": mentions_text(view.mentions),
                "mentions_all": view.mentions_all,
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
        self._write_mentions()

    def _write_mentions(self) -> None:
        """Replace the mentions of the changed messages; most messages had none and have none."""
        places = [
            {"id": view.conversation_id, "seq": view.seq}
            for view in self._changed.values()
            if view.id in self._mentioning
        ]
        if places:
            self._connection.execute(self._statements.unmention, {"rows": as_parameter(places)})
        rows = [row for view in self._changed.values() for row in mention_rows(view)]
        if rows:
            self._connection.execute(self._statements.mention, {"rows": as_parameter(rows)})


def _refusal(change: MessageChange, locked: LockedMessage) -> AppError | None:
    if locked.view.kind == "notice" or locked.view.sender_id != change.actor_id:
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
