"""The open conversation as one tab shows it.

The page keeps the messages and decides which of them it shows (`assets/browser/messages.js`); here
is only which conversation is open, and what its row depends on.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias
from uuid import UUID

from msgspec.structs import replace

from chat_app.accounts.queries import people_by_id
from chat_app.conversations.queries import get_conversation
from chat_app.conversations.schemas import Conversation
from chat_app.core.errors import AppError, NotFound
from chat_app.messages.queries import history
from chat_app.messages.schemas import MessagePage
from chat_app.realtime.events import (
    AnyEvent,
    ConversationDelivered,
    ConversationRead,
    ConversationRemoved,
    ConversationUpdated,
    FriendRemoved,
    MessageCreated,
    MessageDeleted,
    MessageReacted,
    MessageUpdated,
    Typing,
)
from chat_app.realtime.shapes import Message, Person, UserCard
from chat_app.ui.conversations import updates
from chat_app.ui.current_node import current_node
from chat_app.ui.messages import head
from chat_app.ui.messages.head import HEAD_EVENTS, NO_HEAD, Head, Receipts, head_of, shared
from chat_app.ui.messages.rows import (
    author_row,
    message_patch,
    message_row,
    messages_list,
    named_in,
    reacted_in,
    reaction_patch,
)
from chat_app.ui.reflex.patches import Patch
from chat_app.ui.reflex.tab import Tab

PAGE_SIZE = 50
# As many as a page keeps of one conversation (`assets/browser/messages.js`).
MAX_KEPT = 300
# The browser shows it as long, from the last event on (`assets/browser/status.js`).
TYPING_TTL_S = 6.0
MAX_ADDRESS = 100

AUTHORS = "authors"
# The list of the people who type, with the one fact `names`, and a `mark` that changes each time.
TYPING = "typing"

PageKind: TypeAlias = Literal["newest", "older", "newer", "again", "around"]


class TimelineView:
    """The conversation that a tab has open, if there is one.

    About the list of its messages: `last` is the `seq` of its newest message, `rev` the state of
    the conversation that a page shows in full, `page` the kind of page that was sent, and
    `unread_from` the first unread `seq` at the time of opening, or 0.
    """

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._viewer_id = tab.identity.user_id
        # Without its receipts, which are kept apart: those of a large group change all the time.
        self._conversation: Conversation | None = None
        self._receipts = Receipts()
        self._head: Head = NO_HEAD
        # The name and the picture that the page has of each author.
        self._authors: dict[UUID, tuple[str, str]] = {}
        # Monotonic times by person until which they are shown as typing.
        self._typing: dict[UUID, float] = {}
        self._mark = 0
        # The group that was open when the user was removed from it.
        self._removed_id: UUID | None = None

    @property
    def conversation_id(self) -> UUID | None:
        """The open conversation."""
        return self._conversation.id if self._conversation else None

    def close(self) -> None:
        """Follow no conversation."""
        self._conversation = None
        self._removed_id = None
        self._head = NO_HEAD
        self._authors = {}
        self._typing = {}

    async def open(self, conversation_id: UUID, address: str) -> None:
        """Send a conversation with its newest messages, and follow it from now on.

        The page looks for it under its `address`, which may be no id at all.
        """
        removed = conversation_id == self._removed_id
        self.close()
        try:
            await self._open(conversation_id)
        except NotFound:
            self._removed_id = conversation_id if removed else None
            self._send_missing(address, removed=removed)
        except AppError as error:
            self._send_problem(conversation_id, error)

    async def _open(self, conversation_id: UUID) -> None:
        conversation = await self._load(conversation_id)
        page = await self._page(conversation_id)
        self._take(conversation, afresh=True)
        unread_from = conversation.last_read_seq + 1 if conversation.unread else 0
        about = {"unread_from": unread_from, "own_read_seq": conversation.last_read_seq}
        self._tab.send(
            *self._head_patches(),
            *await self._page_patches(
                conversation.id, page, "newest", about | _state_of(conversation)
            ),
            Patch(list=TYPING, about={"conversation_id": str(conversation_id), "names": []}),
        )

    async def send_page(self, kind: PageKind, seq: int) -> None:
        """Send a page before, after or around a `seq`, all from it on again, or the newest."""
        if self._conversation is None:
            return
        here = self._conversation.id
        about: dict[str, object] = {}
        try:
            if kind in {"newest", "again", "around"}:
                # Before the page: it is at least as new.
                conversation = await self._load(here)
                self._take(conversation)
                about = _state_of(conversation)
            page = await self._page(
                here,
                around=seq if kind == "around" else None,
                before=seq if kind == "older" else None,
                after=seq if kind == "newer" else seq - 1 if kind == "again" else None,
                limit=MAX_KEPT if kind == "again" else PAGE_SIZE,
            )
        except AppError as error:
            self._send_problem(here, error)
            return
        self._tab.send(*self._head_patches(), *await self._page_patches(here, page, kind, about))

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Send what these events change in the open conversation."""
        self._drop_removed(events)
        await self._come_back(events)
        if self._conversation is None:
            return
        here = self._conversation.id
        changes_head = False
        for event in events:
            match event:
                case (
                    MessageCreated(message=message)
                    | MessageUpdated(message=message)
                    | MessageDeleted(message=message)
                ):
                    if message.conversation_id == here:
                        is_new = isinstance(event, MessageCreated)
                        await self._send_message(message, is_new=is_new)
                        changes_head = self._apply_author(event, message) or changes_head
                        changes_head = self._bring_back(event, message) or changes_head
                case MessageReacted() if event.conversation_id == here:
                    await self._send_reaction(event)
                case ConversationRead() | ConversationDelivered():
                    changes_head = self._apply_receipt(event, here) or changes_head
                case FriendRemoved(user_id=user_id) if self._head["peer_id"] == str(user_id):
                    self._take(await self._load(here))
                    changes_head = True
                case _ if isinstance(event, HEAD_EVENTS):
                    self._send_concealed(event, here)
                    self._take(updates.apply(self._conversation, event, viewer_id=self._viewer_id))
                    changes_head = True
                case _:
                    pass
        if changes_head:
            self._tab.send(*self._head_patches())
        self._apply_typing(here, events)

    async def _come_back(self, events: Sequence[AnyEvent]) -> None:
        """Open the group again from which the user was removed, once they are in it again."""
        wanted = self._removed_id
        for event in events:
            match event:
                case ConversationUpdated(conversation=fresh) if fresh.id == wanted:
                    await self.open(fresh.id, str(fresh.id))
                    return
                case _:
                    pass

    def _drop_removed(self, events: Sequence[AnyEvent]) -> None:
        """Drop the heads of groups that the user is in no more, the open one with a reason."""
        for event in events:
            if not isinstance(event, ConversationRemoved):
                continue
            key = event.conversation_id
            if key == self.conversation_id:
                self.close()
                self._removed_id = key
                self._send_missing(str(key), removed=True)
            else:
                self._tab.send(Patch(list=head.LIST, drop=[str(key)]))

    async def reload(self) -> None:
        """Send the open conversation again; where that fails, it stays open: the tab retries."""
        if self._conversation is None:
            return
        here = self._conversation.id
        try:
            await self._open(here)
        except NotFound:
            self.close()
            self._send_missing(str(here))

    def _send_concealed(self, event: AnyEvent, here: UUID) -> None:
        """Send the `rev` of a change that the reader may not see, so that the page misses none."""
        match event:
            case ConversationUpdated(conversation=fresh) if fresh.id == here and fresh.me.since_seq:
                about = {"changed": fresh.last_rev}
                self._tab.send(Patch(list=messages_list(here), about=about))
            case _:
                pass

    def _take(self, conversation: Conversation, *, afresh: bool = False) -> None:
        if conversation.receipts:
            before = Receipts() if afresh else self._receipts
            self._receipts = before.with_loaded(conversation.receipts)
            conversation = replace(conversation, receipts=[])
        self._conversation = conversation

    def _bring_back(self, event: AnyEvent, message: Message) -> bool:
        """End the archiving of the conversation by a new message; return whether that was one."""
        conversation = self._conversation
        if conversation is None or not isinstance(event, MessageCreated) or message.notice:
            return False
        part = updates.brought_back(conversation)
        if part is conversation.me:
            return False
        self._conversation = replace(conversation, me=part)
        return True

    def _apply_author(self, event: AnyEvent, message: Message) -> bool:
        if message.kind == "notice" or not isinstance(event, MessageCreated):
            return False
        # A sender has read what came before.
        return self._receipts.raise_to(message.sender_id, delivered=message.seq, read=message.seq)

    def _apply_receipt(self, event: ConversationRead | ConversationDelivered, here: UUID) -> bool:
        if event.conversation_id != here:
            return False
        read = event.seq if isinstance(event, ConversationRead) else 0
        return self._receipts.raise_to(event.user_id, delivered=event.seq, read=read)

    async def _send_message(self, message: Message, *, is_new: bool) -> None:
        if message.sender_id not in self._authors:
            self._tab.send(*self._author_patches([message]))
        if message.reactions:
            await self._send_names(reacted_in([message]))
        is_own = message.sender_id == self._viewer_id
        names = await self._names_in([message])
        self._tab.send_encoded(message_patch(message, is_own=is_own, is_new=is_new, names=names))

    async def _send_reaction(self, event: MessageReacted) -> None:
        if event.added:
            await self._send_names({event.user_id})
        self._tab.send_encoded(reaction_patch(event, event.user_id == self._viewer_id))

    async def _send_names(self, user_ids: set[UUID]) -> None:
        """Send the names of people that the page does not have."""
        unnamed = user_ids - self._authors.keys()
        if unnamed:
            self._tab.send(*self._named((await self._people(unnamed)).values()))

    def _apply_typing(self, here: UUID, events: Sequence[AnyEvent]) -> None:
        if not self._typing and not any(isinstance(event, Typing) for event in events):
            return
        until, received = dict(self._typing), 0
        for event in events:
            match event:
                case Typing(conversation_id=place, user_id=user_id) if place == here:
                    until[user_id] = time.monotonic() + TYPING_TTL_S
                    received += 1
                case MessageCreated(message=message) if message.conversation_id == here:
                    until.pop(message.sender_id, None)
                case _:
                    pass
        if until == self._typing and not received:
            return
        now = time.monotonic()
        self._typing = {user_id: end for user_id, end in until.items() if end > now}
        self._mark += received
        names = [self._authors[user_id][0] for user_id in self._typing if user_id in self._authors]
        about = {"conversation_id": str(here), "names": names, "mark": self._mark}
        self._tab.send(Patch(list=TYPING, about=about))

    async def _load(self, conversation_id: UUID) -> Conversation:
        node = current_node()
        async with node.database.reading() as reading:
            return await get_conversation(
                reading,
                viewer_id=self._viewer_id,
                conversation_id=conversation_id,
                online=node.online,
            )

    async def _page(
        self,
        conversation_id: UUID,
        *,
        around: int | None = None,
        before: int | None = None,
        after: int | None = None,
        limit: int = PAGE_SIZE,
    ) -> MessagePage:
        page = await history(
            current_node().database,
            viewer_id=self._viewer_id,
            conversation_id=conversation_id,
            before=before,
            after=after,
            around=around,
            limit=limit,
        )
        current_node().deliveries.record_page(page.items, viewer_id=self._viewer_id)
        return page

    async def _page_patches(
        self,
        conversation_id: UUID,
        page: MessagePage,
        kind: PageKind,
        about: Mapping[str, object],
    ) -> list[Patch]:
        names = await self._names_in(page.items)
        await self._send_names(reacted_in(page.items))
        rows = [message_row(one, viewer_id=self._viewer_id, names=names) for one in page.items]
        facts = {"page": kind, "problem": "", **about}
        patch = Patch(list=messages_list(conversation_id), put=rows, about=facts)
        return [*self._author_patches(page.items), patch]

    async def _names_in(self, messages: Sequence[Message]) -> dict[UUID, str]:
        """Return the names of the people that notices are about."""
        wanted = {user_id for message in messages for user_id in named_in(message)}
        people = await self._people(wanted) if wanted else {}
        return {user_id: person.display_name for user_id, person in people.items()}

    @staticmethod
    async def _people(user_ids: set[UUID]) -> dict[UUID, Person]:
        async with current_node().database.reading() as reading:
            return await people_by_id(reading, user_ids=user_ids)

    def _author_patches(self, messages: Sequence[Message]) -> list[Patch]:
        """Return the rows of authors that the page does not have."""
        return self._named(
            message.sender for message in messages if message.sender_id not in self._authors
        )

    def _head_patches(self) -> list[Patch]:
        """Return the row of the conversation and the names of its members, where they changed."""
        if self._conversation is None:
            return []
        patches = self._named(self._conversation.members)
        if self._conversation.kind == "group":
            # Nothing else is shown of them, and they take more than all the rest.
            self._conversation = replace(self._conversation, members=[])
        row = head_of(self._conversation, self._receipts, viewer_id=self._viewer_id)
        if row != self._head:
            self._head = row
            patches.append(Patch(list=head.LIST, put=[row]))
        return patches

    def _named(self, people: Iterable[Person | UserCard]) -> list[Patch]:
        authors = {one.id: (one.display_name, one.avatar_url or "") for one in people}
        rows = [
            author_row(user_id, *author)
            for user_id, author in authors.items()
            if self._authors.get(user_id) != author
        ]
        self._authors |= {shared(user_id): shared(author) for user_id, author in authors.items()}
        return [Patch(list=AUTHORS, put=rows)] if rows else []

    def _send_missing(self, address: str, *, removed: bool = False) -> None:
        missing = NO_HEAD.copy()
        missing |= {"id": address[:MAX_ADDRESS], "missing": True, "removed": removed}
        self._tab.send(Patch(list=head.LIST, put=[missing]))

    def _send_problem(self, conversation_id: UUID, error: AppError) -> None:
        about = {"problem": error.detail}
        self._tab.send(Patch(list=messages_list(conversation_id), about=about))


def _state_of(conversation: Conversation) -> dict[str, object]:
    return {
        "last": conversation.last_seq,
        "rev": conversation.last_rev,
        "first": max(1, conversation.me.since_seq),
    }
