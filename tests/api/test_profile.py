"""The user's own profile and settings (M6)."""

import asyncio

import httpx

from tests.harness.cases import case
from tests.harness.chats import NewPerson
from tests.harness.clients import (
    Person,
    as_json,
    assert_invalid,
    assert_problem,
    http_client,
    register,
)
from tests.harness.servers import ChatServer


async def patch(person: Person, **fields: object) -> httpx.Response:
    return await person.http.patch("/api/users/me", json=fields)


async def test_each_field_changes_alone(alice: Person) -> None:
    expected = dict(alice.user)
    for name, value in {
        "display_name": "Alice 李",
        "bio": "First line\nsecond line 👩‍💻",
        "status_text": "At the sea 🌊",
        "accept_messages_from": "friends",
        "share_presence": False,
        "sound": False,
        "push_preview": True,
        "locale": "ar",
    }.items():
        reply = await patch(alice, **{name: value})

        assert reply.status_code == 200, reply.text
        expected[name] = value
        assert as_json(reply) == expected
        assert as_json(await alice.http.get("/api/auth/me")) == expected


async def test_many_fields_change_together(alice: Person) -> None:
    changes = {"bio": "x", "status_text": "y", "sound": False}

    assert as_json(await patch(alice, **changes)) == {**alice.user, **changes}


async def test_an_empty_profile_change_changes_nothing(alice: Person) -> None:
    reply = await patch(alice)

    assert reply.status_code == 200
    assert as_json(reply) == alice.user


async def test_status_and_bio_can_be_emptied(alice: Person) -> None:
    await patch(alice, bio="x", status_text="y")

    assert as_json(await patch(alice, bio="", status_text="  ")) == alice.user


async def test_others_see_name_and_status_and_nothing_more(alice: Person, bob: Person) -> None:
    await patch(alice, display_name="Mira", status_text="Busy", bio="private thoughts")

    card = as_json(await bob.http.get(f"/api/users/{alice.id}"))

    assert (card["display_name"], card["status_text"]) == ("Mira", "Busy")
    assert not {"bio", "sound", "accept_messages_from", "share_presence"} & card.keys()


async def test_the_search_finds_the_new_name_and_not_the_old(
    new_person: NewPerson, bob: Person
) -> None:
    alice = await new_person(display_name="Quagliarella")

    await patch(alice, display_name="Zwetschgenmus")

    for text, found in {"zwetsch": [alice.id], "quagliar": [], alice.username: [alice.id]}.items():
        items = as_json(await bob.http.get("/api/users", params={"q": text}))["items"]
        assert [card["id"] for card in items] == found


async def test_a_bad_value_is_named_and_nothing_changes(alice: Person) -> None:
    for field, value in (
        ("display_name", ""),
        ("display_name", "   "),
        ("display_name", "x" * 101),
        ("display_name", "x" * 1_000),
        ("display_name", "a\u202eb"),
        ("display_name", "a\u200bb"),
        ("display_name", "a\x00b"),
        ("display_name", "a\nb"),
        ("display_name", "\u3164"),
        ("status_text", "x" * 101),
        ("status_text", "x" * 500_000),
        ("status_text", "two\nlines"),
        ("status_text", "two\u2028lines"),
        ("status_text", "tab\tbed"),
        ("status_text", "bell\x07"),
        ("status_text", "turned \u202e round"),
        ("status_text", "\u200b\u200d"),
        ("status_text", "\u3164"),
        ("bio", "x" * 501),
        ("bio", "nul\x00"),
        ("bio", "isolated \u2067"),
        ("bio", "\u2800"),
        ("accept_messages_from", "nobody"),
        ("accept_messages_from", ""),
        ("share_presence", "yes"),
        ("sound", 1),
        ("locale", "fr"),
        ("locale", "de-CH"),
        ("locale", ""),
    ):
        with case(field, value):
            reply = await patch(
                alice, **{field: value, "sound" if field != "sound" else "bio": False}
            )

            assert field in {error["field"] for error in reply.json()["errors"]}
            assert_problem(reply, 422)
            assert as_json(await alice.http.get("/api/auth/me")) == alice.user


async def test_a_null_profile_field_is_refused(alice: Person) -> None:
    for field in (
        "display_name",
        "bio",
        "status_text",
        "accept_messages_from",
        "share_presence",
        "sound",
        "push_preview",
    ):
        with case(field):
            assert_invalid(await patch(alice, **{field: None}), field)


async def test_an_unknown_profile_field_is_refused(alice: Person) -> None:
    for field in ("username", "id", "password", "avatar_url", "is_admin"):
        with case(field):
            assert_invalid(await patch(alice, **{field: "x"}), field)


async def test_a_carriage_return_is_a_new_line(alice: Person) -> None:
    assert as_json(await patch(alice, bio="one\r\ntwo"))["bio"] == "one\ntwo"


async def test_a_profile_is_not_changed_without_signing_in_or_by_another_site(
    chat: ChatServer, alice: Person
) -> None:
    async with http_client(chat.url) as client:
        assert_problem(await client.patch("/api/users/me", json={"bio": "x"}), 401)
    async with alice.browser(origin="https://evil.example") as page:
        assert_problem(await page.patch("/api/users/me", json={"bio": "x"}), 403, "cross_site")
    assert as_json(await alice.http.get("/api/auth/me")) == alice.user


async def test_concurrent_profile_changes_are_all_stored(alice: Person) -> None:
    await asyncio.gather(
        patch(alice, bio="b"), patch(alice, status_text="s"), patch(alice, sound=False)
    )

    me = as_json(await alice.http.get("/api/auth/me"))
    assert (me["bio"], me["status_text"], me["sound"]) == ("b", "s", False)


async def test_profile_changes_are_limited_per_minute(
    limited_chat: ChatServer,
) -> None:
    alice = await register(limited_chat.url)
    for number in range(3):
        assert (await patch(alice, status_text=f"{number}")).status_code == 200

    refused = await patch(alice, status_text="again")

    assert_problem(refused, 429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    assert (await patch(alice, sound=False)).status_code == 200
    assert as_json(await alice.http.get("/api/auth/me"))["status_text"] == "2"


async def test_a_language_is_the_browsers_again_with_null(alice: Person) -> None:
    assert alice.user["locale"] is None
    assert as_json(await patch(alice, locale="de"))["locale"] == "de"

    assert as_json(await patch(alice, locale=None))["locale"] is None
    assert as_json(await alice.http.get("/api/auth/me")) == alice.user
