"""Every table. Rows never leave the server: domains turn them into the shapes of their schemas."""

from chat_app.models.administration import AuditEntry, BackupRun, Report, ResetLink
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
from chat_app.models.people import (
    AuthSession,
    Block,
    FriendRequest,
    Friendship,
    NamePart,
    RefreshToken,
    User,
)
from chat_app.models.push import PushedConversation, PushSubscription

__all__ = [
    "Attachment",
    "AuditEntry",
    "AuthSession",
    "BackupRun",
    "Block",
    "Change",
    "Conversation",
    "Draft",
    "DueItem",
    "EarlierText",
    "File",
    "FormerMember",
    "FriendRequest",
    "Friendship",
    "Generation",
    "Invite",
    "Member",
    "Mention",
    "Message",
    "NamePart",
    "PushSubscription",
    "PushedConversation",
    "Reaction",
    "RefreshToken",
    "Report",
    "ResetLink",
    "SavedMessage",
    "StorageUse",
    "Table",
    "User",
]
