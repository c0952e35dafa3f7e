"""Avatars of people and groups: set, shown everywhere, refused, shared by bytes, and removed."""

import asyncio
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.harness.cases import case
from tests.harness.chats import NewPerson, StartChat
from tests.harness.clients import (
    PATIENCE_S,
    Json,
    Person,
    Socket,
    as_json,
    assert_invalid,
    assert_problem,
    http_client,
    register,
)
from tests.harness.files import TUS, announce, new_file, new_upload, opened, picture, removed
from tests.harness.servers import ChatServer

OWN = "/api/users/me/avatar"


def of_group(group: Json) -> str:
    """Return where the avatar of a group is set."""
    return f"/api/conversations/{group['id']}/avatar"


async def put(person: Person, address: str, file: Json) -> httpx.Response:
    """Set an avatar."""
    return await person.http.put(address, json={"file_id": file["id"]})


async def set_avatar(person: Person, data: bytes | None = None, address: str = OWN) -> str:
    """Upload a picture, make it an avatar and return its address."""
    reply = await put(person, address, await new_file(person, data or picture()))
    assert reply.status_code == 200, reply.text
    return str(as_json(reply)["avatar_url"])


def stored(chat: ChatServer) -> int:
    """Return how many files are on the disk of a chat."""
    folder = Path(chat.settings["CHAT_DATA_DIR"]) / "files"
    return sum(path.is_file() for path in folder.rglob("*"))


async def told(socket: Socket, holder_id: str, url: str | None) -> Json:
    """Wait until an event shows that avatar of a person or a group; return the conversation.

    Changes from before the socket was opened may be told first.
    """
    async with asyncio.timeout(PATIENCE_S):
        while True:
            event = await socket.expect("conversation.updated")
            conversation: Json = event["conversation"]
            for one in (conversation, *conversation["members"]):
                if (one["id"], one["avatar_url"]) == (holder_id, url):
                    return conversation


async def until_stored(chat: ChatServer, count: int) -> None:
    """Wait until so many files are on the disk of a chat."""
    async with asyncio.timeout(PATIENCE_S):
        while stored(chat) != count:
            await asyncio.sleep(0.05)


