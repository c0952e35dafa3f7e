"""A batch of sends in one transaction: permission, numbers, rows.

At most six statements for any number of messages, conversations and members (more only for the
first message between two people, whose conversation it makes).
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import CursorResult, Executable, Row
from sqlalchemy.engine import Connection

from chat_app.change_log.moves import Move, move_of, moves_entry
from chat_app.change_log.store import entry_values
from chat_app.conversations.errors import (
    REFUSALS,
    ConversationNotFound,
    NotAllowed,
    ReceiverIsSelf,
)
from chat_app.conversations.message_rows import message_of, person_of
from chat_app.conversations.queries import MAX_RECEIPTS
from chat_app.conversations.statements import find_members
from chat_app.conversations.store import NewConversation, add_conversation
from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError, NotFound
from chat_app.core.ids import new_id, pair_key, peer_of
from chat_app.core.json_rows import as_parameter
from chat_app.core.request_context import RequestContext
from chat_app.friends.relations import Unreachable
from chat_app.messages.errors import (
    FilesNotReady,
    IdempotencyConflict,
    MessageNotFound,
    ReplyNotFound,
)
from chat_app.messages.log.attached import AttachedFiles, OwnFile, attachment_rows
from chat_app.messages.log.mentioned import (
    MentionedMembers,
    MentionRow,
    mention_rows,
    mentions_text,
)
from chat_app.messages.log.originals import Original, Originals
from chat_app.messages.log.statements import send_statements
from chat_app.messages.mentions import MAX_ALL, NO_CALLS, calls_in
from chat_app.messages.schemas import NewMessage
from chat_app.realtime.shapes import File, Person
from chat_app.realtime.shapes import Message as MessageView


class Stored(NamedTuple):
    """The outcome of a send or a change: the message; `replayed` where nothing was written.

    `is_small` is whether the conversation is small enough for receipts of delivery.
    """

    message: MessageView
    direct_key: str | None
    replayed: bool
    is_small: bool = False


class SendTarget(NamedTuple):
    """A conversation of a sender; `refusal` is why they may not write to its peer."""

    direct_key: str | None
    refusal: Unreachable | None
    may_post: bool
    may_call_all: bool
    is_small: bool
    sender: Person


class NewRow(msgspec.Struct, gc=False):
    """The columns of a new message."""

    id: UUID
    conversation_id: UUID
    seq: int
    rev: int
    client_id: str
    sender_id: UUID
    content: str
    mentions: str | None
    mentions_all: bool
    reply_to: UUID | None
    forwarded_from: UUID | None
    has_files: bool


Outcome = Stored | AppError
# Sender and receiver.
Pair = tuple[UUID, UUID]


class Batch:
    """The sends of one transaction; `direct_ids` caches direct conversations by their key.

    A replay is seldom. So the first attempt looks for those among the refused sends only, and lets
    the unique key stop the others; a retry looks for all.
    """

    def __init__(
        self,
        connection: Connection,
        sends: Sequence[NewMessage],
        contexts: Sequence[RequestContext],
        direct_ids: dict[str, UUID],
        *,
        batch_id: UUID,
        is_retry: bool = False,
    ) -> None:
        self._connection = connection
        self._statements = send_statements(connection.dialect.name)
        self._at = utc_now()
        self._sends = sends
        self._contexts = contexts
        self._direct_ids = direct_ids
        self._batch_id = batch_id
        self._is_retry = is_retry
        self._made: dict[str, UUID] = {}
        self._counters: dict[UUID, tuple[int, int]] = {}
        self._fresh: list[NewRow] = []
        self._moves: list[Move] = []
        self._marks: dict[tuple[UUID, UUID], int] = {}
        self._mentions: list[MentionRow] = []
        self._attachments: list[dict[str, object]] = []

    def store(self) -> list[Outcome]:
        """Store what may be stored and return an outcome a send, in order.

        Raises what the database raises; nothing of the batch is stored then.
        """
        earlier = self._earlier(self._sends) if self._is_retry else {}
        fresh = [s for s in self._sends if (s.sender_id, s.client_id) not in earlier]
        unreachable = self._find_direct(fresh)
        targets = self._targets(fresh)
        self._originals = Originals(self._connection, fresh)
        self._members = self._find_mentioned(fresh)
        self._files = self._claim_files(fresh, targets)
        outcomes = []
        for send, context in zip(self._sends, self._contexts, strict=True):
            outcome = self._outcome(send, earlier, unreachable, targets)
            outcomes.append(outcome)
            if isinstance(outcome, Stored):
                earlier.setdefault((send.sender_id, send.client_id), outcome)
                if not outcome.replayed:
                    self._moves.append(move_of(outcome.message, outcome.direct_key, context))
        if not self._is_retry:
            self._answer_replays(outcomes)
        self._write()
        return outcomes

    def made(self) -> dict[str, UUID]:
        """Return the direct conversations found or created, to cache after the commit."""
        return self._made

    def _answer_replays(self, outcomes: list[Outcome]) -> None:
        """Answer those refused sends that were stored before, when they were allowed."""
        refused = [
            number for number, outcome in enumerate(outcomes) if isinstance(outcome, AppError)
        ]
        if not refused:
            return
        earlier = self._earlier([self._sends[number] for number in refused])
        for number in refused:
            send = self._sends[number]
            if (stored := earlier.get((send.sender_id, send.client_id))) is not None:
                outcomes[number] = _replay(send, stored)

    def _earlier(self, sends: Iterable[NewMessage]) -> dict[tuple[UUID, str], Stored]:
        keys = [{"sender_id": s.sender_id, "client_id": s.client_id} for s in sends]
        rows = self._run(self._statements.earlier, keys)
        found = {}
        for row in rows:
            view = message_of(row, row.direct_key)
            found[view.sender_id, view.client_id] = Stored(view, row.direct_key, replayed=True)
        return found

    def _find_direct(self, sends: Iterable[NewMessage]) -> dict[Pair, AppError]:
        """Load the conversations of sends addressed to a user; create those that are missing."""
        wanted: dict[Pair, str] = {}
        for send in sends:
            if send.receiver_id is not None and send.receiver_id != send.sender_id:
                key = pair_key(send.sender_id, send.receiver_id)
                if key not in self._direct_ids:
                    wanted[send.sender_id, send.receiver_id] = key
        if not wanted:
            return {}
        rows = self._connection.execute(self._statements.direct, {"keys": list(wanted.values())})
        self._made.update({row.direct_key: row.id for row in rows})
        return self._make_direct({p: key for p, key in wanted.items() if key not in self._made})

    def _make_direct(self, missing: dict[Pair, str]) -> dict[Pair, AppError]:
        """Create conversations, unless their first sender may not write to the receiver."""
        if not missing:
            return {}
        pairs = [{"sender_id": sender, "receiver_id": receiver} for sender, receiver in missing]
        rows = self._run(self._statements.receivers, pairs)
        refusals = {(row.sender_id, row.receiver_id): row.refusal for row in rows}
        unreachable: dict[Pair, AppError] = {}
        for pair, key in missing.items():
            if pair not in refusals:
                unreachable[pair] = NotFound("There is no such person.")
            elif (refusal := refusals[pair]) is not None:
                unreachable[pair] = REFUSALS[refusal]()
            elif key not in self._made:
                new = NewConversation("direct", pair[0], pair, opened_by=pair[:1], direct_key=key)
                self._made[key] = add_conversation(self._connection, new)
        return unreachable

    def _targets(self, sends: Iterable[NewMessage]) -> dict[tuple[UUID, UUID], SendTarget]:
        """Lock the conversations the senders are members of, and read their counters."""
        wanted = list(
            {
                (conversation_id, send.sender_id)
                for send in sends
                if (conversation_id := self._conversation_of(send)) is not None
            }
        )
        if not wanted:
            return {}
        rows = self._run(
            self._statements.targets,
            [
                {"number": number, "id": identifier, "user_id": user_id}
                for number, (identifier, user_id) in enumerate(wanted)
            ],
        )
        targets = {}
        for row in self._without_former_members(rows.all(), wanted):
            # By number: parsing the ids of the row again would cost time.
            target = wanted[row.number]
            self._counters[target[0]] = (row.last_seq, row.last_rev)
            manages = row.role != "member"
            targets[target] = SendTarget(
                row.direct_key,
                row.refusal,
                may_post=manages or row.posting == "everyone",
                may_call_all=manages or row.members_count <= MAX_ALL,
                is_small=row.members_count <= MAX_RECEIPTS,
                sender=person_of(
                    target[1], row.sender_username, row.sender_display_name, row.sender_avatar
                ),
            )
        return targets

    def _without_former_members(
        self, rows: Sequence[Row[*tuple[Any, ...]]], wanted: Sequence[tuple[UUID, UUID]]
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """Leave out senders who were removed from a group while this batch waited for its lock.

        PostgreSQL reads their memberships as they were before it waited. To lock them, too, would
        cost every send a fifth; nobody is removed from a direct conversation.
        """
        groups = [row for row in rows if row.direct_key is None]
        dialect = self._connection.dialect.name
        if not groups or dialect == "sqlite":
            return rows
        given = [
            {"number": row.number, "id": wanted[row.number][0], "user_id": wanted[row.number][1]}
            for row in groups
        ]
        present = {row.number for row in self._run(find_members(dialect), given)}
        return [row for row in rows if row.direct_key is not None or row.number in present]

    def _content_of(self, send: NewMessage) -> str:
        """Return the text of a send, or that of the message which it forwards."""
        if send.forward_of is None:
            return send.content
        original = self._original(send, send.forward_of)
        return "" if original is None else original.content

    def _original(self, send: NewMessage, message_id: UUID | None) -> Original | None:
        return self._originals.readable(send.sender_id, message_id)

    def _find_mentioned(self, sends: Iterable[NewMessage]) -> MentionedMembers:
        called = {
            (conversation_id, content): calls
            for send in sends
            if (calls := calls_in(content := self._content_of(send))) is not NO_CALLS
            and (conversation_id := self._conversation_of(send)) is not None
        }
        return MentionedMembers(self._connection, called)

    def _claim_files(
        self, sends: Iterable[NewMessage], targets: dict[tuple[UUID, UUID], SendTarget]
    ) -> AttachedFiles | None:
        """Claim the files of sends that nothing else refuses; most batches have none."""
        own: list[OwnFile] = []
        forwarded: list[UUID] = []
        for send in sends:
            original = self._original(send, send.forward_of)
            if not send.file_ids and not (original and original.has_files):
                continue
            conversation_id = self._conversation_of(send)
            target = conversation_id and targets.get((conversation_id, send.sender_id))
            if not conversation_id or not target or _refusal(target):
                continue
            if self._missing(send, conversation_id) is None:
                own += [OwnFile(one, send.sender_id) for one in send.file_ids]
                forwarded += [send.forward_of] if send.forward_of else []
        if not own and not forwarded:
            return None
        return AttachedFiles(self._connection, own, forwarded)

    def _files_of(self, send: NewMessage) -> list[File] | FilesNotReady:
        """Return the files of a send that nothing else refuses."""
        if self._files is None:
            return []
        if send.forward_of is not None:
            return self._files.forwarded(send.forward_of)
        found = self._files.own(send.file_ids, send.sender_id)
        wrong = [number for number, one in enumerate(found) if one is None]
        return FilesNotReady(wrong) if wrong else [one for one in found if one is not None]

    def _conversation_of(self, send: NewMessage) -> UUID | None:
        if send.receiver_id is None:
            return send.conversation_id
        key = pair_key(send.sender_id, send.receiver_id)
        return self._direct_ids.get(key) or self._made.get(key)

    def _outcome(
        self,
        send: NewMessage,
        earlier: dict[tuple[UUID, str], Stored],
        unreachable: dict[Pair, AppError],
        targets: dict[tuple[UUID, UUID], SendTarget],
    ) -> Outcome:
        stored = earlier.get((send.sender_id, send.client_id))
        if stored is not None:
            return _replay(send, stored)
        if send.receiver_id == send.sender_id:
            return ReceiverIsSelf("receiver_id")
        conversation_id = self._conversation_of(send)
        if conversation_id is None:
            pair = (send.sender_id, send.receiver_id or send.sender_id)
            return unreachable.get(pair) or ConversationNotFound()
        target = targets.get((conversation_id, send.sender_id))
        if target is None:
            return ConversationNotFound()
        refusal = _refusal(target) or self._missing(send, conversation_id)
        files = refusal or self._files_of(send)
        if isinstance(files, AppError):
            return files
        message = self._number(send, conversation_id, target, files)
        return Stored(message, target.direct_key, replayed=False, is_small=target.is_small)

    def _missing(self, send: NewMessage, conversation_id: UUID) -> AppError | None:
        """Return the error of a send whose original is not there for its sender."""
        if send.reply_to is not None:
            original = self._original(send, send.reply_to)
            if (
                original is None
                or original.is_notice
                or original.conversation_id != conversation_id
            ):
                return ReplyNotFound()
        original = self._original(send, send.forward_of)
        has_files = bool(send.file_ids or (original and original.has_files))
        # A deleted message and a notice have neither a text nor files.
        return None if self._content_of(send) or has_files else MessageNotFound()

    def _number(
        self, send: NewMessage, conversation_id: UUID, target: SendTarget, files: list[File]
    ) -> MessageView:
        seq, rev = self._counters[conversation_id]
        self._counters[conversation_id] = seq, rev = seq + 1, rev + 1
        self._marks[conversation_id, send.sender_id] = seq
        content = self._content_of(send)
        quoted, source = (self._original(send, one) for one in (send.reply_to, send.forward_of))
        mentions, calls_all = self._members.mentioned(conversation_id, content)
        view = MessageView(
            id=new_id(),
            conversation_id=conversation_id,
            seq=seq,
            rev=rev,
            client_id=send.client_id,
            sender_id=send.sender_id,
            receiver_id=send.receiver_id or peer_of(target.direct_key, send.sender_id),
            content=content,
            created_at=self._at,
            sender=target.sender,
            mentions=mentions,
            mentions_all=calls_all and target.may_call_all,
            reply_to=quoted.quote if quoted else None,
            forwarded_from=source.author if source else None,
            attachments=tuple(files),
        )
        if files and self._files is not None:
            self._files.use(files)
            self._attachments += attachment_rows(view)
        self._fresh.append(row_of(view))
        self._mentions += mention_rows(view)
        return view

    def _write(self) -> None:
        if self._files is not None:
            self._files.give_back()
        if not self._fresh:
            return
        moved = {view.conversation_id for view in self._fresh}
        bumps = [
            {"id": identifier, "seq": seq, "rev": rev}
            for identifier, (seq, rev) in self._counters.items()
            if identifier in moved
        ]
        reads = [
            {"id": identifier, "reader": reader, "seq": seq}
            for (identifier, reader), seq in self._marks.items()
        ]
        # `updated_at` is the time of the last message, which clients get with that message.
        values = {
            "moved": as_parameter(bumps),
            "fresh": as_parameter(self._fresh),
            "marks": as_parameter(reads),
            "at": self._at,
            **entry_values(moves_entry(self._moves, self._batch_id)),
        }
        if self._attachments:
            values["attached"] = as_parameter(self._attachments)
            self._statements.write_with_files.execute(self._connection, values)
        else:
            self._statements.write.execute(self._connection, values)
        if self._mentions:
            self._run(self._statements.mention, self._mentions)

    def _run(self, statement: Executable, rows: Sequence[object]) -> CursorResult[Any]:
        return self._connection.execute(statement, {"rows": as_parameter(rows)})


def _refusal(target: SendTarget) -> AppError | None:
    if target.refusal is not None:
        return REFUSALS[target.refusal]()
    return None if target.may_post else NotAllowed("Only admins write in this group.")


def row_of(view: MessageView) -> NewRow:
    """Return the row of a new message."""
    return NewRow(
        view.id,
        view.conversation_id,
        view.seq,
        view.rev,
        view.client_id,
        view.sender_id,
        view.content,
        mentions_text(view.mentions),
        view.mentions_all,
        view.reply_to.id if view.reply_to else None,
        view.forwarded_from.id if view.forwarded_from else None,
        bool(view.attachments),
    )


def _replay(send: NewMessage, stored: Stored) -> Outcome:
    is_same_target = (
        stored.message.conversation_id == send.conversation_id
        if send.receiver_id is None
        else stored.direct_key == pair_key(send.sender_id, send.receiver_id)
    )
    # A message that was edited or deleted since no longer has the text of the retry, and the text
    # of what was forwarded may be gone.
    message = stored.message
    is_changed = message.edited_at or message.deleted_at
    is_forwarded = message.forwarded_from is not None
    file_ids = tuple(one.id for one in message.attachments)
    is_same = send.forward_of is not None or (message.content, file_ids) == (
        send.content,
        send.file_ids,
    )
    if not is_same_target or not (is_changed or is_same):
        return IdempotencyConflict()
    if is_forwarded != (send.forward_of is not None):
        return IdempotencyConflict()
    return stored._replace(replayed=True)
