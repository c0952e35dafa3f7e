"""Every table. Rows never leave the server: domains turn them into the shapes of their schemas."""

from chat_app.models.accounts import AuthSession, NamePart, RefreshToken, User
from chat_app.models.base import Table
from chat_app.models.conversations import Conversation, Member
from chat_app.models.friends import Block, FriendRequest, Friendship
from chat_app.models.messages import Message

__all__ = [
    "AuthSession",
    "Block",
    "Conversation",
    "FriendRequest",
    "Friendship",
    "Member",
    "Message",
    "NamePart",
    "RefreshToken",
    "Table",
    "User",
]
