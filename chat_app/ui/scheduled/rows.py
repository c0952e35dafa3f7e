"""Rows of scheduled messages and of reminders."""

from collections.abc import Mapping
from typing import Literal, TypedDict
from uuid import UUID

from chat_app.messages.schemas import Reminder
from chat_app.realtime.shapes import Scheduled
from chat_app.ui.conversations.rows import timestamp
from chat_app.ui.conversations.titles import Title
from chat_app.ui.kit.avatar import initials, tone
from chat_app.ui.saved.rows import FoundRow, found_row
from chat_app.ui.told import told

UNKNOWN = "A conversation of earlier"
GONE = "You are no longer in this conversation, or it was deleted."
NOBODY = "This person is no longer there."
REASONS = {
    "cannot_message": "You cannot write to this person.",
    "friends_only": "Only friends can write to this person.",
    "not_allowed": "Only admins write in this group.",
    "receiver_is_self": "A message to yourself cannot be sent.",
    "reply_not_found": "The message that it replies to is no longer there.",
}
REFUSED = "The chat refused it."


class ScheduledRow(TypedDict):
    """A message that is sent at the time `at`; of one that was refused, the `reason`.

    `href` opens its conversation, "" where there is none. Refused ones come first.
    """

    id: str
    order: str
    href: str
    name: str
    letters: str
    tone: str
    picture: str
    text: str
    at: str
    state: Literal["waiting", "refused"]
    reason: str
    is_reply: bool


class ReminderRow(FoundRow):
    """A message, and when its reader is reminded of it."""

    remind_at: str


def scheduled_row(scheduled: Scheduled, titles: Mapping[UUID, Title]) -> ScheduledRow:
    """Return the row of a scheduled message; `titles` are those of conversations and people."""
    address = scheduled.conversation_id or scheduled.receiver_id or scheduled.id
    title = titles.get(address)
    name = title.name if title else told(UNKNOWN)
    is_refused = scheduled.state == "refused"
    at = timestamp(scheduled.send_at)
    leads = scheduled.conversation_id is not None and title is not None
    return ScheduledRow(
        id=str(scheduled.id),
        order=f"{0 if is_refused else 1} {at}",
        href=f"/chat/{address}" if leads else "",
        name=name,
        letters=initials(name),
        tone=tone(title.tone_id if title else address),
        picture=title.picture if title else "",
        text=scheduled.content,
        at=at,
        state="refused" if is_refused else "waiting",
        reason=_reason(scheduled) if is_refused else "",
        is_reply=scheduled.reply_to is not None,
    )


def reminder_row(reminder: Reminder, order: int, *, viewer_id: UUID, about: str) -> ReminderRow:
    """Return the row of a reminder as `viewer_id` sees it."""
    found = found_row(reminder.message, order, viewer_id=viewer_id, about=about)
    return ReminderRow(**found, remind_at=timestamp(reminder.at))


def _reason(scheduled: Scheduled) -> str:
    if scheduled.code == "not_found":
        return GONE if scheduled.conversation_id else NOBODY
    return REASONS.get(scheduled.code or "", REFUSED)
