"""Mutations: faults put into the chat on purpose, to see that the simulator finds each."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import Context
from types import MappingProxyType
from typing import Any
from unittest import mock
from uuid import UUID

import msgspec
from sqlalchemy.engine import Connection

from chat_app.accounts.schemas import Identity
from chat_app.api import resume as resume_module
from chat_app.change_log import tail as tail_module
from chat_app.change_log.store import Publication
from chat_app.change_log.tail import OwnBatch, Tail
from chat_app.conversations.membership_loader import MembershipSummary
from chat_app.core.errors import AppError
from chat_app.core.supervisor import Supervisor
from chat_app.messages.log.batch import Batch, Outcome
from chat_app.messages.log.writer import Committed, MessageLog, Pending, Published
from chat_app.messages.publishing import MessagePublisher
from chat_app.node.node import Node
from chat_app.realtime.events import Envelope, session_topic, user_topic
from chat_app.realtime.hub import Hub
from chat_app.realtime.outlet import Outlet
from simulation import run as run_module
from simulation import statements
from simulation.tables import Tables, Transaction

SEVENTH = 7

Mutation = Callable[[], AbstractContextManager[object]]


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def _late_members_get_nothing() -> AbstractContextManager[object]:
    return mock.patch.object(Hub, "deliver_to_late", _nothing)


def _log_is_read_by_position() -> AbstractContextManager[object]:
    return mock.patch.object(Tables, "present_place", Tables.newest)


@contextlib.contextmanager
def _outlets_open_without_a_place() -> Iterator[None]:
    begin = Tail.begin

    async def begin_in_the_tail_only(self: Tail) -> None:
        task = asyncio.current_task()
        if task is not None and task.get_name() == "change_log":
            await begin(self)

    with mock.patch.object(Tail, "begin", begin_in_the_tail_only):
        yield


@contextlib.contextmanager
def _answers_come_before_the_commit() -> Iterator[None]:
    store_in = MessageLog._store_in  # noqa: SLF001  # broken on purpose

    def store_and_answer(
        self: MessageLog,
        batch: Sequence[Pending],
        batch_id: UUID,
        attempt: int,
        connection: Connection,
    ) -> tuple[dict[str, UUID], list[Outcome]]:
        made, outcomes = store_in(self, batch, batch_id, attempt, connection)
        self._answer(batch, outcomes)
        return made, outcomes

    with mock.patch.object(MessageLog, "_store_in", store_and_answer):
        yield


def _log_is_read_on_wake_ups_only() -> AbstractContextManager[object]:
    return mock.patch.object(tail_module, "INTERVAL_S", 3_600.0)


@contextlib.contextmanager
def _lost_answers_are_forgotten() -> Iterator[None]:
    @contextlib.contextmanager
    def storing(self: Tail) -> Iterator[OwnBatch]:
        batch = OwnBatch()
        self._own[batch.id] = batch
        try:
            yield batch
        finally:
            batch.is_published = True
            batch.ended.set()

    with mock.patch.object(Tail, "storing", storing):
        yield


@contextlib.contextmanager
def _second_topics_are_lost() -> Iterator[None]:
    deliver = Tail._deliver  # noqa: SLF001  # broken on purpose

    def deliver_to_first(self: Tail, publication: Publication) -> None:
        deliver(self, publication._replace(topics=publication.topics[:1]))

    with mock.patch.object(Tail, "_deliver", deliver_to_first):
        yield


@contextlib.contextmanager
def _batches_are_published_late() -> Iterator[None]:
    published = OwnBatch.published

    def publish_now(self: OwnBatch, to_groups: list[Publication], at: float) -> None:
        published(self, to_groups, max(at, time.monotonic()))

    with mock.patch.object(OwnBatch, "published", publish_now):
        yield


def _long_silences_are_ignored() -> AbstractContextManager[object]:
    return mock.patch.object(run_module, "MAX_UNREAD_S", float("inf"))


def _replays_are_not_found() -> AbstractContextManager[object]:
    return mock.patch.object(Batch, "_earlier", return_value={})


@contextlib.contextmanager
def _conversations_are_not_locked() -> Iterator[None]:
    async def number_only(transaction: Transaction, _identifiers: object) -> None:
        transaction.tables.number(transaction)

    with mock.patch.object(statements, "_lock", number_only):
        yield


def _gaps_of_the_log_are_ignored() -> AbstractContextManager[object]:
    return mock.patch.object(Hub, "close_outlets", _nothing)


@contextlib.contextmanager
def _unreadable_entries_take_others_along() -> Iterator[None]:
    async def hand_over(self: Tail, kind: str, payloads: Sequence[bytes]) -> None:
        reader = self._readers.get(kind)
        if reader is not None:
            with contextlib.suppress(msgspec.DecodeError):
                for publication in await reader(payloads):
                    self._deliver(publication)

    with mock.patch.object(Tail, "_hand_over", hand_over):
        yield


@contextlib.contextmanager
def _entries_are_dropped_when_reading_fails() -> Iterator[None]:
    hand_over = Tail._hand_over  # noqa: SLF001  # broken on purpose

    async def hand_over_once(self: Tail, kind: str, payloads: Sequence[bytes]) -> None:
        with contextlib.suppress(AppError):
            await hand_over(self, kind, payloads)

    with mock.patch.object(Tail, "_hand_over", hand_over_once):
        yield


@contextlib.contextmanager
def _full_outlets_drop_events() -> Iterator[None]:
    push = Outlet.push

    def push_if_there_is_room(self: Outlet, envelope: Envelope) -> None:
        if not self._is_full_with(envelope):
            push(self, envelope)

    with mock.patch.object(Outlet, "push", push_if_there_is_room):
        yield


@contextlib.contextmanager
def _outlets_leak_when_opening_fails() -> Iterator[None]:
    async def open_subscribed(self: Node, identity: Identity) -> tuple[Outlet, MembershipSummary]:
        await self.tail.begin()
        outlet = await self.hub.open(user_id=identity.user_id, session_id=identity.session_id)
        membership = await self._membership(identity)
        topics = [f"conversation:{one.hex}" for one in membership.groups]
        await self.hub.subscribe(outlet, topics)
        return outlet, membership

    with mock.patch.object(Node, "_open_subscribed", open_subscribed):
        yield


@contextlib.contextmanager
def _outlets_subscribe_after_loading() -> Iterator[None]:
    open_outlet = Hub.open

    async def open_late(self: Hub, *, user_id: UUID, session_id: UUID) -> Outlet:
        outlet = await open_outlet(self, user_id=user_id, session_id=session_id)
        topics = [user_topic(user_id), session_topic(session_id)]
        for topic in topics:
            self._subscribers[topic].discard(outlet)

        def subscribe() -> None:
            for topic in topics:
                self._subscribers.setdefault(topic, set()).add(outlet)

        asyncio.get_running_loop().call_later(1.0, subscribe)
        return outlet

    with mock.patch.object(Hub, "open", open_late):
        yield


@contextlib.contextmanager
def _an_unforeseen_error_ends_the_writer() -> Iterator[None]:
    publish = MessagePublisher.publish

    def fail_now_and_then(self: MessagePublisher, fresh: Sequence[Committed]) -> Published:
        if any(one.stored.message.seq % SEVENTH == 0 for one in fresh):
            raise RuntimeError
        return publish(self, fresh)

    async def publish_unguarded(
        self: MessageLog, fresh: Sequence[Committed], own: OwnBatch, _place: object
    ) -> None:
        own.published(self._publisher.publish(fresh).to_groups, time.monotonic())

    def start_once(
        _self: Supervisor, name: str, run: Callable[[], Coroutine[Any, Any, None]], **_: object
    ) -> asyncio.Task[None]:
        return asyncio.create_task(run(), name=name, context=Context())

    with (
        mock.patch.object(MessagePublisher, "publish", fail_now_and_then),
        mock.patch.object(MessageLog, "_publish", publish_unguarded),
        mock.patch.object(Supervisor, "start", start_once),
    ):
        yield


@contextlib.contextmanager
def _acks_of_one_batch_are_swapped() -> Iterator[None]:
    store: Callable[[Batch], list[Outcome]] = Batch.store

    def store_and_swap(self: Batch) -> list[Outcome]:
        return store(self)[::-1]

    with mock.patch.object(Batch, "store", store_and_swap):
        yield


def _outlets_stay_in_left_groups() -> AbstractContextManager[object]:
    return mock.patch.object(Hub, "_leave", _nothing)


@contextlib.contextmanager
def _newcomers_get_changes_of_old_messages() -> Iterator[None]:
    join = Hub._join  # noqa: SLF001  # broken on purpose

    def join_from_the_beginning(self: Hub, outlets: set[Outlet], envelope: Envelope) -> None:
        join(self, outlets, msgspec.structs.replace(envelope, since=0))

    with mock.patch.object(Hub, "_join", join_from_the_beginning):
        yield


@contextlib.contextmanager
def _former_members_write() -> Iterator[None]:
    def keep(self: Batch, rows: Sequence[object], wanted: object) -> Sequence[object]:  # noqa: ARG001  # as the chat calls it
        return rows

    with mock.patch.object(Batch, "_without_former_members", keep):
        yield


@contextlib.contextmanager
def _missed_removals_are_not_told() -> Iterator[None]:
    async def nothing(*_: object, **__: object) -> dict[UUID, str]:
        return {}

    with mock.patch.object(resume_module, "former_groups", nothing):
        yield


MUTATIONS: Mapping[str, Mutation] = MappingProxyType(
    {
        "late members of a group get nothing": _late_members_get_nothing,
        "the log is read by position": _log_is_read_by_position,
        "outlets open without a place in the log": _outlets_open_without_a_place,
        "answers come before the commit": _answers_come_before_the_commit,
        "the log is read on wake-ups only": _log_is_read_on_wake_ups_only,
        "lost answers of commits are forgotten": _lost_answers_are_forgotten,
        "second topics are lost": _second_topics_are_lost,
        "a batch counts as published at its end": _batches_are_published_late,
        "the age of a place is ignored": _long_silences_are_ignored,
        "replays are not found": _replays_are_not_found,
        "conversations are not locked": _conversations_are_not_locked,
        "gaps of the log are ignored": _gaps_of_the_log_are_ignored,
        "an unreadable entry takes others along": _unreadable_entries_take_others_along,
        "entries are dropped when reading fails": _entries_are_dropped_when_reading_fails,
        "full outlets drop events": _full_outlets_drop_events,
        "outlets leak when opening fails": _outlets_leak_when_opening_fails,
        "outlets subscribe after loading": _outlets_subscribe_after_loading,
        "an unforeseen error ends the writer": _an_unforeseen_error_ends_the_writer,
        "outlets stay in groups that were left": _outlets_stay_in_left_groups,
        "newcomers get changes of old messages": _newcomers_get_changes_of_old_messages,
        "former members write": _former_members_write,
        "missed removals are not told": _missed_removals_are_not_told,
        "acks of one batch are swapped": _acks_of_one_batch_are_swapped,
    }
)
