"""P1: search for people by any part of their names, the best match first, by an index."""

import random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update
from sqlmodel import col

from chat_app.accounts.names import name_parts
from chat_app.accounts.rules import clean_display_name
from chat_app.accounts.store import index_names
from chat_app.core.clock import utc_now
from chat_app.core.errors import Invalid
from chat_app.core.text import fold
from chat_app.friends.queries import search_users
from chat_app.models import Block, User
from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.nodes import add_crowd, new_user, open_node, open_still_node
from tests.harness.statements import executed, explained

CROWD = 3_000


async def add(node: Node, username: str, display_name: str) -> UUID:
    """Store somebody with names."""
    user = User(
        username=username,
        username_key=username.casefold(),
        display_name=display_name,
        password_hash="none",
    )
    async with node.database.writing() as session:
        session.add(user)
        await index_names(session, user)
    return user.id


async def add_letters(node: Node, count: int = CROWD) -> None:
    """Store many people whose names hold all letters."""
    chance = random.Random(7)  # noqa: S311  # names, not secrets
    names = ["".join(chance.choices("abcdefghijklmnoprstuvz", k=8)) for _ in range(count)]
    people = [
        (f"{name}-{number}", f"{name[4:]} {name[:4]}".title()) for number, name in enumerate(names)
    ]
    await add_crowd(node, people)
    async with node.database.transaction() as connection:
        await connection.execute(text("ANALYZE"))


async def found(node: Node, viewer: UUID, wanted: str, limit: int = 20) -> list[str]:
    """Search, and return the usernames."""
    async with node.database.reading() as session:
        cards = await search_users(
            session, viewer_id=viewer, text=wanted, online=node.online, limit=limit
        )
    return [card.username for card in cards]


SPELLINGS = [
    ("\uff21lice Wonder", "alice"),
    ("Alice Wonder", "\uff37ONDER"),
    ("Zoë Ångström", "zoe angstrom"),
    ("Zoe Angstrom", "ÅNGSTRÖM"),
    ("Οδυσσεύς Ιωάννου", "ΟΔΥΣΣΕΥΣ"),
    ("Οδυσσεύς Ιωάννου", "σσευσ ιω"),
    ("Jörg Großmann", "GROSSMANN"),
    ("Jorg Grossmann", "großm"),
    ("Iş\u0131l Y\u0131ld\u0131z", "ISIL"),
    ("IŞIL YILDIZ", "\u0131ş\u0131l y\u0131ld\u0131z"),
    ("Łukasz Møller", "lukasz mo"),
    ("Пётр Королёв", "петр"),
    ("Пётр Королёв", "КОРОЛЕВ"),
    ("مُحَمَّد الأحمد", "محمد"),
    ("محمد الاحمد", "الأَحمد"),
    ("प्रिया शर्मा", "शर्मा"),
    ("山田 太郎", "田"),
    ("山田 太郎", "太郎"),
    ("ｶﾀｶﾅ", "カタ"),
    ("김하늘", "늘"),
    ("🦊 Fox", "🦊"),
    ("Anna  Maria", "anna\u3000maria"),
    ("Anna Maria", "anna \u200f\u200bmaria"),
]


async def test_a_search_ignores_case_accents_and_forms_in_any_script(storage: Storage) -> None:
    async with open_node(storage) as node:
        viewer = await new_user(node, "Nobody")
        for number, (name, _) in enumerate(SPELLINGS):
            await add(node, f"q{number}", name)

        for number, (name, wanted) in enumerate(SPELLINGS):
            alike = {name for name, _ in SPELLINGS if fold(wanted) in fold(name)}
            hits = await found(node, viewer, wanted)
            assert f"q{number}" in hits, f"{name} is not found by {wanted}"
            assert {SPELLINGS[int(hit[1:])][0] for hit in hits} == alike


