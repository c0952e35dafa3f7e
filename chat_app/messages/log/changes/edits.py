"""A run of edits, deletions and pins in one transaction, each with its own `rev`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.engine import Connection

from chat_app.change_log.moves import Move, move_of, moves_entry
from chat_app.change_log.store import entry_values
from chat_app.conversations.errors import NotAllowed
from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError
from chat_app.core.json_rows import as_parameter
from chat_app.core.request_context import RequestContext
from chat_app.messages.errors import (
    MessageIsDeleted,
    MessageIsForwarded,
    MessageNotFound,
    NothingWritten,
    NotYourMessage,
    TooManyPins,
)
from chat_app.messages.log.batch import Outcome, Stored
from chat_app.messages.log.changes.locked import Actor, Locked
from chat_app.messages.log.changes.statements import KEEP, PIN, UNPIN, change_statements
from chat_app.messages.log.mentioned import MentionedMembers, mention_rows, mentions_text
from chat_app.messages.mentions import NO_CALLS, calls_in
from chat_app.messages.schemas import Deletion, Edit, MessageChange, Pinning
from chat_app.realtime.shapes import Message as MessageView

MAX_PINS = 100


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
        self._changed: dict[UUID, MessageView] = {}
        # Of several changes of one message the last one is published.
        self._moves: dict[UUID, Move] = {}
        # By message, what becomes of its pin.
        self._pins: dict[UUID, int] = {}
        # Texts before their edits, with their `rev`.
        self._texts: list[dict[str, object]] = []
        # Deleted messages that had files.
        self._with_files: list[dict[str, object]] = []

    def store(self) -> list[Outcome]:
        wanted = [(change.message_id, change.actor_id) for change in self._changes]
        self._locked = Locked(self._connection, self._statements, wanted)
        # Messages that mentioned somebody before.
        self._mentioning = {view.id for view in self._locked.views.values() if view.mentions}
        self._members = self._find_mentioned()
        self._pinned = self._count_pins()
        outcomes: list[Outcome] = []
        for change, context in zip(self._changes, self._contexts, strict=True):
            actor = self._locked.actor(change.message_id, change.actor_id)
            if isinstance(actor, AppError):
                outcomes.append(actor)
                continue
            outcome = self._outcome(change, actor)
            outcomes.append(outcome)
            if isinstance(outcome, Stored) and not outcome.replayed:
                view = outcome.message
                self._moves[view.id] = move_of(view, outcome.direct_key, context)
        self._write()
        return outcomes

    def _find_mentioned(self) -> MentionedMembers:
        called = {
            (view.conversation_id, change.content): calls
            for change in self._changes
            if isinstance(change, Edit)
            and (view := self._locked.views.get(change.message_id)) is not None
            and (calls := calls_in(change.content)) is not NO_CALLS
        }
        return MentionedMembers(self._connection, called)

    def _count_pins(self) -> dict[UUID, int]:
        """Count the pins of the conversations in which something is to be pinned."""
        pinning = {
            view.conversation_id
            for change in self._changes
            if isinstance(change, Pinning)
            and change.pinned
            and (view := self._locked.views.get(change.message_id)) is not None
        }
        if not pinning:
            return {}
        rows = as_parameter([{"id": identifier} for identifier in pinning])
        counted = self._connection.execute(self._statements.pins, {"rows": rows})
        return dict.fromkeys(pinning, 0) | {row.id: row.pins for row in counted}

    def _outcome(self, change: MessageChange, actor: Actor) -> Outcome:
        view = self._locked.views[change.message_id]
        changed = self._changed_by(change, view, actor)
        if isinstance(changed, AppError):
            return changed
        direct_key = self._locked.direct_keys[view.id]
        if changed is view:
            return Stored(view, direct_key, replayed=True)
        changed = replace(changed, rev=self._locked.next_rev(view.conversation_id))
        self._locked.views[view.id] = self._changed[view.id] = changed
        return Stored(changed, direct_key, replayed=False)

    def _changed_by(
        self, change: MessageChange, view: MessageView, actor: Actor
    ) -> MessageView | AppError:
        """Return the message after a change, itself where there is none, or the refusal."""
        match change:
            case Edit():
                return self._edited(change, view, actor)
            case Deletion():
                return self._deleted(change, view)
            case Pinning():
                return self._with_pin(change, view, actor)

    def _edited(self, change: Edit, view: MessageView, actor: Actor) -> MessageView | AppError:
        if view.kind == "notice" or view.sender_id != change.actor_id:
            return NotYourMessage()
        if (refusal := _refusal_of_edit(change, view)) is not None:
            return refusal
        if view.content == change.content:
            return view
        if (refusal := actor.check_writing()) is not None:
            return refusal
        self._texts.append(
            {
                "id": view.id,
                "rev": view.rev,
                "content": view.content,
                "is_of_run": int(view.edited_at == self._at),
            }
        )
        mentions, calls_all = self._members.mentioned(view.conversation_id, change.content)
        return replace(
            view,
            content=change.content,
            edited_at=self._at,
            mentions=mentions,
            mentions_all=calls_all and actor.may_call_all,
        )

    def _deleted(self, change: Deletion, view: MessageView) -> MessageView | AppError:
        if view.kind == "notice" or view.sender_id != change.actor_id:
            return NotYourMessage()
        if view.deleted_at is not None:
            return view
        if view.pinned_at is not None:
            self._pins[view.id] = UNPIN
        if view.attachments:
            self._with_files.append({"id": view.id})
        return replace(
            view,
            attachments=(),
            content="",
            deleted_at=self._at,
            mentions=(),
            mentions_all=False,
            reactions=(),
            pinned_at=None,
            pinned_by=None,
        )

    def _with_pin(self, change: Pinning, view: MessageView, actor: Actor) -> MessageView | AppError:
        if change.pinned and view.kind == "notice":
            return MessageNotFound()
        if change.pinned == (view.pinned_at is not None) and actor.manages:
            return view
        if (refusal := self._pin_refusal(change, view, actor)) is not None:
            return refusal
        if not change.pinned:
            self._pins[view.id] = UNPIN
            return replace(view, pinned_at=None, pinned_by=None)
        self._pinned[view.conversation_id] += 1
        self._pins[view.id] = PIN
        return replace(view, pinned_at=self._at, pinned_by=actor.person)

    def _pin_refusal(self, change: Pinning, view: MessageView, actor: Actor) -> AppError | None:
        if not actor.manages:
            return NotAllowed("Only admins pin messages in this group.")
        if not change.pinned:
            return None
        if view.deleted_at is not None:
            return MessageIsDeleted()
        if (refusal := actor.check_writing()) is not None:
            return refusal
        return TooManyPins() if self._pinned[view.conversation_id] >= MAX_PINS else None

    def _write(self) -> None:
        if not self._changed:
            return
        if self._texts:
            values = {"rows": as_parameter(self._texts), "at": self._at}
            self._connection.execute(self._statements.keep_texts, values)
        rows = [
            {
                "id": view.id,
                "rev": view.rev,
                "content": view.content,
                "is_edited": _is(view.edited_at, self._at),
                "is_deleted": _is(view.deleted_at, self._at),
                "mentions": mentions_text(view.mentions),
                "mentions_all": view.mentions_all,
                "pin": self._pins.get(view.id, KEEP),
                "pinner": view.pinned_by and view.pinned_by.id,
            }
            for view in self._changed.values()
        ]
        values = {
            "changed": as_parameter(rows),
            "moved": as_parameter(self._locked.moved(self._changed.values())),
            "at": self._at,
            **entry_values(moves_entry(list(self._moves.values()), self._batch_id)),
        }
        self._statements.write.execute(self._connection, values)
        self._write_mentions()
        self._forget()

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

    def _forget(self) -> None:
        """Remove what belongs to the messages that this run has deleted."""
        deleted = [
            {"id": view.id} for view in self._changed.values() if view.deleted_at == self._at
        ]
        if deleted:
            rows = as_parameter(deleted)
            for statement in self._statements.forget:
                self._connection.execute(statement, {"rows": rows})
        if self._with_files:
            rows = as_parameter(self._with_files)
            self._connection.execute(self._statements.release, {"rows": rows, "at": self._at})
            self._connection.execute(self._statements.detach, {"rows": rows})


def _refusal_of_edit(change: Edit, view: MessageView) -> AppError | None:
    """Return why a message cannot be edited, None where it can."""
    if view.deleted_at is not None:
        return MessageIsDeleted()
    if view.forwarded_from is not None:
        return MessageIsForwarded()
    return None if change.content or view.attachments else NothingWritten()


def _is(moment: datetime | None, now: datetime) -> int:
    return int(moment == now)
