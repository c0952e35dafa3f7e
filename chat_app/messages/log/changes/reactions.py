"""A run of reactions in one transaction, each with its own `rev`."""

from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.engine import Connection

from chat_app.change_log.moves import Reacted, reactions_entry
from chat_app.change_log.store import entry_values
from chat_app.conversations.message_rows import MAX_REACTED
from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError
from chat_app.core.json_rows import as_parameter
from chat_app.core.request_context import RequestContext
from chat_app.messages.errors import MessageIsDeleted, MessageNotFound, TooManyReactions
from chat_app.messages.log.batch import Outcome, Stored
from chat_app.messages.log.changes.locked import Actor, Locked
from chat_app.messages.log.changes.statements import change_statements, reaction_statements
from chat_app.messages.schemas import Reacting
from chat_app.realtime.shapes import Message as MessageView
from chat_app.realtime.shapes import Reaction

# Kinds of emoji on one message.
MAX_KINDS = 20


def store_reactions(
    connection: Connection,
    reactings: Sequence[Reacting],
    contexts: Sequence[RequestContext],
    batch_id: UUID,
) -> list[Outcome]:
    """Store the permitted reactions and return an outcome for each, in order.

    `replayed` is true where it was so before. Raises what the database raises; nothing of the run
    is stored then.
    """
    return _Run(connection, reactings, contexts, batch_id).store()


class _Run:
    def __init__(
        self,
        connection: Connection,
        reactings: Sequence[Reacting],
        contexts: Sequence[RequestContext],
        batch_id: UUID,
    ) -> None:
        self._connection = connection
        self._reactings = reactings
        self._contexts = contexts
        self._batch_id = batch_id
        self._statements = reaction_statements(connection.dialect.name)
        self._moves: list[Reacted] = []
        self._changed: dict[UUID, MessageView] = {}
        # Those that are new or taken back: by message, emoji and user their `rev`, or None.
        self._written: dict[tuple[UUID, str, UUID], int | None] = {}

    def store(self) -> list[Outcome]:
        wanted = [(one.message_id, one.actor_id) for one in self._reactings]
        statements = change_statements(self._connection.dialect.name)
        self._locked = Locked(self._connection, statements, wanted)
        self._present = self._find_present(wanted)
        outcomes = [
            self._outcome(one, context)
            for one, context in zip(self._reactings, self._contexts, strict=True)
        ]
        self._write()
        return outcomes

    def _find_present(self, wanted: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, str, UUID]]:
        rows = as_parameter([{"id": message, "user_id": user} for message, user in set(wanted)])
        found = self._connection.execute(self._statements.present, {"rows": rows})
        return {(row.message_id, row.emoji, row.user_id) for row in found}

    def _outcome(self, one: Reacting, context: RequestContext) -> Outcome:
        actor = self._locked.actor(one.message_id, one.actor_id)
        if isinstance(actor, AppError):
            return actor
        view = self._locked.views[one.message_id]
        direct_key = self._locked.direct_keys[view.id]
        key = (view.id, one.emoji, one.actor_id)
        if view.deleted_at is not None:
            return MessageIsDeleted()
        if one.added and view.kind == "notice":
            return MessageNotFound()
        if one.added == (key in self._present):
            return Stored(view, direct_key, replayed=True)
        if one.added and (refusal := _refusal(one, view, actor)) is not None:
            return refusal
        rev = self._locked.next_rev(view.conversation_id)
        view = replace(view, rev=rev, reactions=_with(view.reactions, one))
        self._locked.views[view.id] = self._changed[view.id] = view
        if one.added:
            self._present.add(key)
            self._written[key] = rev
        else:
            self._present.discard(key)
            self._written[key] = None
        self._moves.append(
            Reacted(
                view.conversation_id,
                rev,
                direct_key,
                view.id,
                view.seq,
                one.emoji,
                one.actor_id,
                one.added,
                count_of(view, one.emoji),
                context,
            )
        )
        return Stored(view, direct_key, replayed=False)

    def _write(self) -> None:
        if not self._changed:
            return
        now = utc_now()
        rows = [
            {"id": view.id, "rev": view.rev, "has_reactions": int(bool(view.reactions))}
            for view in self._changed.values()
        ]
        values = {
            "changed": as_parameter(rows),
            "moved": as_parameter(self._locked.moved(self._changed.values())),
            "at": now,
            **entry_values(reactions_entry(self._moves, self._batch_id)),
        }
        self._statements.write.execute(self._connection, values)
        keys = [
            {"message_id": message, "emoji": emoji, "user_id": user, "rev": rev}
            for (message, emoji, user), rev in self._written.items()
        ]
        self._connection.execute(self._statements.take_back, {"rows": as_parameter(keys)})
        new = [key for key in keys if key["rev"] is not None]
        if new:
            added = {"rows": as_parameter(new), "at": now}
            self._connection.execute(self._statements.add, added)


def count_of(message: MessageView, emoji: str) -> int:
    """Return how many members have reacted to a message with an emoji."""
    return sum(one.count for one in message.reactions if one.emoji == emoji)


def _refusal(one: Reacting, view: MessageView, actor: Actor) -> AppError | None:
    if (refusal := actor.check_writing()) is not None:
        return refusal
    is_new = all(present.emoji != one.emoji for present in view.reactions)
    return TooManyReactions() if is_new and len(view.reactions) >= MAX_KINDS else None


def _with(reactions: tuple[Reaction, ...], one: Reacting) -> tuple[Reaction, ...]:
    """Return the reactions of a message after a change of one user's."""
    changed = []
    is_there = False
    for present in reactions:
        if present.emoji != one.emoji:
            changed.append(present)
            continue
        is_there = True
        others = tuple(user_id for user_id in present.user_ids if user_id != one.actor_id)
        count = present.count + (1 if one.added else -1)
        if count > 0:
            user_ids = (*others, one.actor_id)[:MAX_REACTED] if one.added else others
            changed.append(replace(present, count=count, user_ids=user_ids))
    if one.added and not is_there:
        changed.append(Reaction(emoji=one.emoji, count=1, user_ids=(one.actor_id,)))
    return tuple(changed)
