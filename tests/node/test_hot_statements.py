"""Statements of requests and frames read by an index, in tables of 300,000 rows."""

import re

from httpx import Response
from sqlalchemy import Connection, text

from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.clients import Json, Person, register
from tests.harness.loop_holds import ServedNode
from tests.harness.nodes import new_users, settings_of
from tests.harness.searches import until_found
from tests.harness.statements import executed, explained

USERS, CONVERSATIONS, IN_EACH, FRIENDS = 3_000, 100_000, 3, 20
LARGE = ("message", "member", "conversation", "friendship", "search_entry")
NUMBERS = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {most})"
    " SELECT i FROM n)",
    "postgresql": "generate_series(0, {most})",
}


async def fill(node: Node) -> None:
    """Spread 300,000 messages and members, and 60,000 friendships, evenly over all users.

    One message of two thousand is deleted.
    """
    await new_users(node, USERS)
    dialect = node.database.engine.dialect.name
    is_sqlite = node.database.is_sqlite

    def numbers(name: str, count: int) -> str:
        return f"{NUMBERS[dialect].format(most=count - 1)} AS {name}{'' if is_sqlite else '(i)'}"

    def id_of(number: str) -> str:
        return (
            f"printf('%032x', {number})" if is_sqlite else f"lpad(to_hex({number}), 32, '0')::uuid"
        )

    present = "strftime('%Y-%m-%d %H:%M:%f000', 'now')" if is_sqlite else "now()"
    each = (
        f"FROM {numbers('c', CONVERSATIONS)} CROSS JOIN {numbers('k', IN_EACH)}"
        f" JOIN numbered ON numbered.n = (c.i + k.i * 997) % {USERS}"
    )
    pairs = (
        f"FROM {numbers('k', FRIENDS // 2)} CROSS JOIN numbered JOIN numbered AS other"
        f" ON other.n = (numbered.n + k.i + 1) % {USERS}"
    )
    statements = f"""
        CREATE TEMPORARY TABLE numbered AS
            SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM user_account;
        CREATE INDEX {"temp." if is_sqlite else ""}numbered_n ON numbered (n);
        INSERT INTO conversation (id, kind, title, created_by, last_seq, last_rev, created_at,
                updated_at, changed_at)
            SELECT {id_of("c.i")}, 'group', 'Group', numbered.id, {IN_EACH}, {IN_EACH}, {present},
                {present}, {present}
            FROM {numbers("c", CONVERSATIONS)} JOIN numbered ON numbered.n = c.i % {USERS};
        INSERT INTO member (conversation_id, user_id, opened, last_read_seq, read_seq,
                delivered_seq, joined_at)
            SELECT {id_of("c.i")}, numbered.id, true, 1, 1, 1, {present} {each};
        INSERT INTO message (id, conversation_id, seq, rev, client_id, sender_id, content,
                created_at, deleted_at)
            SELECT {id_of(f"c.i * {IN_EACH} + k.i")}, {id_of("c.i")}, k.i + 1, k.i + 1,
                'm' || (c.i * {IN_EACH} + k.i), numbered.id, 'hello', {present},
                CASE WHEN c.i % 2000 = k.i THEN {present} END {each};
        INSERT INTO friendship (user_id, friend_id, created_at)
            SELECT numbered.id, other.id, {present} {pairs}
            UNION ALL SELECT other.id, numbered.id, {present} {pairs}
    """  # noqa: S608  # ours
    if not is_sqlite:
        statements += """;
            INSERT INTO search_entry (conversation_id, seq, words)
            SELECT conversation_id, seq, array_to_tsvector(ARRAY['hello', conversation_id::text])
            FROM message
        """

    def insert(connection: Connection) -> None:
        for statement in statements.split(";"):
            connection.execute(text(statement))

    async with node.database.transaction() as connection:
        if not is_sqlite:
            # References need no check: they are made of what is there.
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.run_sync(insert)
    async with node.database.transaction() as connection:
        await connection.execute(text("ANALYZE"))


