"""The files of new messages, claimed for a whole batch by one statement."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Executable
from sqlalchemy.engine import Connection

from chat_app.conversations.message_rows import file_of
from chat_app.core.json_rows import as_parameter
from chat_app.files.media_types import kind_of
from chat_app.messages.log.statements import file_statements
from chat_app.realtime.shapes import File, Message


class OwnFile(NamedTuple):
    """A file that its uploader wants to send."""

    file_id: UUID
    user_id: UUID


class AttachedFiles:
    """The files of a batch of sends; an own one is in one message only.

    A file is sent from the moment of its claim on: `give_back` undoes that for those that no
    message has. The removal of a file and its claim wait for each other.
    """

    def __init__(
        self, connection: Connection, own: Iterable[OwnFile], forwarded: Iterable[UUID]
    ) -> None:
        """Claim own files, and those of the messages that are `forwarded`."""
        self._connection = connection
        self._statements = file_statements(connection.dialect.name)
        wanted = [{"id": one.file_id, "user_id": one.user_id} for one in dict.fromkeys(own)]
        self._own = {
            OwnFile(row.id, row.owner_id): file_of(row)
            for row in self._run(self._statements.claim, wanted)
        }
        self._used: set[UUID] = set()
        originals = [{"id": one} for one in dict.fromkeys(forwarded)]
        places = [
            (row.message_id, row.file_id)
            for row in self._run(self._statements.of_messages, originals)
        ]
        wanted = [{"id": file_id} for file_id in dict.fromkeys(one for _, one in places)]
        claimed = {
            row.id: file_of(row) for row in self._run(self._statements.claim_forwarded, wanted)
        }
        self._forwarded: dict[UUID, list[File]] = {}
        for message_id, file_id in places:
            if file_id in claimed:
                self._forwarded.setdefault(message_id, []).append(claimed[file_id])

    def own(self, file_ids: Sequence[UUID], user_id: UUID) -> list[File | None]:
        """Return own files that no message has, None in the place of any other."""
        return [
            None if one in self._used else self._own.get(OwnFile(one, user_id)) for one in file_ids
        ]

    def forwarded(self, message_id: UUID) -> list[File]:
        """Return the files of a message that is forwarded."""
        return self._forwarded.get(message_id, [])

    def use(self, files: Iterable[File]) -> None:
        """Give files to a message."""
        self._used.update(one.id for one in files)

    def give_back(self) -> None:
        """Let the own files of refused sends be sent by others."""
        unused = [{"id": one.file_id} for one in self._own if one.file_id not in self._used]
        if unused:
            rows = {"rows": as_parameter(unused)}
            self._connection.execute(self._statements.unclaim, rows)

    def _run(self, statement: Executable, rows: Sequence[object]) -> Iterable[Any]:
        if not rows:
            return ()
        return self._connection.execute(statement, {"rows": as_parameter(rows)})


def attachment_rows(view: Message) -> list[dict[str, object]]:
    """Return the rows of the files of a message."""
    return [
        {
            "message_id": view.id,
            "position": position,
            "file_id": file.id,
            "conversation_id": view.conversation_id,
            "seq": view.seq,
            "kind": kind_of(file.media_type),
        }
        for position, file in enumerate(view.attachments)
    ]
