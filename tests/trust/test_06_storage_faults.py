"""Storage faults (trust 6): database frozen, locked or disk full; every ack is stored.

Senders are refused quickly and may try again, sockets stay, and all comes back by itself. That the
browser keeps the text is in tests/browser/test_storage_faults.py.
"""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from websockets.protocol import State

from tests.harness.chats import Farm, StartChat
from tests.harness.clients import PATIENCE_S, Json, Person, Socket, assert_problem, register
from tests.harness.faults import database_file, locked_file, locked_tables
from tests.harness.processor import within
from tests.harness.servers import ChatServer
from tests.harness.two_nodes import Nodes

# A time-out of 3 s, up to 2 s to let go of a silent connection, and a machine that is not ours.
REFUSED_WITHIN_S = 10
BACK_WITHIN_S = 15
AT_ONCE = 40

FAULTS = [
    ("sqlite+memory", "locked"),
    ("sqlite+memory", "full"),
    ("postgres+redis", "locked"),
    ("postgres+redis", "frozen"),
]
faults = pytest.mark.parametrize(("pair", "fault"), FAULTS)


@contextlib.asynccontextmanager
async def broken(chat: ChatServer, fault: str, farm: Farm) -> AsyncIterator[None]:
    """Break the database of `chat` inside."""
    if fault == "frozen":
        with farm.postgres.frozen():
            yield
    elif fault == "full":
        with full_disk(chat):
            yield
    elif url := chat.settings["CHAT_DATABASE_URL"]:
        async with locked_tables(url):
            yield
    else:
        with locked_file(folder_of(chat)):
            yield


def folder_of(chat: ChatServer) -> Path:
    return Path(chat.settings["CHAT_DATA_DIR"])


@contextlib.contextmanager
def full_disk(chat: ChatServer) -> Iterator[None]:
    """Let no file of the process grow past what the write-ahead log has now."""
    log = database_file(folder_of(chat)).with_suffix(".db-wal")
    pid = chat.server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def frame_to(receiver: Person, client_id: str) -> Json:
    text = f"This is {client_id}. " + "x" * 4_000
    return {"type": "message", "id": client_id, "receiver_id": receiver.id, "content": text}


async def answer(socket: Socket, client_id: str) -> Json:
    """Wait for the ack or error of a frame; events in between stay in `passed`."""
    while True:
        frame = await socket.receive()
        if frame["type"] in {"ack", "error"} and frame.get("id") == client_id:
            return frame
        socket.passed.append(frame)


async def send_until_stored(socket: Socket, frame: Json) -> Json:
    """Send again and again, as a client does, and return the message of the ack."""
    async with within(BACK_WITHIN_S, patience_s=PATIENCE_S):
        while True:
            await socket.send(frame)
            reply = await answer(socket, frame["id"])
            if reply["type"] == "ack":
                message: Json = reply["message"]
                return message
            assert reply["retryable"], reply
            await asyncio.sleep(0.2)


async def receive_messages(socket: Socket, count: int) -> dict[int, Json]:
    """Return the messages received, by `rev`, once there are so many."""
    received: dict[int, Json] = {}
    while len(received) < count:
        event = await socket.expect("message.created")
        received[event["message"]["rev"]] = event["message"]
    return received


@pytest.fixture
def node(nodes: Nodes, start_chat: StartChat, fault: str) -> ChatServer:
    """Return a node: a private one where its write-ahead log has to be at its beginning."""
    return start_chat() if fault == "full" else nodes.near


@faults
async def test_sends_are_refused_while_the_database_fails_and_stored_afterwards(
    nodes: Nodes, node: ChatServer, farm: Farm, fault: str
) -> None:
    alice, bob = await register(node.url), await register(node.url)
    async with alice.socket() as sending, bob.socket() as receiver:
        first = await send_until_stored(sending, frame_to(bob, "before"))
        await receive_messages(receiver, 1)
        frames = [frame_to(bob, f"during-{number}") for number in range(AT_ONCE)]
        async with (
            broken(node, fault, farm),
            within(REFUSED_WITHIN_S, patience_s=PATIENCE_S),
        ):
            for frame in frames:
                await sending.send(frame)
            replies = [await answer(sending, frame["id"]) for frame in frames]

        assert {(reply["type"], reply.get("code")) for reply in replies} == {
            ("error", "unavailable")
        }
        assert all(reply["retryable"] for reply in replies)
        assert sending.connection.state is State.OPEN
        assert receiver.connection.state is State.OPEN

        stored = [first, *[await send_until_stored(sending, frame) for frame in frames]]
        received = {1: first} | await receive_messages(receiver, len(frames))

    # A message that was committed although its sender got an error comes before the rest
    # and may be published after it.
    stored.sort(key=lambda message: int(message["seq"]))
    assert [received[rev] for rev in sorted(received)] == stored
    history = await bob.history(first["conversation_id"], limit=100)
    assert history["items"] == stored
    assert [message["seq"] for message in stored] == list(range(1, len(stored) + 1))
    assert "Traceback" not in nodes.log(node)


@faults
async def test_http_answers_503_while_the_database_fails(
    node: ChatServer, farm: Farm, fault: str
) -> None:
    alice, bob = await register(node.url), await register(node.url)
    await alice.write(bob, "before")
    body = {"receiver_id": bob.id, "content": "y" * 4_000, "client_id": "during"}
    async with broken(node, fault, farm):
        async with within(REFUSED_WITHIN_S, patience_s=PATIENCE_S):
            replies = await asyncio.gather(
                *(alice.http.post("/api/messages", json=body) for _ in range(5))
            )
        live = await alice.http.get("/api/health/live")
        ready = await alice.http.get("/api/health/ready")

    for reply in replies:
        assert_problem(reply, 503, "unavailable")
        assert int(reply.headers["Retry-After"]) >= 1
    assert live.status_code == 200
    assert ready.status_code == (503 if fault == "frozen" else 200)
    async with within(BACK_WITHIN_S, patience_s=PATIENCE_S):
        while (reply := await alice.http.post("/api/messages", json=body)).status_code == 503:
            await asyncio.sleep(0.2)
        # The tasks of the node try again after a pause.
        while (await alice.http.get("/api/health/ready")).status_code != 200:
            await asyncio.sleep(0.2)
    assert reply.is_success
    items = (await bob.http.get(f"/api/messages/{alice.id}")).json()["items"]
    assert [item["client_id"] for item in items][1:] == ["during"]


async def test_reads_are_answered_while_the_database_is_locked(nodes: Nodes, farm: Farm) -> None:
    """Check that reads are answered during a fault that blocks only writes."""
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    message = await alice.write(bob, "before")
    async with broken(nodes.near, "locked", farm):
        history = await bob.history(message["conversation_id"])
        async with bob.socket() as socket:
            await socket.send({"type": "resume", "cursors": {}})
            await socket.expect("resumed")

    assert history["items"] == [message]
    assert any(event["type"] == "message.created" for event in socket.passed)
