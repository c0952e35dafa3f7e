"""Use cases of drafts: one text a conversation, which no device overwrites unseen."""

from uuid import UUID

from chat_app.change_log.unit_of_work import unit_of_work
from chat_app.conversations.errors import ConversationNotFound
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.rate_limit import RateLimits, token_bucket
from chat_app.core.settings import Settings
from chat_app.messages.drafts import store
from chat_app.messages.errors import DraftConflict, ReplyNotFound
from chat_app.messages.schemas import DraftRequest
from chat_app.models import Draft as DraftRow
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import DraftUpdated, make_envelope, user_topic
from chat_app.realtime.shapes import Draft


class Drafts:
    """The use cases of drafts over one database and broker."""

    def __init__(
        self, *, database: Database, broker: Broker, limits: RateLimits, settings: Settings
    ) -> None:
        self._database = database
        self._broker = broker
        self._limits = limits
        self._limit = token_bucket(
            "draft", settings.limit_message_burst, settings.limit_messages_per_second
        )

    async def write(self, *, actor_id: UUID, conversation_id: UUID, data: DraftRequest) -> int:
        """Write the actor's draft in a conversation, or remove it; return its version.

        Raises ConversationNotFound, ReplyNotFound, DraftConflict where another text was written
        since the version `base`, RateLimited and Unavailable.
        """
        await self._limits.take(self._limit, actor_id.hex)
        async with unit_of_work(self._database, self._broker) as uow:
            key = {"user_id": actor_id, "conversation_id": conversation_id}
            if not await store.lock_membership(uow.session, **key):
                raise ConversationNotFound
            if data.reply_to is not None and not await store.is_readable(
                uow.session, **key, message_id=data.reply_to
            ):
                raise ReplyNotFound
            row = await store.draft_of(uow.session, **key)
            content = data.content if data.content.strip() else ""
            if row is None:
                if not content and data.reply_to is None:
                    return 0
                row = DraftRow(
                    user_id=actor_id, conversation_id=conversation_id, content="", version=0
                )
            elif (row.content, row.reply_to) == (content, data.reply_to):
                return row.version
            elif (row.content or row.reply_to) and row.version != data.base:
                raise DraftConflict(draft_of(row))
            row.content, row.reply_to = content, data.reply_to
            row.version += 1
            row.updated_at = utc_now()
            await store.write(uow.session, row)
            event = DraftUpdated(conversation_id=conversation_id, draft=draft_of(row))
            uow.publish([user_topic(actor_id)], make_envelope(event))
            return row.version


def draft_of(row: DraftRow) -> Draft | None:
    """Return the view of a draft, None of an empty one."""
    if not row.content and row.reply_to is None:
        return None
    return Draft(
        content=row.content,
        reply_to=row.reply_to,
        version=row.version,
        updated_at=row.updated_at,
    )
