"""Node: one running process of the chat, with everything that the doors use."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import structlog

from chat_app.accounts.schemas import Identity
from chat_app.accounts.service import Accounts
from chat_app.admin.backups import BackupService
from chat_app.admin.reports import Reports
from chat_app.admin.service import Admin
from chat_app.change_log.tail import Tail
from chat_app.conversations.deliveries import Deliveries
from chat_app.conversations.groups.service import Groups
from chat_app.conversations.invites.service import Invitations
from chat_app.conversations.membership_loader import NO_MEMBERSHIPS, MembershipSummary
from chat_app.conversations.service import Conversations
from chat_app.core import schema_check
from chat_app.core.database import Database
from chat_app.core.loop_lag import LoopLag
from chat_app.core.maintenance import Maintenance
from chat_app.core.metrics import Metrics
from chat_app.core.rate_limit import RateLimits
from chat_app.core.settings import Settings
from chat_app.core.supervisor import Supervisor
from chat_app.core.traces import Traces
from chat_app.files.avatars import Avatars
from chat_app.files.storage import FileStorage
from chat_app.files.uploads import Uploads
from chat_app.friends.service import Friends
from chat_app.messages.drafts.service import Drafts
from chat_app.messages.due.service import DueItems
from chat_app.messages.log.writer import NO_FAILPOINTS, Failpoints
from chat_app.messages.saved.service import SavedMessages
from chat_app.messages.service import Messages
from chat_app.node.infrastructure import open_infrastructure
from chat_app.node.parts import JOBS, Parts, run
from chat_app.presence.service import Presence
from chat_app.push.service import PushSubscriptions
from chat_app.push.visible_tabs import VisibleTabs
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import conversation_topic
from chat_app.realtime.hub import Hub
from chat_app.realtime.online import Online
from chat_app.realtime.outlet import Outlet
from chat_app.realtime.socket_counts import SocketCounts
from chat_app.redis.shared_key import SharedKey
from chat_app.search.service import Search

log = structlog.get_logger(__name__)


class OpenedOutlet(NamedTuple):
    """The outlet of a device, and the unread count of each conversation of its user."""

    outlet: Outlet
    unread: dict[UUID, int]


@dataclass(frozen=True, slots=True)
class Node:
    """The parts of a running process."""

    settings: Settings
    metrics: Metrics
    traces: Traces
    supervisor: Supervisor
    database: Database
    shared_key: SharedKey | None
    broker: Broker
    hub: Hub
    online: Online
    limits: RateLimits
    sockets: SocketCounts
    accounts: Accounts
    admin: Admin
    backups: BackupService
    reports: Reports
    friends: Friends
    conversations: Conversations
    groups: Groups
    invitations: Invitations
    deliveries: Deliveries
    messages: Messages
    saved_messages: SavedMessages
    drafts: Drafts
    due_items: DueItems
    search: Search
    uploads: Uploads
    avatars: Avatars
    file_storage: FileStorage
    presence: Presence
    push_subscriptions: PushSubscriptions
    visible_tabs: VisibleTabs
    tail: Tail

    async def open_outlet(self, identity: Identity) -> Outlet:
        """Return an outlet, subscribed to everything that its user may receive.

        Load state after this returns: nothing is missed then, though something may come twice.
        """
        outlet, _ = await self._open_subscribed(identity)
        return outlet

    async def open_with_unread(self, identity: Identity) -> OpenedOutlet:
        """Return such an outlet, with the unread counts of its user."""
        outlet, membership = await self._open_subscribed(identity)
        if membership.groups:
            # Messages that a group got before the subscription must be counted.
            try:
                membership = await self._membership(identity)
            except BaseException:
                await outlet.close()
                raise
        return OpenedOutlet(outlet, membership.unread)

    async def _open_subscribed(self, identity: Identity) -> tuple[Outlet, MembershipSummary]:
        await self.tail.begin()
        outlet = await self.hub.open(user_id=identity.user_id, session_id=identity.session_id)
        try:
            # Before anything is loaded, or two who connect at once would not see each other online.
            await self.presence.registered(identity.user_id)
            membership = await self._membership(identity)
            if membership.groups:
                since = {conversation_topic(one): seq for one, seq in membership.since.items()}
                topics = map(conversation_topic, membership.groups)
                await self.hub.subscribe(outlet, topics, since=since)
        except BaseException:
            await outlet.close()
            raise
        return outlet, membership

    async def _membership(self, identity: Identity) -> MembershipSummary:
        return await self.conversations.membership(identity.user_id) or NO_MEMBERSHIPS

    async def generation(self) -> UUID:
        """Return the name of the database, new after each restore. Raises Unavailable."""
        return await self.tail.generation()

    async def schema(self) -> schema_check.Schema:
        """Compare the database's schema with this code's. Raises Unavailable."""
        return await schema_check.schema_of(self.database)


@contextlib.asynccontextmanager
async def running_node(
    settings: Settings,
    failpoints: Failpoints = NO_FAILPOINTS,
    metrics: Metrics | None = None,
    traces: Traces | None = None,
) -> AsyncIterator[Node]:
    """Run a node while the block lasts. Raises CannotStart.

    It starts in this order, and stops in the reverse one: traces, the database (migrated where that
    is safe), the clock, the shared key, broker and registers; then the receipts, push, read marks,
    presence, the log writer, the hub, accounts with their sessions, conversations, and the tail of
    the change log. So the tail and accounts end first, the hub closes every outlet while presence
    can still record it, and what was accepted is stored before the broker sends its last envelopes
    and the database closes.

    No other node may share `metrics` and `traces`.
    """
    metrics = metrics or Metrics()
    traces = traces or Traces()
    supervisor = Supervisor(metrics)
    async with contextlib.AsyncExitStack() as stack:
        traces.start(settings)
        stack.push_async_callback(traces.close)
        run(stack, supervisor, LoopLag(metrics))
        infrastructure = await stack.enter_async_context(
            open_infrastructure(settings, supervisor, metrics, traces)
        )
        parts = Parts(settings, infrastructure, metrics, traces, supervisor, stack)
        deliveries = parts.deliveries()
        push = parts.push()
        read_marks = parts.read_marks(push.sender.note_read)
        presence = parts.presence()
        hub = parts.hub(presence, deliveries)
        tail = parts.tail(hub)
        files = await parts.files()
        messages = parts.messages(
            hub,
            tail,
            failpoints,
            on_deleted=files.removal.wake,
            on_published=push.sender.note_stored,
        )
        stack.push_async_callback(hub.close)
        groups = parts.groups(tail, on_left=push.sender.note_left)
        invitations = parts.invitations(groups)
        accounts = parts.accounts(hub, presence, groups, invitations)
        node = Node(
            settings=settings,
            metrics=metrics,
            traces=traces,
            supervisor=supervisor,
            database=infrastructure.database,
            shared_key=infrastructure.shared_key,
            broker=infrastructure.broker,
            hub=hub,
            online=infrastructure.online,
            limits=infrastructure.limits,
            sockets=infrastructure.sockets,
            accounts=accounts,
            admin=parts.admin(accounts, presence),
            backups=parts.backups(),
            reports=parts.reports(),
            friends=parts.friends(presence),
            conversations=parts.conversations(hub, tail, read_marks),
            groups=groups,
            invitations=invitations,
            deliveries=deliveries,
            messages=messages,
            saved_messages=parts.saved_messages(),
            drafts=parts.drafts(),
            due_items=parts.due_items(parts.due_queue(hub, messages)),
            search=await parts.search(tail),
            uploads=files.uploads,
            avatars=parts.avatars(files, groups),
            file_storage=files.storage,
            presence=presence,
            push_subscriptions=push.subscriptions,
            visible_tabs=push.visible_tabs,
            tail=tail,
        )
        await tail.start(supervisor)
        stack.push_async_callback(tail.close)
        run(stack, supervisor, Maintenance(infrastructure.database, JOBS, metrics))
        dialect = infrastructure.database.dialect
        log.info("node.started", database=dialect, redis=bool(settings.redis_url))
        yield node
