"""Messages with files: sent, read by those who may, forwarded, found, listed and deleted."""

import asyncio
from uuid import uuid4

from tests.harness.cases import case
from tests.harness.chats import StartChat
from tests.harness.clients import (
    PATIENCE_S,
    Json,
    Person,
    as_json,
    assert_invalid,
    assert_problem,
    register,
)
from tests.harness.files import (
    TUS,
    announce,
    append,
    bytes_of,
    checked,
    new_file,
    new_upload,
    picture,
    removed,
)
from tests.harness.searches import contents_found, until_found
from tests.harness.servers import ChatServer

NO_FILE = str(uuid4())


async def send_files(person: Person, receiver: Person, *files: Json, **fields: object) -> Json:
    """Send files to somebody and return the message."""
    body = {"receiver_id": receiver.id, "file_ids": [file["id"] for file in files], **fields}
    reply = await person.http.post("/api/messages", json=body)
    assert reply.status_code == 201, reply.text
    return as_json(reply)


async def can_read(person: Person, file: Json) -> bool:
    """Return whether a file and its thumbnail are served to somebody."""
    urls = [file["url"], *filter(None, [file["thumbnail_url"]])]
    found = {(await person.http.get(url)).status_code for url in urls}
    assert found in ({200}, {404})
    return found == {200}


async def test_files_are_sent_alone_or_with_a_text(alice: Person, bob: Person) -> None:
    photo = await new_file(alice, picture(), "photo.jpg")
    paper = await new_file(alice, b"words", "paper.txt")

    async with bob.socket() as socket:
        alone = await send_files(alice, bob, photo, paper)
        event = await socket.expect("message.created")
        both = await send_files(alice, bob, await new_file(alice), content="Look at this")

    assert (alone["content"], alone["attachments"]) == ("", [photo, paper])
    assert event["message"] == alone
    assert (both["content"], len(both["attachments"])) == ("Look at this", 1)
    page = await bob.history(alone["conversation_id"])
    assert page["items"] == [alone, both]
    listed = await bob.conversation(alone["conversation_id"])
    assert listed["last_message"] == both
    assert await can_read(bob, photo)


async def test_a_socket_sends_files_and_resumes_them(alice: Person, bob: Person) -> None:
    photo = await new_file(alice, picture(), "photo.jpg")

    async with alice.socket() as socket:
        frame = {"type": "message", "id": "m1", "receiver_id": bob.id, "file_ids": [photo["id"]]}
        await socket.send(frame)
        message = (await socket.expect("ack"))["message"]
        await socket.send({**frame, "id": "m2"})
        refused = await socket.expect("error")
    async with bob.socket() as socket:
        await socket.send({"type": "resume", "cursors": {}})
        replayed = await socket.expect("message.created")

    assert message["attachments"] == [photo]
    assert (refused["id"], refused["code"]) == ("m2", "invalid")
    assert replayed["message"] == message


async def test_only_own_ready_unsent_files_are_sent(alice: Person, bob: Person) -> None:
    sent, ready, others = await new_file(alice), await new_file(alice), await new_file(bob)
    await send_files(alice, bob, sent)
    unfinished = {"id": (await new_upload(alice, 4)).rpartition("/")[2]}
    broken = picture("PNG", (300, 300))[:-500]
    address = await new_upload(alice, len(broken))
    await append(alice, address, broken)
    assert (await checked(alice, address))["state"] == "refused"
    refused = {"id": address.rpartition("/")[2]}

    for wrong in (sent, others, unfinished, refused, {"id": NO_FILE}):
        with case(wrong["id"]):
            body = {"receiver_id": bob.id, "file_ids": [ready["id"], wrong["id"]], "content": "x"}
            assert_invalid(await alice.http.post("/api/messages", json=body), "file_ids.1")
    # Those beside a wrong one can still be sent.
    assert (await send_files(alice, bob, ready))["attachments"] == [ready]


async def test_a_send_that_is_refused_leaves_its_files(alice: Person, bob: Person) -> None:
    file = await new_file(alice)
    await bob.block(alice)

    body = {"receiver_id": bob.id, "file_ids": [file["id"]]}
    assert_problem(await alice.http.post("/api/messages", json=body), 403, "cannot_message")
    await bob.http.delete(f"/api/blocks/{alice.id}")
    assert (await send_files(alice, bob, file))["attachments"] == [file]


async def test_a_file_goes_into_one_message_of_many_at_once(alice: Person, bob: Person) -> None:
    file = await new_file(alice)
    body = {"receiver_id": bob.id, "file_ids": [file["id"]]}

    replies = await asyncio.gather(*(alice.http.post("/api/messages", json=body) for _ in range(8)))

    assert sorted(reply.status_code for reply in replies) == [201, *[422] * 7]