async def test_a_search_for_one_letter_finds_people(storage: Storage) -> None:
    async with open_node(storage) as node:
        viewer = await add(node, "viewer", "The Viewer")
        for username, display_name in (
            ("zed", "Bo"),
            ("inside1", "Razor"),
            ("word1", "Anna Zimmer"),
            ("display1", "Zara"),
            ("z-9", "Quentin"),
        ):
            await add(node, username, display_name)

        assert await found(node, viewer, "Z") == ["z-9", "zed", "display1", "word1", "inside1"]
        assert await found(node, viewer, "z", limit=3) == ["z-9", "zed", "display1"]


async def test_the_exact_username_is_ranked_first(storage: Storage) -> None:
    async with open_node(storage) as node:
        viewer = await new_user(node)
        for username, display_name in (
            ("anna.b", "Anna"),
            ("susanna", "Susanna"),
            ("b.anna", "B"),
            ("other", "Anna"),
            ("anna", "Zoe"),
        ):
            await add(node, username, display_name)

        assert await found(node, viewer, "ANNA") == ["anna", "anna.b", "other", "b.anna", "susanna"]


async def test_a_name_with_several_matches_is_found_once(storage: Storage) -> None:
    async with open_node(storage) as node:
        viewer = await new_user(node)
        await add(node, "banana-banana", "Banana Banana an an")
        await add(node, "canal", "Canal")

        assert await found(node, viewer, "an") == ["banana-banana", "canal"]
        assert await found(node, viewer, "an", limit=1) == ["banana-banana"]


WILD = "%", "_", "\\", "'", '"', "*", "?", "[a]", "--", "' OR 1=1 --", "$1", ":wanted", "\uffff"


async def test_a_search_takes_every_character_literally(storage: Storage) -> None:
    async with open_node(storage) as node:
        viewer = await new_user(node)
        await add(node, "other", "BxC")
        for number, wild in enumerate(WILD):
            await add(node, f"literal{number}", f"B{wild}C")

        for number, wild in enumerate(WILD):
            assert await found(node, viewer, f"b{wild}c") == [f"literal{number}"]


IMPOSSIBLE = "", " ", "\u3000", "a\x00b", "\x1b", "a\nb", "x" * 65, "x" * 1_000
NOTHING = "\u0301", "\u202e\u2066", "\u200b", "\ufeff", "\ud800", "\u064e"


async def test_an_impossible_search_is_refused_or_finds_nobody(storage: Storage) -> None:
    async with open_node(storage) as node:
        viewer = await new_user(node)
        await add(node, "somebody", "Ана é")

        for wanted in IMPOSSIBLE:
            with pytest.raises(Invalid) as refused:
                await found(node, viewer, wanted)
            assert set(refused.value.fields) == {"q"}
        for wanted in NOTHING:
            assert await found(node, viewer, wanted) == []


async def test_deleted_and_blocked_people_are_not_found(storage: Storage) -> None:
    async with open_node(storage) as node:
        viewer = await new_user(node)
        away, blocked, blocker, _ = [
            await add(node, f"finder-{number}", "Finder") for number in range(4)
        ]
        async with node.database.writing() as session:
            session.add(Block(blocker_id=viewer, blocked_id=blocked))
            session.add(Block(blocker_id=blocker, blocked_id=viewer))
            await session.execute(
                update(User).where(col(User.id) == away).values(deleted_at=utc_now())
            )

        assert await found(node, viewer, "finder") == ["finder-3"]
        # They do not take the places of others either.
        assert await found(node, viewer, "finder", limit=1) == ["finder-3"]


async def test_a_new_name_takes_the_place_of_the_old_one(storage: Storage) -> None:
    async with open_node(storage) as node:
        viewer = await new_user(node)
        person = await add(node, "changing", "Old Name")
        async with node.database.writing() as session:
            user = await session.get_one(User, person)
            user.display_name = "Fresh Words"
            await index_names(session, user)

        assert await found(node, viewer, "old") == []
        assert await found(node, viewer, "fresh w") == ["changing"]

        async with node.database.writing() as session:
            user = await session.get_one(User, person)
            user.deleted_at = utc_now()
            await index_names(session, user)
            left = await session.execute(
                text("SELECT count(*) FROM name_part WHERE part LIKE 'fresh%'")
            )
            assert left.scalar_one() == 0


