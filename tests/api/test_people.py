"""People search and user cards (P1)."""

from uuid import uuid4

import pytest

from tests.harness.cases import case
from tests.harness.chats import NewPerson
from tests.harness.clients import Json, Person, as_json, assert_invalid, assert_problem, short


async def search(person: Person, text: str, **more: int | str) -> list[Json]:
    reply = await person.http.get("/api/users", params={"q": text, **more})
    assert reply.status_code == 200, reply.text
    items = as_json(reply)["items"]
    assert isinstance(items, list)
    return items


def usernames(cards: list[Json]) -> set[str]:
    return {card["username"] for card in cards}


async def test_a_card_holds_what_strangers_may_see(alice: Person, bob: Person) -> None:
    card = as_json(await alice.http.get(f"/api/users/{bob.id}"))

    assert card == {
        "id": bob.id,
        "username": bob.username,
        "display_name": bob.user["display_name"],
        "avatar_url": None,
        "status_text": bob.user["status_text"],
        "online": None,
        "last_seen_at": None,
        "friendship": "none",
    }
    assert await search(alice, bob.username) == [card]


async def test_a_search_ignores_case_and_accents(alice: Person, new_person: NewPerson) -> None:
    tag = uuid4().hex[:8]
    person = await new_person(display_name=f"Émile Łukasz{tag} Ñandú")

    for part in (f"ukasz{tag}", f"UKASZ{tag.upper()}", f"sz{tag} nand", f"SZ{tag} ÑANDU"):
        assert usernames(await search(alice, part)) == {person.username}, part


async def test_the_best_match_comes_first(alice: Person, new_person: NewPerson) -> None:
    tag = f"t{uuid4().hex[:8]}"
    middle = await new_person(username=f"x{tag}")
    prefix = await new_person(username=f"{tag}x")
    whole = await new_person(username=tag)

    found = [card["username"] for card in await search(alice, tag)]

    assert found == [whole.username, prefix.username, middle.username]


async def test_search_texts_have_no_wildcards(alice: Person, new_person: NewPerson) -> None:
    for wild in ("%", "_", "\\", "%%", "'", '"', "*", "a%' OR 1=1 --"):
        with case(wild):
            tag = uuid4().hex[:8]
            literal = await new_person(display_name=f"{tag}{wild}z")
            await new_person(display_name=f"{tag}yyz")

            assert usernames(await search(alice, f"{tag}{wild}")) == {literal.username}


async def test_a_search_does_not_find_the_searcher(alice: Person) -> None:
    assert await search(alice, alice.username) == []


async def test_the_search_limit_bounds_the_results(alice: Person, new_person: NewPerson) -> None:
    tag = f"many{uuid4().hex[:8]}"
    for number in range(4):
        await new_person(username=f"{tag}{number}")

    assert len(await search(alice, tag)) == 4
    assert len(await search(alice, tag, limit=3)) == 3
    assert len(await search(alice, "u")) <= 50


async def test_an_invalid_search_text_is_named(alice: Person) -> None:
    for text in ("", " ", "\u3000", "x" * 65, "x" * 1000, "\x00", "a\x00b", "a\nb"):
        with case(text):
            assert_invalid(await alice.http.get("/api/users", params={"q": text}), "q")


@pytest.mark.parametrize("text", ["\u200b", "\u202e\u2066", "\u0301", "\u064e"], ids=short)
async def test_invisible_characters_alone_find_nobody(alice: Person, text: str) -> None:
    assert await search(alice, text) == []


async def test_any_script_is_searched(alice: Person, new_person: NewPerson) -> None:
    for name, part in (
        ("Олена Коваль", "КОВАЛЬ"),
        ("يوسف مَنصور", "منصور"),
        ("田中 春香", "春"),
        ("Elif Y\u0131ld\u0131z", "yildiz"),
        ("Jörg Großmann", "GROSS"),
        ("Fox 🦊", "🦊"),
    ):
        with case(name, part):
            tag = uuid4().hex[:8]
            person = await new_person(display_name=f"{name}{tag}")

            cards = [
                *await search(alice, part, limit=100),
                *await search(alice, f"{name[-3:]}{tag}"),
            ]

            assert person.username in usernames(cards)


async def test_a_block_hides_both_from_each_others_search(
    alice: Person, bob: Person, carol: Person
) -> None:
    await bob.http.put(f"/api/blocks/{alice.id}")
    await alice.http.put(f"/api/blocks/{carol.id}")

    assert await search(alice, bob.username) == []
    assert await search(bob, alice.username) == []
    assert await search(alice, carol.username) == []
    assert await search(carol, alice.username) == []

    await alice.http.delete(f"/api/blocks/{carol.id}")
    assert usernames(await search(alice, carol.username)) == {carol.username}


async def test_a_search_without_a_text_is_refused(alice: Person) -> None:
    assert_invalid(await alice.http.get("/api/users"), "q")


async def test_an_invalid_search_limit_is_named(alice: Person) -> None:
    for limit in ("0", "-1", "101", "1000000", "x", "1.5", ""):
        with case(limit):
            reply = await alice.http.get("/api/users", params={"q": "a", "limit": limit})

            assert_invalid(reply, "limit")


async def test_an_unknown_user_is_404(alice: Person) -> None:
    assert_problem(await alice.http.get(f"/api/users/{uuid4()}"), 404, "not_found")


async def test_text_that_looks_like_markup_comes_back_as_it_was(
    alice: Person, new_person: NewPerson
) -> None:
    name = f"<img src=x onerror=alert(1)>{uuid4().hex[:6]}"
    person = await new_person(display_name=name)

    [card] = await search(alice, person.username)

    assert card["display_name"] == name