async def test_the_shape_of_a_send_with_files_is_checked(alice: Person, bob: Person) -> None:
    file = await new_file(alice)
    to_bob = {"receiver_id": bob.id}
    for body, field in (
        ({**to_bob, "file_ids": [file["id"]] * 2}, "file_ids"),
        ({**to_bob, "file_ids": [str(uuid4()) for _ in range(11)]}, "file_ids"),
        ({**to_bob, "file_ids": ["x"]}, "file_ids.0"),
        ({**to_bob, "file_ids": []}, "body"),
        ({**to_bob, "file_ids": [], "content": " "}, "content"),
        ({**to_bob, "file_ids": [file["id"]], "forward_of": NO_FILE}, "body"),
        ({**to_bob, "file_ids": [file["id"]], "content": "a\x00"}, "content"),
    ):
        with case(body):
            assert_invalid(await alice.http.post("/api/messages", json=body), field)
    assert (await send_files(alice, bob, file, content=" \n "))["content"] == ""


async def test_a_replay_has_the_same_files(alice: Person, bob: Person) -> None:
    file, other = await new_file(alice), await new_file(alice)
    message = await send_files(alice, bob, file, client_id="once")

    body = {"receiver_id": bob.id, "client_id": "once", "file_ids": [file["id"]]}
    again = await alice.http.post("/api/messages", json=body)
    assert (again.status_code, as_json(again)) == (200, message)
    for file_ids in ([], [other["id"]], [file["id"], other["id"]]):
        with case(file_ids):
            reply = await alice.http.post(
                "/api/messages", json={**body, "file_ids": file_ids, "content": "x"}
            )
            assert_problem(reply, 409, "idempotency_conflict")
    assert (await send_files(alice, bob, other))["attachments"] == [other]


async def test_a_file_is_for_those_who_may_read_its_message(
    alice: Person, bob: Person, carol: Person
) -> None:
    early, late = await new_file(alice, picture()), await new_file(alice, picture())
    group = await alice.make_group(bob, history="joining")

    assert not await can_read(bob, early)
    for file in (early, late):
        if file is late:
            path = f"/api/conversations/{group['id']}/members"
            await alice.http.post(path, json={"user_ids": [carol.id]})
        body = {"conversation_id": group["id"], "file_ids": [file["id"]]}
        assert (await alice.http.post("/api/messages", json=body)).status_code == 201

    assert [await can_read(bob, one) for one in (early, late)] == [True, True]
    # A later member reads nothing from before.
    assert [await can_read(carol, one) for one in (early, late)] == [False, True]
    assert len((await shared(carol, group["id"]))["items"]) == 1
    await alice.http.delete(f"/api/conversations/{group['id']}/members/{bob.id}")
    assert [await can_read(bob, one) for one in (early, late)] == [False, False]
    assert_problem(await bob.http.get(f"/api/conversations/{group['id']}/files"), 404)


async def shared(person: Person, conversation_id: str, **page: str | int) -> Json:
    """Return a page of the files of a conversation."""
    path = f"/api/conversations/{conversation_id}/files"
    reply = await person.http.get(path, params=page)
    assert reply.status_code == 200, reply.text
    return as_json(reply)


async def test_the_files_of_a_conversation_are_listed(alice: Person, bob: Person) -> None:
    photo, paper = await new_file(alice, picture(), "a.jpg"), await new_file(alice, b"x", "b.txt")
    song = await new_file(bob, b"ID3\x04", "c.mp3")
    first = await send_files(alice, bob, photo, paper)
    conversation_id = first["conversation_id"]
    second = await send_files(bob, alice, song)

    everything = await shared(alice, conversation_id)
    assert everything == {
        "items": [
            {"file": song, "message_id": second["id"], "seq": 2},
            {"file": paper, "message_id": first["id"], "seq": 1},
            {"file": photo, "message_id": first["id"], "seq": 1},
        ],
        "next_before": None,
    }
    for kind, file in (("image", photo), ("file", paper), ("audio", song)):
        found = await shared(alice, conversation_id, kind=kind)
        assert [one["file"] for one in found["items"]] == [file]
    assert (await shared(alice, conversation_id, kind="video"))["items"] == []
    pages: list[Json] = []
    before: dict[str, str] = {}
    while True:
        page = await shared(alice, conversation_id, limit=1, **before)
        pages += page["items"]
        if page["next_before"] is None:
            break
        before = {"before": page["next_before"]}
    assert pages == everything["items"]
    for field, value in (("kind", "picture"), ("before", "1"), ("before", "x")):
        path = f"/api/conversations/{conversation_id}/files"
        assert_invalid(await alice.http.get(path, params={field: value}), field)


