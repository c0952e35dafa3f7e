"""Shapes of push: subscriptions as browsers give them, and what a push holds."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from chat_app.core.input import Input
from chat_app.push.base64url import decode
from chat_app.push.encryption import AUTH_LENGTH, check_public_key
from chat_app.push.endpoint import MAX_LENGTH
from chat_app.realtime.shapes import Shape

MAX_KEY_LENGTH = 100


def _check_p256dh(value: str) -> str:
    check_public_key(decode(value))
    return value.rstrip("=")


def _check_auth(value: str) -> str:
    if len(decode(value)) != AUTH_LENGTH:
        message = f"This is no secret of {AUTH_LENGTH} bytes."
        raise ValueError(message)
    return value.rstrip("=")


class PushKeys(Input):
    """The keys of a subscription, as `PushSubscription.toJSON()` gives them: base64url."""

    p256dh: Annotated[
        str,
        StringConstraints(max_length=MAX_KEY_LENGTH),
        AfterValidator(_check_p256dh),
        WithJsonSchema(
            {
                "type": "string",
                "maxLength": MAX_KEY_LENGTH,
                "description": "A public key of P-256, as an uncompressed point.",
            }
        ),
    ]
    auth: Annotated[
        str,
        StringConstraints(max_length=MAX_KEY_LENGTH),
        AfterValidator(_check_auth),
        WithJsonSchema(
            {
                "type": "string",
                "maxLength": MAX_KEY_LENGTH,
                "description": f"A secret of {AUTH_LENGTH} bytes.",
            }
        ),
    ]


class SubscriptionRequest(Input):
    """A subscription of a browser at its push service."""

    endpoint: Annotated[str, StringConstraints(min_length=1)] = Field(
        max_length=MAX_LENGTH, description="An https address in the public network."
    )
    keys: PushKeys


class PushKey(Shape, frozen=True):
    """The key of this chat for `PushManager.subscribe`, in base64url."""

    public_key: str


class Subscribed(Shape, frozen=True):
    """A subscription that was stored."""

    id: UUID


class PushedMessage(Shape, frozen=True, tag_field="type", tag="message", omit_defaults=True):
    """A push of a new message; `title` and `body` only for those who want its text in it.

    The body begins with `before`, which is shown as it is. What follows is the beginning of the
    text as it was written: the browser shows it without the marks of Markdown, as lists do.
    """

    conversation_id: UUID
    message_id: UUID
    unread: int
    title: str = ""
    body: str = ""
    before: str = ""


class PushedRead(Shape, frozen=True, tag_field="type", tag="read"):
    """A push that withdraws the notification of a conversation, which was read elsewhere."""

    conversation_id: UUID
    unread: int
