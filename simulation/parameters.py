"""Parameters of the statements of delivery: the rows that each takes as JSON."""

from uuid import UUID

import msgspec


class _Key(msgspec.Struct):
    sender_id: UUID
    client_id: str


class _Pair(msgspec.Struct):
    sender_id: UUID
    receiver_id: UUID


class _Target(msgspec.Struct):
    number: int
    id: UUID
    user_id: UUID


class _Member(msgspec.Struct):
    id: UUID
    user_id: UUID


class _Bump(msgspec.Struct):
    id: UUID
    rev: int
    seq: int | None = None


class _Fresh(msgspec.Struct):
    id: UUID
    conversation_id: UUID
    seq: int
    rev: int
    client_id: str
    sender_id: UUID
    content: str
    mentions: str | None
    mentions_all: bool


class _Mark(msgspec.Struct):
    id: UUID
    reader: UUID
    seq: int


class _Identifier(msgspec.Struct):
    id: UUID


class _User(msgspec.Struct):
    user_id: UUID


class _Changed(msgspec.Struct):
    id: UUID
    rev: int
    content: str
    is_edited: int
    is_deleted: int


class _Receipt(msgspec.Struct):
    id: UUID
    user_id: UUID
    seq: int


class _Cursor(msgspec.Struct):
    id: UUID
    rev: int


keys = msgspec.json.Decoder(list[_Key]).decode
pairs = msgspec.json.Decoder(list[_Pair]).decode
targets = msgspec.json.Decoder(list[_Target]).decode
members = msgspec.json.Decoder(list[_Member]).decode
bumps = msgspec.json.Decoder(list[_Bump]).decode
fresh = msgspec.json.Decoder(list[_Fresh]).decode
marks = msgspec.json.Decoder(list[_Mark]).decode
identifiers = msgspec.json.Decoder(list[_Identifier]).decode
users = msgspec.json.Decoder(list[_User]).decode
changed_rows = msgspec.json.Decoder(list[_Changed]).decode
receipts = msgspec.json.Decoder(list[_Receipt]).decode
cursors = msgspec.json.Decoder(list[_Cursor]).decode
