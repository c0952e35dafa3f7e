"""The messages that new ones reply to or forward, found for a whole batch by one statement."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.engine import Connection

from chat_app.conversations.message_rows import person_of, quote_of
from chat_app.core.json_rows import as_parameter
from chat_app.messages.log.statements import send_statements
from chat_app.messages.schemas import NewMessage
from chat_app.realtime.shapes import Person, Quote


class Original(NamedTuple):
    """A message that a sender may read, to reply to or to forward; `author` wrote it first."""

    conversation_id: UUID
    quote: Quote
    content: str
    author: Person
    is_notice: bool
    has_files: bool


class Originals:
    """Messages that the sends of a batch reply to or forward, as their senders may read them."""

    def __init__(self, connection: Connection, sends: Iterable[NewMessage]) -> None:
        self._found: dict[tuple[UUID, UUID], Original] = {}
        wanted = list(
            {
                (message_id, send.sender_id)
                for send in sends
                for message_id in (send.reply_to, send.forward_of)
                if message_id is not None
            }
        )
        if not wanted:
            return
        rows = [
            {"number": number, "id": identifier, "user_id": user_id}
            for number, (identifier, user_id) in enumerate(wanted)
        ]
        statement = send_statements(connection.dialect.name).originals
        for row in connection.execute(statement, {"rows": as_parameter(rows)}):
            self._found[wanted[row.number]] = Original(
                row.conversation_id,
                quote_of(row),
                row.text,
                person_of(
                    row.author_id,
                    row.author_username,
                    row.author_display_name,
                    row.author_avatar,
                ),
                is_notice=row.kind == "notice",
                has_files=bool(row.has_files),
            )

    def readable(self, user_id: UUID, message_id: UUID | None) -> Original | None:
        """Return a message that a sender may read, None for any other."""
        return None if message_id is None else self._found.get((message_id, user_id))
