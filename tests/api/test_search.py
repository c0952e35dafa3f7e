"""The search of messages over HTTP: what is found, by whom, page by page."""

from uuid import uuid4

from tests.harness.cases import case
from tests.harness.chats import NewPerson
from tests.harness.clients import (
    PASSWORD,
    Json,
    Person,
    as_json,
    assert_invalid,
    assert_problem,
    register,
)
from tests.harness.searches import contents_found, until_found
from tests.harness.servers import ChatServer


async def found(person: Person, text: str, **page: str | int) -> Json:
    reply = await person.http.get("/api/search", params={"q": text, **page})
    assert reply.status_code == 200, reply.text
    return as_json(reply)


def a_word() -> str:
    """Return a word that nobody else writes."""
    return f"w{uuid4().hex}"


async def test_a_found_message_is_whole_and_has_its_conversation_and_ranges(
    alice: Person, bob: Person
) -> None:
    word = a_word()
    content = f"Café 👩‍👩‍👧 {word.upper()}: caf\u0301e, {word}"
    sent = await alice.write(bob, content)
    await until_found(bob, word, content)

    page = await found(bob, f"{word} cafe")

    [item] = page["items"]
    assert page["next_before"] is None
    assert item["message"] == sent
    assert item["conversation"] == {
        "id": sent["conversation_id"],
        "kind": "direct",
        "title": "",
    }
    assert [content[slice(*place)] for place in item["ranges"]] == [
        "Café",
        word.upper(),
        "caf\u0301e",
        word,
    ]


async def test_a_message_is_found_by_its_present_text_until_it_is_deleted(
    alice: Person, bob: Person
) -> None:
    old, new = a_word(), a_word()
    sent = await alice.write(bob, f"{old} first")
    await until_found(bob, old, f"{old} first")

    for text in (f"{new} second", f"{new} third"):
        await alice.http.patch(f"/api/messages/{sent['id']}", json={"content": text})
        await until_found(bob, new, text)
        assert await contents_found(bob, old) == []
        # It had the excluded words before.
        assert await contents_found(bob, f"{new} -{old} -first") == [text]
    await alice.http.delete(f"/api/messages/{sent['id']}")

    assert await contents_found(bob, new) == []
    assert await contents_found(alice, new) == []


async def test_pages_are_newest_first_without_a_hole(alice: Person, bob: Person) -> None:
    word = a_word()
    texts = [f"{word} {number}" for number in range(25)]
    await alice.write_all(bob, *texts)
    await until_found(bob, f"{word} 24", texts[24])

    pages = [await found(bob, word, limit=10)]
    await alice.write(bob, f"{word} one more")
    while (before := pages[-1]["next_before"]) is not None:
        pages.append(await found(bob, word, limit=10, before=before))

    items = [item["message"]["content"] for page in pages for item in page["items"]]
    assert items == texts[::-1]
    assert [len(page["items"]) for page in pages] == [10, 10, 5]


async def test_only_members_find_what_is_in_a_conversation(
    alice: Person, bob: Person, carol: Person
) -> None:
    word = a_word()
    group = await alice.make_group(bob, title="Book club")
    await alice.write_in(group["id"], f"{word} to the group")
    await alice.write(bob, f"{word} to Bob")
    both = (f"{word} to the group", f"{word} to Bob")
    await until_found(bob, word, *both)

    assert await contents_found(carol, word) == []
    await alice.http.delete(f"/api/conversations/{group['id']}/members/{bob.id}")
    assert await contents_found(bob, word) == [f"{word} to Bob"]
    await alice.http.delete(f"/api/conversations/{group['id']}")
    assert await contents_found(alice, word) == [f"{word} to Bob"]
    # Their conversation stays, and all that is in it.
    await bob.block(alice)
    assert await contents_found(alice, word) == await contents_found(bob, word) != []


