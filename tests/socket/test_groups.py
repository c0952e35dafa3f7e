"""Groups over the socket: who gets what, from joining to leaving, live and by `resume`."""

from tests.harness.clients import Json, Person, Socket


def path(group: Json, *parts: str) -> str:
    return "/".join(["/api/conversations", group["id"], *parts])


async def add(admin: Person, group: Json, *people: Person) -> None:
    body = {"user_ids": [person.id for person in people]}
    reply = await admin.http.post(path(group, "members"), json=body)
    assert reply.status_code == 200, reply.text


async def remove(admin: Person, group: Json, who: Person) -> None:
    reply = await admin.http.delete(path(group, "members", who.id))
    assert reply.status_code == 204, reply.text


def of_group(frames: list[Json], group: Json) -> list[Json]:
    return [frame for frame in frames if group["id"] in str(frame)]


async def test_a_new_member_gets_the_group_and_its_messages_live(
    alice: Person, bob: Person, carol: Person
) -> None:
    async with bob.socket() as member, carol.socket() as newcomer:
        group = await alice.make_group(bob)
        updated = await member.expect("conversation.updated")
        assert updated["conversation"]["id"] == group["id"]
        await member.expect("message.created")
        await add(alice, group, carol)
        await newcomer.expect("conversation.updated")
        message = await alice.write_in(group["id"], "welcome")
        for socket in (member, newcomer):
            await socket.expect("message.created", message=message)
        assert message["kind"] == "text"
        assert message["sender"]["id"] == alice.id


async def test_a_message_written_at_once_follows_the_notices(alice: Person, bob: Person) -> None:
    async with bob.socket() as socket:
        for number in range(10):
            group = await alice.make_group(bob)
            await alice.write_in(group["id"], f"at once {number}")
            seqs = [(await socket.expect("message.created"))["message"]["seq"] for _ in range(2)]
            assert seqs == [1, 2]


async def test_a_removed_member_gets_nothing_from_then_on(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob, carol)
    async with bob.socket() as removed, carol.socket() as member:
        await remove(alice, group, bob)
        message = await alice.write_in(group["id"], "about bob")
        await removed.expect("conversation.removed", conversation_id=group["id"], reason="removed")
        await member.expect("message.created", message=message)
        await alice.http.patch(path(group), json={"title": "Without bob"})
        await member.send({"type": "typing", "conversation_id": group["id"]})
        await removed.send({"type": "typing", "conversation_id": group["id"]})

        assert of_group(await removed.settled(), group) == []
        frame = {"type": "message", "id": "again", "conversation_id": group["id"], "content": "x"}
        await removed.send(frame)
        refused = await removed.expect("error", id="again")
        assert refused["code"] == "not_found"
        await removed.send({"type": "read", "id": "r", "conversation_id": group["id"], "seq": 9})
        assert (await removed.expect("error", id="r"))["code"] == "not_found"


async def test_a_missed_removal_is_told_by_resume(alice: Person, bob: Person) -> None:
    group = await alice.make_group(bob)
    cursors = {group["id"]: 1}
    await remove(alice, group, bob)
    await alice.write_in(group["id"], "about bob")

    async with bob.socket() as socket:
        await socket.send({"type": "resume", "id": "r", "cursors": cursors})
        removed = await socket.expect("conversation.removed")
        await socket.expect("resumed")

    assert (removed["conversation_id"], removed["reason"]) == (group["id"], "removed")
    assert of_group(socket.passed, group) == []


async def test_a_deleted_group_is_told_to_all_of_its_members(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob)
    async with alice.socket() as own, bob.socket() as member, carol.socket() as stranger:
        assert (await alice.http.delete(path(group))).status_code == 204
        for socket in (own, member):
            await socket.expect(
                "conversation.removed", conversation_id=group["id"], reason="deleted"
            )
        assert of_group(await stranger.settled(), group) == []


async def test_an_edit_of_what_was_before_is_hidden_from_a_newcomer(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob, history="joining")
    old = await alice.write_in(group["id"], "a secret")
    await add(alice, group, carol)
    seen = await carol.conversation(group["id"])
    async with bob.socket() as member, carol.socket() as newcomer:
        await edit(alice, old, "another secret")
        await member.expect("message.updated")
        updated = await newcomer.expect("conversation.updated")
        assert updated["conversation"]["last_rev"] == seen["last_rev"] + 1
        assert "secret" not in str([*newcomer.passed, updated, *await newcomer.settled()])
        await newcomer.send({"type": "resume", "id": "r", "cursors": {}})
        await newcomer.expect("resumed")
        replayed = [frame for frame in newcomer.passed if frame["type"].startswith("message.")]

    assert [frame["message"]["kind"] for frame in replayed] == ["notice"]
    assert "secret" not in str(newcomer.passed)


async def edit(author: Person, message: Json, content: str) -> None:
    reply = await author.http.patch(f"/api/messages/{message['id']}", json={"content": content})
    assert reply.status_code == 200, reply.text


async def test_mentions_are_counted_and_follow_edits(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob, carol)

    async def mentions(person: Person) -> int:
        return int((await person.conversation(group["id"]))["unread_mentions"])

    message = await alice.write_in(group["id"], f"@{bob.username} and @nobody and `@all`")
    assert message["mentions"] == [bob.id]
    assert message["mentions_all"] is False
    assert [await mentions(one) for one in (alice, bob, carol)] == [0, 1, 0]
    await edit(alice, message, f"@{carol.username}")
    assert [await mentions(one) for one in (alice, bob, carol)] == [0, 0, 1]
    to_all = await alice.write_in(group["id"], f"@all, also @{bob.username}")
    assert to_all["mentions_all"] is True
    assert [await mentions(one) for one in (alice, bob, carol)] == [0, 1, 2]
    await carol.http.post(path(group, "read"), json={"seq": message["seq"]})
    assert await mentions(carol) == 1
    # A muted group counts mentions by name only.
    for muted_until, expected in (("forever", [0, 1, 0]), (None, [0, 1, 1])):
        for person in (bob, carol):
            change = {"muted_until": muted_until}
            reply = await person.http.patch(path(group, "me"), json=change)
            assert reply.json()["unread_mentions"] == expected[1 if person is bob else 2]
        assert [await mentions(one) for one in (alice, bob, carol)] == expected
    assert (await alice.http.delete(f"/api/messages/{to_all['id']}")).status_code == 204
    assert [await mentions(one) for one in (alice, bob, carol)] == [0, 0, 0]
    direct = await alice.write(bob, f"@{bob.username}")
    assert direct["mentions"] == [bob.id]
    outside = await alice.write(bob, f"@{carol.username}")
    assert outside["mentions"] == []


async def test_who_joins_while_connected_elsewhere_gets_every_message(
    alice: Person, bob: Person
) -> None:
    group = await alice.make_group(visibility="open")
    async with bob.socket() as socket:
        for number in range(3):
            assert (await bob.http.post(path(group, "join"))).status_code == 200
            message = await alice.write_in(group["id"], f"round {number}")
            await socket.expect("message.created", message=message)
            await bob.http.delete(path(group, "members", bob.id))
            await socket.expect("conversation.removed", reason="left")
            await alice.write_in(group["id"], f"without {number}")
        await _hears_nothing(socket, "without")


async def _hears_nothing(socket: Socket, word: str) -> None:
    frames = [*socket.passed, *await socket.settled()]
    assert [frame for frame in frames if word in str(frame)] == []
