"""The tables behind the models, for statements that are composed of columns instead of entities."""

import sqlalchemy

from chat_app.models.base import Table
from chat_app.models.changes import Change, Generation
from chat_app.models.conversations import (
    Conversation,
    FormerMember,
    Invite,
    Member,
    Mention,
    Message,
)
from chat_app.models.drafts import Draft, DueItem
from chat_app.models.files import Attachment, File, StorageUse
from chat_app.models.message_parts import EarlierText, Reaction, SavedMessage
from chat_app.models.people import AuthSession, User
from chat_app.models.push import PushedConversation, PushSubscription


def _table(model: type[Table]) -> sqlalchemy.Table:
    table: sqlalchemy.Table = model.__table__  # type: ignore[attr-defined]  # SQLModel does not declare it
    return table


USERS = _table(User)
SESSIONS = _table(AuthSession)
CONVERSATIONS = _table(Conversation)
MEMBERS = _table(Member)
MESSAGES = _table(Message)
MENTIONS = _table(Mention)
DRAFTS = _table(Draft)
DUE_ITEMS = _table(DueItem)
REACTIONS = _table(Reaction)
EARLIER_TEXTS = _table(EarlierText)
SAVED_MESSAGES = _table(SavedMessage)
FILES = _table(File)
STORAGE_USES = _table(StorageUse)
ATTACHMENTS = _table(Attachment)
FORMER_MEMBERS = _table(FormerMember)
INVITES = _table(Invite)
PUSH_SUBSCRIPTIONS = _table(PushSubscription)
PUSHED_CONVERSATIONS = _table(PushedConversation)
CHANGES = _table(Change)
GENERATIONS = _table(Generation)