async def test_a_newcomer_finds_nothing_from_before_unless_the_group_shows_it(
    alice: Person, bob: Person, carol: Person
) -> None:
    for history, is_shown in (("joining", False), ("all", True)):
        word = a_word()
        group = await alice.make_group(bob, history=history)
        before = [f"{word} before {number}" for number in range(3)]
        for text in before:
            await alice.write_in(group["id"], text)
        await until_found(bob, word, *before)
        members = f"/api/conversations/{group['id']}/members"
        await alice.http.post(members, json={"user_ids": [carol.id]})
        assert await contents_found(carol, word) == (before[::-1] if is_shown else []), history
        await alice.write_in(group["id"], f"{word} after")

        await until_found(bob, word, *before, f"{word} after")
        shown = [f"{word} after", *(before[::-1] if is_shown else [])]
        assert await contents_found(carol, word) == shown, history


async def test_operators_narrow_a_search(alice: Person, bob: Person, new_person: NewPerson) -> None:
    word = a_word()
    zoe = await new_person(display_name="Zoë van Dijk")
    group = await alice.make_group(bob, zoe, title="Book club of Łódź")
    await alice.write_in(group["id"], f"{word} by Alice, https://example.org/{word}")
    await zoe.write_in(group["id"], f"{word} by Zoe, no link: example.org")
    await zoe.write(alice, f"{word} directly")
    in_group = (
        f"{word} by Zoe, no link: example.org",
        f"{word} by Alice, https://example.org/{word}",
    )
    await until_found(alice, word, *in_group, f"{word} directly")
    username = zoe.user["username"]

    for operators, wanted in (
        ('in:"book club"', in_group),
        ("in:lodz", in_group),
        ("-in:lodz", (f"{word} directly",)),
        (f"in:{username}", (f"{word} directly",)),
        ("in:elsewhere", ()),
        (f"from:{username}", (f"{word} directly", in_group[0])),
        (f"from:@{username} in:lodz", (in_group[0],)),
        ('from:"van dijk" in:club', (in_group[0],)),
        ("from:zoe in:club", (in_group[0],)),
        (f"-from:{username}", (in_group[1],)),
        (f"from:{username} from:{alice.user['username']}", (f"{word} directly", *in_group)),
        (f"from:{a_word()}", ()),
        ("has:link", (in_group[1],)),
        ("-has:link in:club", (in_group[0],)),
        ("has:file", ()),
        ("has:image", ()),
        ("before:2026-01-01", ()),
        ("before:9999-01-01", (f"{word} directly", *in_group)),
        ("after:2026-01-01", (f"{word} directly", *in_group)),
        ("after:9998-12-31", ()),
        ('"by alice"', (in_group[1],)),
        ('-"by alice" -directly', (in_group[0],)),
        ("-by", (f"{word} directly",)),
    ):
        assert await contents_found(alice, f"{word} {operators}") == list(wanted), operators
    # Operators are enough.
    assert await contents_found(alice, "has:link") == [in_group[1]]
    assert await contents_found(alice, "-by in:club") == []


async def test_notices_are_not_found(alice: Person, bob: Person) -> None:
    word = a_word()
    group = await alice.make_group(bob, title=word)
    await alice.http.patch(f"/api/conversations/{group['id']}", json={"title": f"{word} anew"})
    await alice.write_in(group["id"], "hello")

    await until_found(bob, f"in:{word}", "hello")


async def test_names_of_a_deleted_account_find_nothing(
    alice: Person, new_person: NewPerson
) -> None:
    word = a_word()
    leaver = await new_person()
    await leaver.write(alice, f"{word} goodbye")
    await until_found(alice, f"from:{leaver.user['username']}", f"{word} goodbye")
    await leaver.leave(password=PASSWORD)

    assert await contents_found(alice, f"from:{leaver.user['username']}") == []
    assert await contents_found(alice, word) == [f"{word} goodbye"]