async def test_an_avatar_is_a_square_of_the_middle_that_everybody_sees(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    url = await set_avatar(alice, picture("PNG", (900, 300), with_place=True))

    reply = await bob.http.get(url)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/webp")
    assert reply.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    shown = opened(reply.content)
    assert shown.size == (256, 256)
    left, right = (shown.convert("RGB").getpixel((x, 128)) for x in (20, 235))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[0] > 200 > right[0]
    assert b"secret" not in reply.content
    for known in (reply.headers["etag"], "*"):
        again = await bob.http.get(url, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == reply.headers["cache-control"]
    async with http_client(chat.url) as nobody:
        assert_problem(await nobody.get(url), 401, "not_authenticated")


async def test_no_other_hash_is_an_avatar(alice: Person) -> None:
    file = await new_file(alice, picture())

    for name in ("0" * 64, "x", file["id"], "0" * 63 + "A", "%2e%2e"):
        with case(name):
            assert_problem(await alice.http.get(f"/api/avatars/{name}"), 404, "not_found")


async def test_an_avatar_is_in_every_view_of_its_person(alice: Person, bob: Person) -> None:
    url = await set_avatar(alice)
    group = await alice.make_group(bob)
    first = await alice.write_in(group["id"], "first words")
    body = {"conversation_id": group["id"], "content": "an answer", "reply_to": first["id"]}
    answer = as_json(await bob.http.post("/api/messages", json=body))
    message = f"/api/messages/{first['id']}"
    await alice.http.put(f"{message}/pin")
    await alice.http.put(f"{message}/reactions/%F0%9F%91%8D")
    body = {"receiver_id": alice.id, "forward_of": first["id"]}
    forwarded = as_json(await bob.http.post("/api/messages", json=body))
    invite = as_json(await alice.http.post(f"/api/conversations/{group['id']}/invites", json={}))

    async def read(path: str) -> Json:
        return as_json(await bob.http.get(path))

    page = await read(f"/api/conversations/{group['id']}/messages")
    by_id = {one["id"]: one for one in page["items"]}
    view = await read(f"/api/conversations/{group['id']}")
    found = (await read("/api/users?q=" + alice.username))["items"]
    reactions = await read(f"{message}/reactions")
    people = {
        "sender": first["sender"],
        "sender read": by_id[first["id"]]["sender"],
        "quote": answer["reply_to"]["sender"],
        "quote read": by_id[answer["id"]]["reply_to"]["sender"],
        "pinned by": by_id[first["id"]]["pinned_by"],
        "forwarded from": forwarded["forwarded_from"],
        "reactor": reactions["items"][0]["user"],
        "inviter": (await read(f"/api/invites/{invite['token']}"))["inviter"],
        "card": await read(f"/api/users/{alice.id}"),
        "found": next(one for one in found if one["id"] == alice.id),
        "member": next(one for one in view["members"] if one["id"] == alice.id),
        "own": as_json(await alice.http.get("/api/auth/me")),
    }
    for name, person in people.items():
        with case(name):
            assert person["avatar_url"] == url
    assert by_id[answer["id"]]["sender"]["avatar_url"] is None
    assert view["avatar_url"] is None
    async with bob.socket() as socket:
        await alice.write_in(group["id"], "live")
        event = await socket.expect("message.created")
        assert event["message"]["sender"]["avatar_url"] == url


async def test_a_changed_avatar_is_told_live_and_the_earlier_one_goes(
    start_chat: StartChat,
) -> None:
    chat = start_chat()
    alice, bob = await register(chat.url), await register(chat.url)
    await alice.write(bob, "hello")

    async with bob.socket() as socket:
        urls: list[str | None] = []
        for data in (picture(), picture(size=(30, 40)), None):
            if data is None:
                assert (await alice.http.delete(OWN)).status_code == 204
                urls.append(None)
            else:
                urls.append(await set_avatar(alice, data))
            await told(socket, alice.id, urls[-1])

        assert (await alice.http.delete(OWN)).status_code == 204
        await set_avatar(bob)
        # Neither a removal without an avatar nor one's own is an event.
        assert "conversation.updated" not in {one["type"] for one in await socket.settled()}
    assert urls[0] != urls[1]
    for url in urls[:2]:
        # Bob has the same picture as Alice had first.
        found = (await bob.http.get(str(url))).status_code
        assert found == (200 if url == urls[0] else 404)
    await until_stored(chat, 1)


async def test_equal_avatars_stay_until_the_last_one_goes(start_chat: StartChat) -> None:
    chat = start_chat()
    alice, bob = await register(chat.url), await register(chat.url)
    group = await alice.make_group(bob)
    urls = {
        await set_avatar(alice),
        await set_avatar(bob),
        await set_avatar(alice, address=of_group(group)),
    }
    [url] = urls
    # The same again is no change.
    assert await set_avatar(alice) == url
    await until_stored(chat, 3)

    for left, remove in (
        (2, alice.http.delete(OWN)),
        (1, alice.http.delete(f"/api/conversations/{group['id']}")),
        (0, bob.leave()),
    ):
        assert (await bob.http.get(url)).status_code == 200
        assert (await remove).status_code == 204
        await until_stored(chat, left)
    assert_problem(await alice.http.get(url), 404)


async def test_the_picture_of_an_avatar_is_used_up(start_chat: StartChat) -> None:
    data = picture("PNG", (600, 600))
    chat = start_chat(CHAT_USER_STORAGE_MB="1")
    alice = await register(chat.url)
    file = await new_file(alice, data)

    assert (await put(alice, OWN, file)).status_code == 200
    assert_invalid(await put(alice, OWN, file), "file_id")
    assert_problem(await alice.http.get(file["url"]), 404)
    assert_problem(await alice.http.get(f"/api/uploads/{file['id']}"), 404)
    await removed(chat, file["id"])
    # All of the room is there again.
    async with asyncio.timeout(PATIENCE_S):
        while (await announce(alice, 1024 * 1024)).status_code != 201:
            await asyncio.sleep(0.05)
    [left] = [one.name for one in (Path(chat.settings["CHAT_DATA_DIR"]) / "files").rglob("*/*")]
    assert_problem(await alice.http.get(f"/api/uploads/{left}"), 404)
    assert_problem(await alice.http.delete(f"/api/uploads/{left}", headers=TUS), 404)
    body = {"receiver_id": str(uuid4()), "file_ids": [left]}
    assert (await alice.http.post("/api/messages", json=body)).status_code in (404, 422)


@pytest.mark.parametrize("whose", ["own", "group"])
async def test_only_an_own_unsent_picture_becomes_an_avatar(
    alice: Person, bob: Person, whose: str
) -> None:
    address = OWN if whose == "own" else of_group(await alice.make_group(bob))
    sent = await new_file(alice, picture())
    body = {"receiver_id": bob.id, "file_ids": [sent["id"]]}
    assert (await alice.http.post("/api/messages", json=body)).status_code == 201
    begun = (await new_upload(alice, 1000)).rpartition("/")[2]
    refused = {
        "another's": await new_file(bob, picture()),
        "sent": sent,
        "not complete": {"id": begun},
        "unknown": {"id": str(uuid4())},
    }

    for name, file in refused.items():
        with case(name):
            problem = assert_invalid(await put(alice, address, file), "file_id")
            assert problem["code"] == "invalid"
            assert file["id"] in problem["errors"][0]["message"]
    for data in (
        b"words",
        b"\xff\xd8\xff no picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ):
        with case(data):
            reply = await put(alice, address, await new_file(alice, data, "face.jpg"))
            assert_problem(reply, 422, "not_a_picture")
    given: list[Json] = [
        {},
        {"file_id": "x"},
        {"file_id": None},
        {"file_id": sent["id"], "more": 1},
    ]
    for wrong in given:
        with case(wrong):
            assert (await alice.http.put(address, json=wrong)).status_code == 422
    assert as_json(await alice.http.get("/api/auth/me"))["avatar_url"] is None


async def test_admins_change_the_avatar_of_their_group(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob)
    address = of_group(group)
    # Of a size that no other test has.
    file = await new_file(bob, picture(size=(61, 47)))
    assert_problem(await put(bob, address, file), 403, "not_allowed")
    assert_problem(await bob.http.delete(address), 403, "not_allowed")
    other = await new_file(carol, picture())
    assert_problem(await put(carol, address, other), 404, "not_found")
    assert_problem(await carol.http.delete(address), 404, "not_found")
    direct = of_group(await alice.opened(bob))
    assert_problem(await put(bob, direct, file), 409, "not_a_group")

    member = f"/api/conversations/{group['id']}/members/{bob.id}"
    assert (await alice.http.patch(member, json={"role": "admin"})).status_code == 200
    async with alice.socket() as socket:
        reply = await put(bob, address, file)
        view = as_json(reply)
        assert view["avatar_url"] is not None
        # No message tells of it.
        seen = await told(socket, group["id"], view["avatar_url"])
        assert seen["last_seq"] == view["last_seq"]
        assert (await bob.http.get(view["avatar_url"])).status_code == 200
        assert (await alice.http.delete(address)).status_code == 204
        await told(socket, group["id"], None)
    assert_problem(await bob.http.get(view["avatar_url"]), 404)


async def test_an_open_group_is_found_with_its_avatar(alice: Person, bob: Person) -> None:
    title = f"Group {uuid4().hex}"
    group = await alice.make_group(title=title, visibility="open")

    async def found() -> str | None:
        page = as_json(await bob.http.get("/api/channels", params={"q": title}))
        [channel] = page["items"]
        url: str | None = channel["avatar_url"]
        return url

    assert await found() is None
    url = await set_avatar(alice, address=of_group(group))
    assert await found() == url


async def test_a_deleted_account_has_no_avatar_and_its_group_keeps_one(
    new_person: NewPerson, alice: Person
) -> None:
    left = await new_person()
    group = await left.make_group(alice)
    kept = await set_avatar(left, picture(size=(50, 20)), of_group(group))
    url = await set_avatar(left, picture(size=(20, 50)))
    message = await left.write_in(group["id"], "hello")

    assert (await left.leave()).status_code == 204

    assert_problem(await alice.http.get(url), 404)
    assert (await alice.http.get(kept)).status_code == 200
    page = as_json(await alice.http.get(f"/api/conversations/{group['id']}/messages"))
    sender = next(one["sender"] for one in page["items"] if one["id"] == message["id"])
    assert (sender["display_name"], sender["avatar_url"]) == ("Deleted user", None)
    assert_problem(await left.http.delete(OWN), 401)


async def test_avatars_are_limited_with_changes_of_the_profile(start_chat: StartChat) -> None:
    chat = start_chat(CHAT_LIMITS="on", CHAT_LIMIT_PROFILE_CHANGES_PER_MINUTE="2")
    alice = await register(chat.url)

    await set_avatar(alice)
    assert (await alice.http.delete(OWN)).status_code == 204
    reply = await alice.http.patch("/api/users/me", json={"display_name": "Another"})
    assert_problem(reply, 429, "rate_limited")
    assert_problem(await alice.http.delete(OWN), 429, "rate_limited")
