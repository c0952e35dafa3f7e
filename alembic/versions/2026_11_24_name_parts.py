"""Parts of names: people are found by an index instead of a scan.

Revision ID: 0003
Revises: 0002
"""

import unicodedata
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

AT_ONCE = 1_000
SEARCH_TEXT_LONGEST = 512

# How names were folded and cut on the day of this revision. A migration is history: it imports
# nothing of the chat, whose rules may change after it.
PART_LONGEST = 64
NAME_LONGEST = 300
PLAIN_LETTERS = str.maketrans({"\u0131": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"})
MARKS = ("Mn", "Me", "Cf")
USERNAME, DISPLAY_NAME, WORD, INSIDE = range(4)

people = sa.table(
    "user_account",
    sa.column("id", sa.Uuid()),
    sa.column("username", sa.String()),
    sa.column("display_name", sa.String()),
    sa.column("search_text", sa.String()),
    sa.column("deleted_at", sa.DateTime()),
)


def upgrade() -> None:
    op.create_table(
        "name_part",
        sa.Column("place", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "part",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_name_part_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("place", "part", "user_id", name=op.f("pk_name_part")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("name_part", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_name_part_user_id"), ["user_id"], unique=False)

    parts = sa.table(
        "name_part",
        sa.column("place", sa.SmallInteger()),
        sa.column("part", sa.String()),
        sa.column("user_id", sa.Uuid()),
    )
    for some in _everybody(people.c.deleted_at.is_(None)):
        rows = [row for one in some for row in _part_rows(one.id, one.username, one.display_name)]
        op.get_bind().execute(sa.insert(parts), rows)
    # In place: a batch would copy the table on SQLite, and rows of others point at it.
    op.drop_column("user_account", "search_text")


def downgrade() -> None:
    op.add_column(
        "user_account",
        sa.Column("search_text", sa.String(length=512), nullable=False, server_default=""),
    )
    for some in _everybody(sa.true()):
        for one in some:
            text = f"{_fold(one.username)}\n{_fold(one.display_name)}"[:SEARCH_TEXT_LONGEST]
            op.get_bind().execute(
                sa.update(people).where(people.c.id == one.id).values(search_text=text)
            )
    with op.batch_alter_table("name_part", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_name_part_user_id"))

    op.drop_table("name_part")


def _everybody(which: sa.ColumnElement[bool]) -> list[Sequence[sa.Row[tuple[object, ...]]]]:
    statement = sa.select(people.c.id, people.c.username, people.c.display_name).where(which)
    rows = op.get_bind().execute(statement).all()
    return [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]


def _part_rows(user_id: object, username: str, display_name: str) -> list[dict[str, object]]:
    """Return the rows of `name_part` for one account."""
    parts = {
        found
        for name, beginning in ((username, USERNAME), (display_name, DISPLAY_NAME))
        for found in _parts(_fold(name)[:NAME_LONGEST], beginning)
    }
    return [{"place": place, "part": part, "user_id": user_id} for place, part in sorted(parts)]


def _parts(name: str, beginning: int) -> Iterator[tuple[int, str]]:
    for at, letter in enumerate(name):
        if letter == " ":
            continue
        starts_word = at and letter.isalnum() and not name[at - 1].isalnum()
        place = beginning if at == 0 else WORD if starts_word else INSIDE
        yield place, name[at : at + PART_LONGEST]


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold()).translate(PLAIN_LETTERS)
    bare = "".join(letter for letter in decomposed if unicodedata.category(letter) not in MARKS)
    return " ".join(unicodedata.normalize("NFKC", bare).casefold().split())