async def test_a_deleted_account_is_found_by_the_name_that_is_shown_then(
    alice: Person, bob: Person, new_person: NewPerson
) -> None:
    word = a_word()
    leaver = await new_person()
    await leaver.write(alice, f"{word} goodbye")
    await alice.write(leaver, f"{word} take care")
    await alice.write(bob, f"{word} elsewhere")
    await leaver.leave(password=PASSWORD)

    both = [f"{word} take care", f"{word} goodbye"]
    await until_found(alice, word, f"{word} elsewhere", *both)
    for name in ('"Deleted user"', '"deleted USER"'):
        assert await contents_found(alice, f"{word} in:{name}") == both
        assert await contents_found(alice, f"{word} -in:{name}") == [f"{word} elsewhere"]
        assert await contents_found(alice, f"{word} from:{name}") == [f"{word} goodbye"]
        assert await contents_found(bob, f"{word} in:{name}") == []


async def test_an_address_in_code_is_no_link(alice: Person, bob: Person) -> None:
    word = a_word()
    address = "https://example.org"
    code = [f"{word} `{address}`", f"{word}\n```\n{address}\n```", f"{word}\n~~~sh\n{address}"]
    links = [f"{word} {address} `x`", f"{word} \\`{address}\\`", f"`{word}` [here]({address})"]
    await alice.write_all(bob, *code, *links)
    await until_found(alice, word, *reversed([*code, *links]))

    assert await contents_found(alice, f"{word} has:link") == links[::-1]
    assert await contents_found(alice, f"{word} -has:link") == code[::-1]


async def test_any_text_up_to_256_characters_is_an_answer(alice: Person, bob: Person) -> None:
    content = "100% a_b 'quoted' \\ ünï"
    await alice.write(bob, content)
    await until_found(alice, "100%", content)

    for text, wanted in (
        ("%", ()),
        ("_", ()),
        ("\x00", ()),
        ('"', ()),
        ("-", ()),
        ("ﷺ" * 256, ()),
        ("a", (content,)),
        ("b a", (content,)),
        ("100\x00uni", (content,)),
        ("' OR 1=1", ()),
        ('quoted" AND', ()),
        ("x" * 256, ()),
        ("-x " * 85, (content,)),
        ("a " * 128, (content,)),
        ("(quoted*)", (content,)),
        ("quoted:*|&!", (content,)),
        ("\U0010ffff\ue000\ufdd0", ()),
    ):
        assert await contents_found(alice, text) == list(wanted), ascii(text)


async def test_a_missing_blank_or_long_text_is_refused(alice: Person) -> None:
    for query in ({}, {"q": ""}, {"q": " "}, {"q": "\n\t"}, {"q": "x" * 257}):
        with case(query):
            assert_invalid(await alice.http.get("/api/search", params=query), "q")


async def test_a_page_is_asked_for_with_its_number_and_a_limit(alice: Person) -> None:
    for name, value in (
        ("before", "x"),
        ("before", "-1"),
        ("before", "9" * 30),
        ("before", ""),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "x"),
    ):
        with case(name, value):
            reply = await alice.http.get("/api/search", params={"q": "word", name: value})
            assert_invalid(reply, name)


async def test_only_people_who_are_signed_in_search(alice: Person) -> None:
    reply = await alice.http.get("/api/search?q=x", headers={"Authorization": "Bearer nonsense"})

    assert_problem(reply, 401, "not_authenticated")


async def test_searches_are_limited(limited_chat: ChatServer) -> None:
    alice, bob = await register(limited_chat.url), await register(limited_chat.url)
    statuses = [
        (await alice.http.get("/api/search", params={"q": "x"})).status_code for _ in range(80)
    ]

    assert set(statuses) == {200, 429}
    refused = await alice.http.get("/api/search", params={"q": "x"})
    while refused.status_code == 200:
        refused = await alice.http.get("/api/search", params={"q": "x"})
    assert_problem(refused, 429, "rate_limited")
    assert int(refused.headers["Retry-After"]) >= 1
    # Each person has limits of their own.
    assert (await bob.http.get("/api/search", params={"q": "x"})).status_code == 200
