"""Parts of a node: how each domain is made, started and, at the end, closed."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from chat_app.accounts.service import Accounts
from chat_app.accounts.session_monitor import SessionMonitor
from chat_app.accounts.store import remove_sessions
from chat_app.admin import store as admin_store
from chat_app.admin.backup_task import BackupTask
from chat_app.admin.backups import BackupService
from chat_app.admin.reports import Reports
from chat_app.admin.service import Admin
from chat_app.change_log.store import KEPT_FOR, remove_entries
from chat_app.change_log.tail import Tail
from chat_app.conversations.deliveries import Deliveries
from chat_app.conversations.groups.service import Groups
from chat_app.conversations.groups.store import remove_former_members, remove_groups
from chat_app.conversations.invites.service import Invitations
from chat_app.conversations.invites.store import remove_invites
from chat_app.conversations.read_marks import OnStored, ReadMarks, no_reader
from chat_app.conversations.service import Conversations
from chat_app.conversations.view_updates import ViewUpdates
from chat_app.core.maintenance import Job
from chat_app.core.metrics import Metrics
from chat_app.core.passwords import Passwords
from chat_app.core.settings import Settings
from chat_app.core.supervisor import Supervisor
from chat_app.core.traces import Traces
from chat_app.files.avatars import Avatars
from chat_app.files.check import FileCheck
from chat_app.files.metrics import FileMetrics
from chat_app.files.removal import FileRemoval
from chat_app.files.scanner import Scanner
from chat_app.files.storage import FileStorage, open_storage
from chat_app.files.store import LIFETIME, discard_unsent
from chat_app.files.uploads import Uploads
from chat_app.friends.service import Friends
from chat_app.messages.drafts.service import Drafts
from chat_app.messages.due.queue import DueQueue
from chat_app.messages.due.service import DueItems
from chat_app.messages.log.writer import Failpoints, OnPublished, no_listener
from chat_app.messages.saved.service import SavedMessages
from chat_app.messages.service import Messages
from chat_app.node.infrastructure import Infrastructure
from chat_app.presence.service import Presence
from chat_app.push.endpoint import Endpoints
from chat_app.push.sender import PushSender
from chat_app.push.service import PushSubscriptions
from chat_app.push.vapid import Vapid
from chat_app.push.visible_tabs import VisibleTabs
from chat_app.realtime.hub import Hub
from chat_app.search.indexer import Indexer
from chat_app.search.rebuild import open_index
from chat_app.search.server.store import remove_entries_of_groups
from chat_app.search.service import Search

# Rows that expire, and how long they are kept after that.
JOBS = (
    # Nodes that were stopped for half of it let their devices resume.
    Job("change_log", KEPT_FOR, remove_entries),
    Job("sessions", timedelta(days=7), remove_sessions),
    # A member who accepts it once more is told that they are in the group.
    Job("invites", timedelta(days=90), remove_invites),
    # A device that was away for longer loads its conversations anew.
    Job("former_members", timedelta(days=90), remove_former_members),
    # Before the conversations that they belong to.
    Job("search_entries", timedelta(0), remove_entries_of_groups),
    Job("groups", timedelta(0), remove_groups),
    Job("unsent_files", LIFETIME, discard_unsent),
    Job("reset_links", timedelta(0), admin_store.remove_reset_links),
    Job("reports", timedelta(days=365), admin_store.remove_reports),
    Job("audit_log", timedelta(days=365), admin_store.remove_entries),
)


class Running(Protocol):
    """A part with tasks of its own."""

    def start(self, supervisor: Supervisor) -> None:
        """Start its tasks, inside the running loop."""

    async def close(self) -> None:
        """End its tasks."""


class Files(NamedTuple):
    """The parts of files: their bytes, uploads, and what removes them."""

    storage: FileStorage
    uploads: Uploads
    removal: FileRemoval


class Push(NamedTuple):
    """The parts of push: its subscriptions, its sender, and the tabs that need none."""

    subscriptions: PushSubscriptions
    sender: PushSender
    visible_tabs: VisibleTabs


Part = TypeVar("Part", bound=Running)


def run(stack: contextlib.AsyncExitStack, supervisor: Supervisor, part: Part) -> Part:
    """Start a part now and close it with the stack; return it."""
    part.start(supervisor)
    stack.push_async_callback(part.close)
    return part


@dataclass(frozen=True, slots=True)
class Parts:
    """The factories of the domains of one node; the part that was made last is closed first."""

    settings: Settings
    infrastructure: Infrastructure
    metrics: Metrics
    traces: Traces
    supervisor: Supervisor
    stack: contextlib.AsyncExitStack

    def deliveries(self) -> Deliveries:
        """Make the service that records and publishes what devices have received."""
        database, broker = self.infrastructure.database, self.infrastructure.broker
        return run(self.stack, self.supervisor, Deliveries(database=database, broker=broker))

    def push(self) -> Push:
        """Make the use cases of push, with the tasks that send it and note visible tabs."""
        database = self.infrastructure.database
        vapid = Vapid(
            secret=self.settings.secret_key.get_secret_value(), public_url=self.settings.public_url
        )
        endpoints = Endpoints(trusted_hosts=self.settings.push_hosts)
        self.stack.callback(endpoints.close)
        sender = PushSender(
            database=database, vapid=vapid, endpoints=endpoints, metrics=self.metrics
        )
        subscriptions = PushSubscriptions(
            database=database,
            limits=self.infrastructure.limits,
            vapid=vapid,
            endpoints=endpoints,
        )
        return Push(
            subscriptions,
            run(self.stack, self.supervisor, sender),
            run(self.stack, self.supervisor, VisibleTabs(database=database)),
        )

    def read_marks(self, on_stored: OnStored = no_reader) -> ReadMarks:
        """Make the writer of read marks."""
        read_marks = ReadMarks(
            database=self.infrastructure.database,
            broker=self.infrastructure.broker,
            on_stored=on_stored,
            metrics=self.metrics,
        )
        return run(self.stack, self.supervisor, read_marks)

    async def files(self) -> Files:
        """Make the use cases of uploads, with the tasks that check files and remove them.

        Raises CannotStart.
        """
        infrastructure, metrics = self.infrastructure, FileMetrics(self.metrics)
        database = infrastructure.database
        storage = self.stack.enter_context(open_storage(self.settings))
        await storage.check()
        scanner = Scanner(self.settings.clamav) if self.settings.clamav else None
        check = FileCheck(database=database, storage=storage, scanner=scanner, metrics=metrics)
        removal = FileRemoval(database=database, storage=storage, metrics=metrics)
        uploads = Uploads(
            database=database,
            storage=storage,
            limits=infrastructure.limits,
            settings=self.settings,
            metrics=metrics,
            on_complete=run(self.stack, self.supervisor, check).begin,
            on_discarded=run(self.stack, self.supervisor, removal).wake,
        )
        return Files(storage, uploads, removal)

    def avatars(self, files: Files, groups: Groups) -> Avatars:
        """Make the use cases of avatars."""
        return Avatars(
            database=self.infrastructure.database,
            broker=self.infrastructure.broker,
            storage=files.storage,
            online=self.infrastructure.online,
            limits=self.infrastructure.limits,
            settings=self.settings,
            groups=groups,
            on_discarded=files.removal.wake,
        )

    def messages(
        self,
        hub: Hub,
        tail: Tail,
        failpoints: Failpoints,
        *,
        on_deleted: Callable[[], None],
        on_published: OnPublished = no_listener,
    ) -> Messages:
        """Make the use cases of messages, with their log writer."""
        messages = Messages(
            database=self.infrastructure.database,
            broker=self.infrastructure.broker,
            hub=hub,
            tail=tail,
            online=self.infrastructure.online,
            limits=self.infrastructure.limits,
            settings=self.settings,
            failpoints=failpoints,
            metrics=self.metrics,
            traces=self.traces,
            on_deleted=on_deleted,
            on_published=on_published,
        )
        return run(self.stack, self.supervisor, messages)

    async def search(self, tail: Tail) -> Search:
        """Make the search, with the task that fills its index."""
        infrastructure = self.infrastructure
        index = await self.stack.enter_async_context(open_index(infrastructure.database))
        indexer = Indexer(
            database=infrastructure.database,
            index=index,
            broker=infrastructure.broker,
            progress=lambda: tail.progress,
            metrics=self.metrics,
        )
        run(self.stack, self.supervisor, indexer)
        return Search(
            database=infrastructure.database,
            index=index,
            limits=infrastructure.limits,
            settings=self.settings,
        )

    def presence(self) -> Presence:
        """Make the service that tracks and publishes who is online."""
        online = self.infrastructure.online
        self.metrics.gauge(
            "chat_presence_here",
            "Users connected to this node",
            lambda: len(online.local_users()),
        )
        presence = Presence(
            database=self.infrastructure.database,
            broker=self.infrastructure.broker,
            online=online,
            fixed_limits=self.infrastructure.fixed_limits,
            settings=self.settings,
        )
        self.infrastructure.broker.on_reconnected(presence.refresh_connected)
        return run(self.stack, self.supervisor, presence)

    def hub(self, presence: Presence, deliveries: Deliveries) -> Hub:
        """Make the hub of this node's devices; close it before what its devices use."""
        return Hub(
            self.infrastructure.broker,
            presence,
            on_delivered=deliveries.record,
            metrics=self.metrics,
        )

    def tail(self, hub: Hub) -> Tail:
        """Make the tail, which delivers what other transactions have published; not started."""
        infrastructure = self.infrastructure
        return Tail(
            database=infrastructure.database,
            hub=hub,
            broker=infrastructure.broker,
            metrics=self.metrics,
            traces=self.traces,
        )

    def accounts(
        self, hub: Hub, presence: Presence, groups: Groups, invitations: Invitations
    ) -> Accounts:
        """Make the use cases of accounts, with their session monitor."""
        database = self.infrastructure.database
        passwords = Passwords(metrics=self.metrics)
        self.stack.callback(passwords.close)
        lifetime = timedelta(days=self.settings.session_days)
        session_monitor = SessionMonitor(database=database, hub=hub, lifetime=lifetime)
        run(self.stack, self.supervisor, session_monitor)
        accounts = Accounts(
            database=database,
            broker=self.infrastructure.broker,
            passwords=passwords,
            limits=self.infrastructure.limits,
            settings=self.settings,
            on_presence_changed=presence.refresh_user,
            on_stale_session=session_monitor.mark_used,
            on_invited=invitations.admit,
            on_leaving=groups.leave_all,
        )
        self.stack.push_async_callback(accounts.close)
        return accounts

    def admin(self, accounts: Accounts, presence: Presence) -> Admin:
        """Make the use cases of admins."""
        return Admin(
            database=self.infrastructure.database,
            broker=self.infrastructure.broker,
            accounts=accounts,
            settings=self.settings,
            on_presence_changed=presence.refresh_user,
        )

    def backups(self) -> BackupService:
        """Make the use cases of backups, with the task that makes them."""
        database = self.infrastructure.database
        task = BackupTask(database=database, settings=self.settings, metrics=self.metrics)
        return BackupService(database=database, task=run(self.stack, self.supervisor, task))

    def reports(self) -> Reports:
        """Make the use cases of reports."""
        return Reports(
            database=self.infrastructure.database,
            limits=self.infrastructure.limits,
            settings=self.settings,
        )

    def friends(self, presence: Presence) -> Friends:
        """Make the use cases of friends."""
        return Friends(
            database=self.infrastructure.database,
            broker=self.infrastructure.broker,
            online=self.infrastructure.online,
            limits=self.infrastructure.limits,
            settings=self.settings,
            on_changed=presence.refresh_pair,
        )

    def groups(self, tail: Tail, on_left: Callable[[UUID], None]) -> Groups:
        """Make the use cases of groups."""
        infrastructure = self.infrastructure
        return Groups(
            database=infrastructure.database,
            broker=infrastructure.broker,
            tail=tail,
            online=infrastructure.online,
            limits=infrastructure.limits,
            settings=self.settings,
            on_left=on_left,
        )

    def invitations(self, groups: Groups) -> Invitations:
        """Make the use cases of invitations."""
        infrastructure = self.infrastructure
        return Invitations(
            database=infrastructure.database,
            broker=infrastructure.broker,
            online=infrastructure.online,
            groups=groups,
            settings=self.settings,
        )

    def due_queue(self, hub: Hub, messages: Messages) -> DueQueue:
        """Make the task that carries out what is due."""
        infrastructure = self.infrastructure
        queue = DueQueue(
            database=infrastructure.database, broker=infrastructure.broker, messages=messages
        )
        hub.on_had = queue.record_had
        return run(self.stack, self.supervisor, queue)

    def due_items(self, queue: DueQueue) -> DueItems:
        """Make the use cases of scheduled messages and reminders."""
        infrastructure = self.infrastructure
        return DueItems(
            database=infrastructure.database,
            broker=infrastructure.broker,
            limits=infrastructure.limits,
            settings=self.settings,
            on_changed=queue.wake,
        )

    def drafts(self) -> Drafts:
        """Make the use cases of drafts."""
        infrastructure = self.infrastructure
        return Drafts(
            database=infrastructure.database,
            broker=infrastructure.broker,
            limits=infrastructure.limits,
            settings=self.settings,
        )

    def saved_messages(self) -> SavedMessages:
        """Make the use cases of saved messages."""
        infrastructure = self.infrastructure
        return SavedMessages(
            database=infrastructure.database,
            broker=infrastructure.broker,
            limits=infrastructure.limits,
            settings=self.settings,
        )

    def conversations(self, hub: Hub, tail: Tail, read_marks: ReadMarks) -> Conversations:
        """Make the use cases of conversations."""
        infrastructure = self.infrastructure
        views = ViewUpdates(
            database=infrastructure.database,
            hub=hub,
            online=infrastructure.online,
            delivering=tail.delivering,
            metrics=self.metrics,
        )
        conversations = Conversations(
            database=infrastructure.database,
            broker=infrastructure.broker,
            hub=hub,
            tail=tail,
            online=infrastructure.online,
            limits=infrastructure.limits,
            local_limits=infrastructure.local_limits,
            settings=self.settings,
            read_marks=read_marks,
            views=run(self.stack, self.supervisor, views),
        )
        self.stack.push_async_callback(conversations.close)
        return conversations