async def test_a_deleted_message_takes_its_bytes_along(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    photo = await new_file(alice, picture())
    message = await send_files(alice, bob, photo, content="Look")
    assert bytes_of(chat, photo["id"])

    async with bob.socket() as socket:
        assert (await alice.http.delete(f"/api/messages/{message['id']}")).status_code == 204
        event = await socket.expect("message.deleted")

    assert event["message"]["attachments"] == []
    for person in (alice, bob):
        assert not await can_read(person, photo)
        assert (await shared(person, message["conversation_id"]))["items"] == []
        page = await person.history(message["conversation_id"])
        assert page["items"][0]["attachments"] == []
    await removed(chat, photo["id"])
    assert_problem(await alice.http.get(f"/api/uploads/{photo['id']}"), 404)


async def test_a_forwarded_file_stays_when_the_original_is_deleted(
    chat: ChatServer, alice: Person, bob: Person, carol: Person
) -> None:
    photo = await new_file(alice, picture())
    message = await send_files(alice, bob, photo)

    assert not await can_read(carol, photo)
    body = {"receiver_id": carol.id, "forward_of": message["id"]}
    reply = await bob.http.post("/api/messages", json=body)
    forwarded = as_json(reply)
    assert (reply.status_code, forwarded["attachments"]) == (201, [photo])
    assert await can_read(carol, photo)
    await alice.http.delete(f"/api/messages/{message['id']}")
    assert [await can_read(one, photo) for one in (alice, bob, carol)] == [False, True, True]
    assert_problem(await alice.http.get(f"/api/uploads/{photo['id']}"), 404)
    assert_problem(await bob.http.post("/api/messages", json=body), 404)
    await bob.http.delete(f"/api/messages/{forwarded['id']}")
    await removed(chat, photo["id"])


async def test_a_caption_is_edited_and_the_files_stay(alice: Person, bob: Person) -> None:
    file = await new_file(alice)
    message = await send_files(alice, bob, file)

    reply = await alice.http.patch(f"/api/messages/{message['id']}", json={"content": "A paper"})

    assert as_json(reply)["attachments"] == [file]
    reply = await alice.http.patch(f"/api/messages/{message['id']}", json={"content": " \n"})
    emptied = as_json(reply)
    assert (emptied["content"], emptied["attachments"], emptied["rev"]) == ("", [file], 3)


async def test_a_message_without_files_keeps_a_text(alice: Person, bob: Person) -> None:
    message = await send_files(alice, bob, content="one")

    reply = await alice.http.patch(f"/api/messages/{message['id']}", json={"content": " "})

    assert_invalid(reply, "content")


async def test_a_search_finds_messages_with_files(alice: Person, bob: Person) -> None:
    await send_files(alice, bob, await new_file(alice, picture()), content="photo")
    await send_files(alice, bob, await new_file(alice), content="paper")
    both = [await new_file(alice), await new_file(alice, picture())]
    gone = await send_files(alice, bob, *both, content="both")
    await alice.write(bob, "words")

    await until_found(bob, "has:image", "photo", "both")
    await until_found(bob, "has:file", "paper", "both")
    assert await contents_found(bob, "has:image has:file") == ["both"]
    assert await contents_found(bob, "-has:image -has:file") == ["words"]
    assert await contents_found(bob, "photo has:image") == ["photo"]
    await alice.http.delete(f"/api/messages/{gone['id']}")
    await until_found(bob, "has:image", "photo")


async def test_a_sent_file_goes_with_its_message_only(alice: Person, bob: Person) -> None:
    file = await new_file(alice)
    await send_files(alice, bob, file)

    reply = await alice.http.delete(f"/api/uploads/{file['id']}", headers=TUS)

    assert_problem(reply, 409, "already_sent")
    assert await can_read(bob, file)


async def test_a_deleted_account_loses_what_it_has_not_sent(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    sent, unsent = await new_file(alice), await new_file(alice)
    upload = (await new_upload(alice, 4)).rpartition("/")[2]
    await send_files(alice, bob, sent)

    assert (await alice.leave()).status_code == 204

    await removed(chat, unsent["id"], upload)
    assert await can_read(bob, sent)


async def test_room_comes_back_with_a_deleted_message(start_chat: StartChat) -> None:
    chat = start_chat(CHAT_USER_STORAGE_MB="1")
    alice, bob = await register(chat.url), await register(chat.url)
    half = await new_file(alice, bytes(600_000))
    message = await send_files(alice, bob, half)

    assert_problem(await announce(alice, 600_000), 413, "quota")
    await alice.http.delete(f"/api/messages/{message['id']}")
    async with asyncio.timeout(PATIENCE_S):
        while (await announce(alice, 600_000)).status_code != 201:
            await asyncio.sleep(0.05)
