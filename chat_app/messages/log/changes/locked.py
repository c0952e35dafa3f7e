"""Messages whose conversations a run of changes has locked, with the rights of those who change."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.engine import Connection

from chat_app.conversations.errors import REFUSALS, NotAllowed
from chat_app.conversations.message_rows import message_of, person_of
from chat_app.core.errors import AppError
from chat_app.core.json_rows import as_parameter
from chat_app.friends.relations import Unreachable
from chat_app.messages.errors import MessageNotFound
from chat_app.messages.log.changes.statements import ChangeStatements
from chat_app.messages.mentions import MAX_ALL
from chat_app.realtime.shapes import Message as MessageView
from chat_app.realtime.shapes import Person


class Actor(NamedTuple):
    """A member and their rights in the conversation of a message.

    `refusal` is why they may not write to the other person of a direct conversation.
    """

    person: Person
    refusal: Unreachable | None
    may_post: bool
    may_call_all: bool
    manages: bool

    def check_writing(self) -> AppError | None:
        """Return the error of somebody who may not write there now, None for others."""
        if self.refusal is not None:
            return REFUSALS[self.refusal]()
        return None if self.may_post else NotAllowed("Only admins write in this group.")


class Locked:
    """The messages of some changes, in the state after those before; `revs` count on."""

    def __init__(
        self,
        connection: Connection,
        statements: ChangeStatements,
        wanted: Iterable[tuple[UUID, UUID]],
    ) -> None:
        self.views: dict[UUID, MessageView] = {}
        self.direct_keys: dict[UUID, str | None] = {}
        self.revs: dict[UUID, int] = {}
        self._actors: dict[tuple[UUID, UUID], Actor] = {}
        keys = [{"id": message_id, "user_id": user_id} for message_id, user_id in wanted]
        for row in connection.execute(statements.targets, {"rows": as_parameter(keys)}):
            self.revs[row.id] = row.last_rev
            manages = row.role != "member"
            self._actors[row.message_id, row.user_id] = Actor(
                person_of(row.user_id, row.username, row.display_name, row.avatar),
                row.refusal,
                may_post=manages or row.posting == "everyone",
                may_call_all=manages or row.members_count <= MAX_ALL,
                manages=manages or row.direct_key is not None,
            )
        # After the lock, so that earlier changes of other nodes are seen.
        found = [{"id": message_id} for message_id, _ in self._actors]
        if not found:
            return
        for row in connection.execute(statements.messages, {"rows": as_parameter(found)}):
            self.views[row.id] = message_of(row, row.direct_key)
            self.direct_keys[row.id] = row.direct_key

    def actor(self, message_id: UUID, user_id: UUID) -> Actor | MessageNotFound:
        """Return the rights of a user, or the error where the message is not theirs to read."""
        return self._actors.get((message_id, user_id)) or MessageNotFound()

    def next_rev(self, conversation_id: UUID) -> int:
        """Count a change of a conversation; return its `rev`."""
        self.revs[conversation_id] += 1
        return self.revs[conversation_id]

    def moved(self, messages: Iterable[MessageView]) -> list[dict[str, object]]:
        """Return the new counters of the conversations of changed messages."""
        moved = {view.conversation_id for view in messages}
        return [{"id": identifier, "rev": self.revs[identifier]} for identifier in moved]