async def use(me: Person, friend: Person, stranger: Person) -> None:
    """Make every request and send every frame that reads or changes one of the large tables."""
    await me.befriend(friend)
    listed = (await me.http.get("/api/conversations", params={"limit": 30})).json()
    group = listed["items"][0]["id"]
    await me.http.get("/api/conversations", params={"limit": 30, "before": listed["next_before"]})
    sent = await me.write(friend, "hello")
    await friend.write(me, "hello")
    await stranger.write(me, "hello")
    edited = await me.http.patch(f"/api/messages/{sent['id']}", json={"content": "hello, again"})
    body = {"conversation_id": group, "content": "to all"}
    posted = await me.http.post("/api/messages", json=body)
    path = f"/api/conversations/{group}"
    replies = [
        edited,
        posted,
        await me.http.get(path),
        *[
            await me.http.get(f"{path}/messages", params=place)
            for place in ({}, {"before": 3}, {"after": 1})
        ],
        await me.http.get(f"/api/messages/{friend.id}"),
        await me.http.post(f"{path}/read", json={"seq": 3}),
        await me.http.post(f"{path}/unread", json={"seq": 2}),
        *[
            await me.http.get(one)
            for one in (
                "/api/auth/me",
                "/api/friends",
                "/api/friends/requests",
                "/api/friends/suggestions",
                "/api/blocks",
                "/api/users?q=u",
                f"/api/users/{friend.id}",
            )
        ],
        *await search(me, friend),
        *await use_groups(me, friend, stranger),
        await me.http.patch("/api/users/me", json={"display_name": "Anew"}),
        await me.http.put(f"/api/blocks/{stranger.id}"),
        await me.http.delete(f"/api/blocks/{stranger.id}"),
        await me.http.delete(f"/api/messages/{sent['id']}"),
        await me.http.delete(f"/api/friends/{friend.id}"),
    ]
    assert [reply.text for reply in replies if not reply.is_success] == []

    async with friend.socket() as theirs, me.socket() as socket:
        frames: list[Json] = [
            {"type": "read", "id": "read", "conversation_id": group, "seq": 3},
            {"type": "typing", "conversation_id": group},
            {"type": "resume", "cursors": {}},
        ]
        for frame in frames:
            await socket.send(frame)
        await socket.expect("resumed")
        await socket.send({"type": "resume", "cursors": {group: 2}})
        await socket.expect("resumed")
        await theirs.settled()
        assert "error" not in {frame["type"] for frame in await socket.settled()}


async def search(me: Person, friend: Person) -> list[Response]:
    """Search for frequent and rare words, and with every operator."""
    word = "seldom"
    await friend.write(me, word)
    await until_found(me, word, word)
    texts = (
        "hello",
        '"hello, again" -seldom',
        '"hello again and again"',
        "nowhere",
        f"from:{friend.user['username']} in:group has:link",
        "seldom before:2126-01-01 after:2020-01-01",
    )
    return [await me.http.get("/api/search", params={"q": one}) for one in texts]


async def use_groups(me: Person, friend: Person, stranger: Person) -> list[Response]:
    """Make a group and do with it what people do."""
    made = await me.make_group(friend, visibility="open")
    path = f"/api/conversations/{made['id']}"
    message = await me.write_in(made["id"], f"@{friend.username} @all hello")
    edited = await me.http.patch(f"/api/messages/{message['id']}", json={"content": "@nobody"})
    invite = await me.http.post(f"{path}/invites", json={})
    token = invite.json()["token"]
    return [
        edited,
        invite,
        await me.http.get(f"{path}/members"),
        await me.http.get(f"{path}/members", params={"q": "u"}),
        await me.http.get("/api/channels", params={"q": "gro"}),
        await me.http.get(f"/api/messages/{message['id']}/receipts"),
        await me.http.get(f"{path}/invites"),
        await stranger.http.get(f"/api/invites/{token}"),
        await stranger.http.post(f"/api/invites/{token}/accept"),
        await stranger.http.post(f"{path}/join"),
        await me.http.patch(path, json={"title": "Other"}),
        await me.http.patch(f"{path}/me", json={"archived": True}),
        await me.http.patch(f"{path}/members/{friend.id}", json={"role": "admin"}),
        await me.http.delete(f"{path}/members/{friend.id}"),
        await me.http.post(f"{path}/members", json={"user_ids": [friend.id]}),
        await me.http.get("/api/conversations"),
        await me.http.delete(path),
    ]


async def test_hot_statements_read_by_an_index(storage: Storage) -> None:
    with ServedNode(settings_of(storage)) as served:
        me = await register(served.url)
        await served.run(fill(served.node))
        friend, stranger = await register(served.url), await register(served.url)
        with executed("SELECT", "INSERT", "DELETE", "UPDATE", "WITH") as asked:
            await use(me, friend, stranger)
        plans = {
            statement: await served.run(explained(served.node, statement, values))
            for statement, values in asked
            if not isinstance(values, list)
        }
        dialect = served.node.database.engine.dialect.name

    assert len(plans) > 40
    counting = [plan for statement, plan in plans.items() if "AS unread" in statement]
    assert len(counting) > 4
    assert [plan for plan in counting if "ix_message_uncounted" not in "\n".join(plan)] == []
    # Of an alias without its number; a whole index is no better.
    scan = {"sqlite": r"^SCAN ([a-z_]+[a-z])", "postgresql": r"Seq Scan on (\w+)"}[dialect]
    read_whole = {
        statement: plan
        for statement, plan in plans.items()
        if any(
            found and found[1] in LARGE
            for found in (
                re.search(scan, one)
                for one in plan
                # The index of open groups has no others in it.
                if "ix_conversation_open" not in one
            )
        )
    }
    assert read_whole == {}
