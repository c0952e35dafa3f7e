"""Pages of a long conversation over HTTP: the newest, the deepest, and what length costs."""

import asyncio
import time
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import insert, update
from sqlmodel import col

from benchmarks import stage
from benchmarks.figures import Figures, at_most, percentile
from benchmarks.ledger import Violation
from benchmarks.pages import Pages
from benchmarks.stage import Person
from benchmarks.workload import Plan
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models import Conversation, Message
from chat_app.node.node import Node, running_node

SHORT, LONG = 10_000, 100_000
AT_ONCE = 2_000
CLIENTS = 4
PAGE = 50
TEXT = "y" * 100


class Item(msgspec.Struct):
    """What is checked of a message."""

    seq: int


class Page(msgspec.Struct):
    """What is checked of a page."""

    items: list[Item]
    has_more: bool


class Question(NamedTuple):
    """The page that ends with message `newest` of a room."""

    room: UUID
    newest: int

    def path(self) -> str:
        """Return what to ask for."""
        before = f"&before={self.newest + 1}" if self.newest == PAGE else ""
        return f"/api/conversations/{self.room}/messages?limit={PAGE}{before}"


async def measure(plan: Plan) -> list[Figures]:
    """Run *history* on a short and a long conversation in turn."""
    short, long = (SHORT // 10, LONG // 10) if plan.quick else (SHORT, LONG)
    figures = Figures(
        "history",
        f"{long:,} messages of {len(TEXT)} bytes, pages of {PAGE} over HTTP with the bearer token, "
        f"{CLIENTS} clients",
    )
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            people = await stage.add_people(node, 2)
            small = await _conversation(node, people, short)
            large = await _conversation(node, people, long)
        with stage.chat_server(storage) as chat:
            for run in range(plan.runs + 1):
                took = {
                    name: await _read(chat.url, people[0], question, plan.seconds / 2)
                    for name, question in (
                        ("short", Question(small, short)),
                        ("newest", Question(large, long)),
                        ("deepest", Question(large, PAGE)),
                    )
                }
                if run:  # the first round warms up
                    _note(figures, took, long)
    return [figures]


def _note(figures: Figures, took: dict[str, list[float]], length: int) -> None:
    for name in ("newest", "deepest"):
        figures.add(f"{name} page, p50, ms", percentile(took[name], 50))
        figures.add(f"{name} page, p99, ms", percentile(took[name], 99), at_most(20))
    ratio = percentile(took["newest"], 50) / percentile(took["short"], 50)
    figures.add(f"newest page, {length:,} / {length // 10:,} messages, p50", ratio, at_most(1.3))


async def _read(url: str, person: Person, question: Question, seconds: float) -> list[float]:
    """Read one page again and again with every client; return the milliseconds of each."""
    end = time.perf_counter() + seconds
    took: list[float] = []
    wanted = list(range(question.newest - PAGE + 1, question.newest + 1))

    async def client() -> None:
        async with Pages(url, person.token) as pages:
            while time.perf_counter() < end:
                started = time.perf_counter()
                body = await pages.get(question.path())
                took.append((time.perf_counter() - started) * 1000)
                page = msgspec.json.decode(body, type=Page)
                if [item.seq for item in page.items] != wanted:
                    raise Violation(f"{question.path()} has holes: {body[:200]!r}")

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return took


async def _conversation(node: Node, people: list[Person], length: int) -> UUID:
    """Make a conversation with `length` messages, written in bulk."""
    room = (await stage.add_rooms(node, people, len(people)))[0]
    started = utc_now() - timedelta(seconds=length)
    async with node.database.transaction() as connection:
        for first in range(1, length + 1, AT_ONCE):
            rows = [
                {
                    "id": new_id(),
                    "conversation_id": room,
                    "seq": seq,
                    "rev": seq,
                    "client_id": f"{room.hex[-12:]}-{seq}",
                    "sender_id": people[seq % len(people)].id,
                    "content": TEXT,
                    "created_at": started + timedelta(seconds=seq),
                    "edited_at": None,
                    "deleted_at": None,
                }
                for seq in range(first, min(first + AT_ONCE, length + 1))
            ]
            await connection.execute(insert(Message), rows)
        counters = {"last_seq": length, "last_rev": length}
        await connection.execute(
            update(Conversation).where(col(Conversation.id) == room).values(counters)
        )
    return room
