"""The push sender: decides which devices get a push for what this node has stored.

The node that stored a message sends its pushes, and no other. Those of a node that dies are lost;
the messages are not. A read mark withdraws notifications from whichever node stores it.
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from chat_app.accounts.quiet_hours import is_quiet
from chat_app.conversations.read_marks import Key
from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.metrics import Metrics
from chat_app.core.supervisor import Supervisor
from chat_app.core.text import beginning
from chat_app.core.time_slice import TimeSlice
from chat_app.messages.log.writer import Committed
from chat_app.messages.schemas import Deletion, NewMessage
from chat_app.push import store
from chat_app.push.delivery import Delivery, Push, Subscription
from chat_app.push.endpoint import Endpoints
from chat_app.push.schemas import PushedMessage, PushedRead
from chat_app.push.store import Device, Place, Receiver
from chat_app.push.vapid import Vapid
from chat_app.realtime.shapes import Message

# The messages of this time are looked up together.
PAUSE_S = 0.1
BATCH_SIZE = 500
# Of a deleted message of a large group there are more of its readers.
AT_ONCE = 200
# More than these wait only while the database is away; the oldest are given up.
MAX_WAITING = 5_000
MAX_BODY = 300
# Safari takes a subscription away after some pushes that show nothing, as a withdrawal does (WWDC
# 2022, "Meet Web Push for Safari").
NEVER_SILENT = "https://web.push.apple.com/"


class Stored(NamedTuple):
    """The messages, deletions and read marks that a node has stored.

    `deleted` are messages with their conversations, `left` groups that members have left.
    """

    messages: list[Message]
    deleted: dict[UUID, UUID]
    left: set[UUID]
    read: set[Place]


class PushSender:
    """The task that sends pushes; start it inside the running loop, then close it."""

    def __init__(
        self,
        *,
        database: Database,
        vapid: Vapid,
        endpoints: Endpoints,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._waiting: deque[Message | UUID | Place] = deque(maxlen=MAX_WAITING)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._delivery = Delivery(
            vapid=vapid,
            endpoints=endpoints,
            renew=self._renew,
            on_gone=self._remove,
            metrics=metrics,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Start the tasks. The chat is ready without them."""
        self._delivery.start(supervisor)
        self._task = supervisor.start("push", self._run, is_vital=False)

    async def close(self) -> None:
        """Stop; what waits is lost."""
        if self._task is not None:
            await tasks.end([self._task])
        await self._delivery.close()

    def note_stored(self, committed: Sequence[Committed]) -> None:
        """Take what was stored and published: messages, and deletions of them."""
        for entry, stored, _ in committed:
            message = stored.message
            if isinstance(entry, NewMessage):
                self._waiting.append(message)
                # Sending implies reading.
                self._waiting.append(Place(message.sender_id, message.conversation_id))
            elif isinstance(entry, Deletion):
                self._waiting.append(message)
        self._wake.set()

    def note_read(self, keys: Iterable[Key]) -> None:
        """Take read marks that were stored."""
        self._waiting.extend(Place(key.user_id, key.conversation_id) for key in keys)
        self._wake.set()

    def note_left(self, group_id: UUID) -> None:
        """Take a group that members have left, or that was deleted."""
        self._waiting.append(group_id)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            while self._waiting:
                count = min(BATCH_SIZE, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(count)]
                try:
                    await self._handle(batch)
                except AppError:
                    # The database is away. The supervisor runs this again.
                    self._put_back(batch)
                    raise
            # Only now: after any error the rest does not wait for the next message.
            self._wake.clear()
            await asyncio.sleep(PAUSE_S)

    def _put_back(self, batch: Sequence[Message | UUID | Place]) -> None:
        room = MAX_WAITING - len(self._waiting)
        self._waiting.extendleft(reversed(batch[max(0, len(batch) - room) :]))

    async def _handle(self, batch: Sequence[Message | UUID | Place]) -> None:
        # In a chat without push a batch costs this one look.
        if not await store.is_any(self._database):
            return
        stored = Stored([], {}, set(), set())
        for one in batch:
            if isinstance(one, Place):
                stored.read.add(one)
            elif isinstance(one, UUID):
                stored.left.add(one)
            elif one.deleted_at is not None:
                stored.deleted[one.id] = one.conversation_id
            else:
                stored.messages.append(one)
        # Before the messages that came after these marks; one that came before is not pushed,
        # since its receiver has read it.
        await self._withdraw(stored)
        await self._push([one for one in stored.messages if one.id not in stored.deleted])

    async def _push(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        due = await self._due(messages)
        unmarked = [
            Place(one.user_id, one.conversation_id) for one, _ in due.values() if not one.is_pushed
        ]
        if unmarked:
            await store.mark(self._database, unmarked)
            # A reader of before that has found no mark that would withdraw the push.
            due = await self._due(messages)
        bodies: dict[UUID, str] = {}
        time_slice = TimeSlice()
        for receiver, message in due.values():
            if receiver.push_preview and message.id not in bodies:
                bodies[message.id] = _body_of(message)
            self._delivery.put(_push_of(receiver, message, bodies.get(message.id, "")))
            await time_slice.pause()

    async def _due(
        self, messages: Sequence[Message], subscription_id: UUID | None = None
    ) -> dict[tuple[UUID, UUID], tuple[Receiver, Message]]:
        """Return the newest message that each subscription, or one, gets of each conversation."""
        of_senders: dict[tuple[UUID, UUID], list[Message]] = {}
        for message in sorted(messages, key=attrgetter("seq"), reverse=True):
            pair = (message.conversation_id, message.sender_id)
            of_senders.setdefault(pair, []).append(message)
        receivers = await store.receivers_of(
            self._database, of_senders, subscription_id=subscription_id
        )
        due: dict[tuple[UUID, UUID], tuple[Receiver, Message]] = {}
        time_slice = TimeSlice()
        for one in receivers:
            key = (one.subscription_id, one.conversation_id)
            for message in of_senders[one.conversation_id, one.sender_id]:
                if key in due and due[key][1].seq > message.seq:
                    break
                if _is_due(one, message):
                    due[key] = (one, message)
                    break
            await time_slice.pause()
        return due

    async def _withdraw(self, stored: Stored) -> None:
        read = set(stored.read)
        if stored.deleted:
            self._delivery.drop_messages(stored.deleted)
        if conversation_ids := stored.left.union(stored.deleted.values()):
            read.update(await store.read_through(self._database, conversation_ids))
        left = iter(read)
        while some := list(islice(left, AT_ONCE)):
            await self._withdraw_read(some)

    async def _withdraw_read(self, read: Sequence[Place]) -> None:
        time_slice = TimeSlice()
        pushed = []
        for mark in await store.marks_of(self._database, read):
            # A mark may be one of a part: the rest is still to be shown.
            self._delivery.drop_read(*mark.place, math.inf if mark.is_read else mark.last_read_seq)
            if mark.is_read and mark.is_pushed:
                pushed.append(mark.place)
            await time_slice.pause()
        if not pushed:
            return
        # Before they are taken: what fails after that would not be found again.
        rows = await store.readers_of(self._database, pushed)
        taken = await store.take(self._database, pushed)
        for row in rows:
            is_needed = not _is_visible(row) and not row.endpoint.startswith(NEVER_SILENT)
            if is_needed and Place(row.user_id, row.conversation_id) in taken:
                self._delivery.put(_withdrawal_of(row))
            await time_slice.pause()

    async def _renew(self, push: Push) -> Push | None:
        """Return a push as it is by now, None where it is not due any more."""
        subscription_id = push.subscription.id
        if push.message is None:
            place = Place(push.subscription.user_id, push.content.conversation_id)
            for row in await store.readers_of(self._database, [place]):
                # Where the conversation was pushed anew, that replaces what this would withdraw.
                if row.subscription_id == subscription_id and not row.is_pushed:
                    return None if _is_visible(row) else _withdrawal_of(row)
            return None
        # It may have been edited, or deleted by way of another node.
        message = await store.message_now(self._database, push.message.id)
        if message is None:
            return None
        due = await self._due([message], subscription_id)
        for receiver, message in due.values():
            return _push_of(receiver, message, _body_of(message))
        return None

    async def _remove(self, subscription: Subscription) -> None:
        await store.remove_dead(self._database, subscription.id, subscription.endpoint)


def _is_due(row: Receiver, message: Message) -> bool:
    """Return whether a device gets a push of a message."""
    now = utc_now()
    if message.kind != "text" or not row.since_seq <= message.seq > row.last_read_seq:
        return False
    is_muted = row.muted_until is not None and row.muted_until > now
    if is_muted and row.user_id not in message.mentions:
        return False
    return row.unread > 0 and not _is_visible(row) and not is_quiet(row.quiet_hours, now)


def _is_visible(row: Device) -> bool:
    return row.visible_until is not None and row.visible_until > utc_now()


def _subscription_of(row: Device) -> Subscription:
    return Subscription(row.subscription_id, row.user_id, row.endpoint, row.p256dh, row.auth)


def _withdrawal_of(row: Device) -> Push:
    content = PushedRead(conversation_id=row.conversation_id, unread=row.unread)
    return Push(_subscription_of(row), content)


def _body_of(message: Message) -> str:
    """Return the beginning of a text, or of the names of files; it takes a while."""
    text = message.content or ", ".join(one.name for one in message.attachments)
    if len(text) <= MAX_BODY:
        return text
    return beginning(text, MAX_BODY - 1).rstrip() + "…"


def _push_of(row: Receiver, message: Message, text: str) -> Push:
    title = body = before = ""
    if row.push_preview:
        title = row.title or message.sender.display_name
        before = f"{message.sender.display_name}: " if row.title else ""
        body = before + text
        # The names of files are no Markdown.
        before = before if message.content else body
    content = PushedMessage(
        conversation_id=message.conversation_id,
        message_id=message.id,
        unread=row.unread,
        title=title,
        body=body,
        before=before,
    )
    return Push(_subscription_of(row), content, message)
