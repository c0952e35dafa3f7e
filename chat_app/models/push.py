"""Tables of push: where devices receive it, and what they may still show."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models.base import Table


class PushSubscription(Table, table=True):
    """The address at which the push service of a browser takes messages for one session.

    Until `visible_until` a tab of the session is visible, and needs no push.
    """

    __tablename__ = "push_subscription"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    session_id: UUID = Field(foreign_key="auth_session.id", index=True)
    user_id: UUID = Field(foreign_key="user_account.id", index=True)
    endpoint: str = Field(sa_type=Text)
    # The SHA-256 of the endpoint: a browser belongs to the session that subscribed last.
    endpoint_hash: str = Field(max_length=64, unique=True)
    # The keys of the browser, in base64url.
    p256dh: str = Field(max_length=100)
    auth: str = Field(max_length=32)
    created_at: datetime = Field(default_factory=utc_now)
    visible_until: datetime | None = None


class PushedConversation(Table, table=True):
    """A conversation of which devices of a user may show a notification: it was not read since."""

    __tablename__ = "pushed_conversation"

    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    conversation_id: UUID = Field(foreign_key="conversation.id", primary_key=True, index=True)
