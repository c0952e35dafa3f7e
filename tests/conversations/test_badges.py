"""M7: whatever happens in whatever order, every badge on every device is what a recount finds.

Three people at several devices each write, read, mark as unread, edit and delete, several at once;
devices come and go and the chat is restarted in between. The dice are seeded: a failure repeats.
"""

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlmodel import col

from chat_app.core.database import Database
from chat_app.models import Member, Message
from tests.harness import servers
from tests.harness.chats import Storage, launch_built
from tests.harness.clients import Json, Person, Socket, register
from tests.harness.nodes import settings_of
from tests.harness.tabs import Tab

SEED = 20_261_124
ROUNDS = 4
BURSTS = 10
BATCH_SIZE = 4
TABS = 2

Badges = dict[str, int]


@pytest.fixture
def whole_chat(front_end: Path, storage: Storage) -> Iterator[servers.ChatServer]:
    """Give a chat of the test's own with its screens, which are built already."""
    assert front_end.is_dir()
    chat = launch_built(storage, CHAT_LIMITS="off")
    try:
        yield chat.wait_until_ready()
    finally:
        chat.stop()


class World:
    """Three people who all talk to each other, and what they have written so far."""

    def __init__(self, people: list[Person], dice: random.Random) -> None:
        self.people = people
        self.written: list[Json] = []
        self._dice = dice

    async def act(self) -> None:
        """Have somebody do something; what does not fit is refused, and nothing breaks."""
        deed = self._dice.choice(DEEDS)
        reply = await deed(self, self._dice.choice(self.people))
        assert reply < 500

    async def write(self, who: Person, other: Person | None = None) -> int:
        """Write to one of the others."""
        other = other or self._dice.choice([one for one in self.people if one is not who])
        body = {"receiver_id": other.id, "content": f"{self._dice.random()}"}
        reply = await who.http.post("/api/messages", json=body)
        self.written.append(reply.json())
        return reply.status_code

    async def mark(self, who: Person) -> int:
        """Read up to one of the newest messages to oneself, or mark it as unread."""
        to_me = [message for message in self.written if message["receiver_id"] == who.id]
        message = self._dice.choice(to_me[-6:])
        action = self._dice.choice(["read", "read", "unread"])
        path = f"/api/conversations/{message['conversation_id']}/{action}"
        return (await who.http.post(path, json={"seq": message["seq"]})).status_code

    async def change(self, who: Person) -> int:
        """Edit or delete a message, one's own or not."""
        path = f"/api/messages/{self._dice.choice(self.written)['id']}"
        if self._dice.random() < 0.5:
            return (await who.http.delete(path)).status_code
        body = {"content": f"{self._dice.random()}"}
        return (await who.http.patch(path, json=body)).status_code

    async def take_back(self, who: Person) -> int:
        """Delete one of one's newest messages, which others may not have read."""
        own = [message for message in self.written if message["sender_id"] == who.id]
        path = f"/api/messages/{self._dice.choice(own[-3:])['id']}"
        return (await who.http.delete(path)).status_code


DEEDS: list[Callable[[World, Person], Awaitable[int]]] = [
    World.write,
    World.write,
    World.write,
    World.mark,
    World.mark,
    World.mark,
    World.mark,
    World.change,
    World.take_back,
]


async def recount(storage: Storage, person: Person) -> Badges:
    """Count in the database what this person has not read."""
    database = Database(settings_of(storage))
    try:
        async with database.reading() as session:
            rows = await session.execute(
                select(col(Member.conversation_id), func.count())
                .join(Message, col(Message.conversation_id) == col(Member.conversation_id))
                .where(
                    col(Member.user_id) == UUID(person.id),
                    col(Message.sender_id) != col(Member.user_id),
                    col(Message.seq) > col(Member.last_read_seq),
                    col(Message.deleted_at).is_(None),
                )
                .group_by(col(Member.conversation_id))
            )
            return {str(identifier): count for identifier, count in rows}
    finally:
        await database.close()


async def told(person: Person) -> tuple[Badges, Badges]:
    """Return what the API says, and what a socket is greeted with."""
    items = (await person.http.get("/api/conversations")).json()["items"]
    async with Socket.open(person.url) as socket:
        await socket.send({"type": "auth", "content": person.access_token})
        ready = await socket.expect("ready")
    return {one["id"]: one["unread"] for one in items if one["unread"]}, ready["unread"]


def shown(tab: Tab) -> tuple[Badges, int]:
    """Return what a tab shows: a badge a row, and the total."""
    rows = tab.rows("conversations")
    badges = {row["id"]: row["unread"] for row in rows if row["unread"]}
    return badges, tab.fact("conversations", "unread_total")


@asynccontextmanager
async def devices(people: list[Person]) -> AsyncIterator[list[tuple[Person, Tab]]]:
    """Give open tabs of everybody."""
    async with AsyncExitStack() as stack:
        opened = []
        for person in people * TABS:
            tab = await stack.enter_async_context(Tab.open(person.url, cookie=person.cookie))
            await tab.hydrate("/")
            await tab.until(lambda tab=tab: tab.fact("conversations", "loaded"))  # type: ignore[misc]  # mypy infers no lambda with a default
            opened.append((person, tab))
        yield opened


async def check(storage: Storage, world: World, tabs: list[tuple[Person, Tab]]) -> None:
    expected = {person.id: await recount(storage, person) for person in world.people}
    for person in world.people:
        assert await told(person) == (expected[person.id], expected[person.id])
    for person, tab in tabs:
        badges = expected[person.id]
        wanted = (badges, sum(badges.values()))
        await tab.until(lambda tab=tab, wanted=wanted: shown(tab) == wanted)  # type: ignore[misc]  # the same


async def test_every_badge_equals_a_recount(
    whole_chat: servers.ChatServer, storage: Storage
) -> None:
    dice = random.Random(SEED)  # noqa: S311  # a reproducible day, not a secret
    people = [await register(whole_chat.url) for _ in range(3)]
    world = World(people, dice)
    for person in people:
        for other in people:
            if other is not person:
                await world.write(person, other)
    for turn in range(ROUNDS):
        async with devices(people) as tabs, devices(people[:1]) as leaving:
            for burst in range(BURSTS):
                if burst == BURSTS // 2:
                    for _, tab in leaving:
                        await tab.connection.close()
                await asyncio.gather(*(world.act() for _ in range(BATCH_SIZE)))
            await check(storage, world, tabs)
        if turn in {1, 2}:
            ends = signal.SIGKILL if turn == 1 else signal.SIGTERM
            await asyncio.to_thread(whole_chat.restart, with_signal=ends)
            for person in people:
                with contextlib.suppress(httpx.TransportError):  # the old connection is gone
                    await person.http.get("/api/health/live")