LETTERS = st.sampled_from(
    "abzABZéßΣς\u03c3\u0131İŁø яЯёй محمَد नमिता 山田太郎 がｶ한글 ﷺﬁ 🦊👍🏽 %_\\'\"-.\u2019"
)


@st.composite
def names_and_parts(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a display name that is allowed, and a part of it."""
    name = clean_display_name("x" + draw(st.text(LETTERS, max_size=40)))
    start = draw(st.integers(0, len(name) - 1))
    return name, name[start : start + draw(st.integers(1, 64))]


@given(names_and_parts())
@settings(max_examples=500)
def test_a_part_of_a_name_folds_to_the_beginning_of_one_of_its_rows(
    drawn: tuple[str, str],
) -> None:
    name, part = drawn
    wanted = fold(part)[:64]

    assert any(row.startswith(wanted) for _, row in name_parts("user", name))


def drawn_names() -> list[tuple[str, str]]:
    """Return names with a part of each, as Hypothesis thinks of them."""
    drawn: list[tuple[str, str]] = []

    @given(names_and_parts())
    @settings(max_examples=60, database=None)
    def draw(one: tuple[str, str]) -> None:
        drawn.append(one)

    draw()
    return drawn


async def test_any_part_of_any_name_finds_its_person_and_the_ranking_holds(
    storage: Storage,
) -> None:
    names: dict[str, str] = {}
    async with open_node(storage) as node:
        viewer = await new_user(node, "\u2020")
        for name, part in drawn_names():
            username = f"n{len(names)}"
            names[username] = name
            await add(node, username, name)
            if not fold(part):
                continue
            hits = await found(node, viewer, part, limit=100)
            assert username in hits
            assert len(set(hits)) == len(hits)
            ranks = [_rank(one, names[one], fold(part)[:64]) for one in hits]
            assert ranks == sorted(ranks)


def _rank(username: str, display_name: str, wanted: str) -> int:
    """Say how good a match is, by the rule as it is told and not as it is stored."""
    handle, name = fold(username), fold(display_name)
    if handle == wanted:
        return 0
    if handle.startswith(wanted):
        return 1
    if name.startswith(wanted):
        return 2
    for text_ in (handle, name):
        at = text_.find(wanted, 1)
        while at > 0:
            if text_[at].isalnum() and not text_[at - 1].isalnum():
                return 3
            at = text_.find(wanted, at + 1)
    assert wanted in handle or wanted in name
    return 4


async def test_a_search_scans_no_table(storage: Storage) -> None:
    scans = ("SCAN name_part", "SCAN user_account", "Seq Scan on name_part", "Seq Scan on user_acc")
    async with open_still_node(storage) as node:
        viewer = await new_user(node)
        await add_letters(node)
        for wanted in ("a", "an", "zo", "anna", "nobody is called so"):
            with executed() as selects:
                await found(node, viewer, wanted)
            plans = [await explained(node, *statement) for statement in selects]

            assert 1 <= len(plans) <= 4, wanted
            lines = [line for plan in plans for line in plan]
            assert any("name_part" in line for line in lines), wanted
            assert not [line for line in lines if any(scan in line for scan in scans)], wanted
            assert not [line for line in lines if "TEMP B-TREE" in line], wanted


async def test_a_common_first_letter_costs_one_statement(storage: Storage) -> None:
    async with open_still_node(storage) as node:
        viewer = await new_user(node)
        await add_letters(node)
        with executed() as asked:
            assert len(await found(node, viewer, "a")) == 20

    assert len(asked) == 1
