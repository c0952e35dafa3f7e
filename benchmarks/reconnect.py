"""A thousand clients are cut at one moment, and all of them come back at the next.

Each has missed twenty messages and resumes; fifty others write to each other all the while. How the
missed messages came to be there costs nothing here: they are written before the server starts.
"""

import asyncio
import time
from uuid import UUID

import msgspec

from benchmarks import stage
from benchmarks.figures import Figures, at_most, percentile
from benchmarks.ledger import Violation
from benchmarks.machine import Usage
from benchmarks.presence import PAIRS, PER_SECOND, talk
from benchmarks.sockets import open_all
from benchmarks.stage import Person
from benchmarks.wire import Wire
from benchmarks.workload import Plan
from chat_app.messages.schemas import NewMessage
from chat_app.node.node import Node, running_node
from tests.harness.servers import ChatServer

CLIENTS, MISSED = 1_000, 20
LASTS_S = 6.0
PATIENCE_S = 60
TEXT = "x" * 100


class Return:
    """A client on its way back: it says who it is and resumes, and hears what it missed."""

    def __init__(self, person: Person, conversation_id: UUID) -> None:
        self._frames = (
            {"type": "auth", "content": person.token},
            {"type": "resume", "cursors": {str(conversation_id): 1}},
        )
        self._heard = 0
        self._resumed = asyncio.Event()

    async def come(self, url: str) -> Wire:
        """Connect, and wait until all was told. Raises Violation when some of it was not."""
        wire = await Wire.open(f"{url}/ws", on_text=self._take)
        for frame in self._frames:
            wire.send(msgspec.json.encode(frame))
        await self._resumed.wait()
        if self._heard < MISSED:
            raise Violation(f"{self._heard} of {MISSED} missed messages were told")
        return wire

    def _take(self, text: bytes) -> None:
        self._heard += text.count(b'"type":"message.created"')
        if text.startswith(b'{"type":"resumed"'):
            self._resumed.set()


async def measure(plan: Plan) -> list[Figures]:
    """Run *reconnect*."""
    count = CLIENTS // 10 if plan.quick else CLIENTS
    figures = Figures(
        "reconnect",
        f"{count:,} clients cut at once, {MISSED} missed messages each, all back at once, beside "
        f"{PER_SECOND} direct messages a second; {plan.durability}",
    )
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            people = await stage.add_people(node, count)
            talkers = await stage.add_people(node, 2 * PAIRS)
            places = [await _write(node, talkers[0], person) for person in people]
        for _ in range(plan.runs):
            with stage.chat_server(storage) as chat:
                returns = [Return(*pair) for pair in zip(people, places, strict=True)]
                await _cut(figures, chat, people, talkers, returns)
    return [figures]


async def _write(node: Node, sender: Person, receiver: Person) -> UUID:
    """Write what somebody has seen, and what they will have missed; return where."""
    waiting = [
        await node.messages.submit(
            NewMessage(sender.id, TEXT, f"{receiver.id.hex}-{number}", receiver_id=receiver.id)
        )
        for number in range(1 + MISSED)
    ]
    return (await waiting[0]).message.conversation_id


async def _cut(
    figures: Figures,
    chat: ChatServer,
    people: list[Person],
    talkers: list[Person],
    returns: list[Return],
) -> None:
    talking_wires = await open_all(chat.url, talkers)
    usage = Usage(chat.server.process.pid)
    wires = await open_all(chat.url, people)
    figures.add("server CPU a connection, ms", usage.server_seconds() / len(people) * 1000)
    before = await talk(talking_wires, talkers, 2.0)
    talking = asyncio.create_task(talk(talking_wires, talkers, LASTS_S))
    for wire in wires:
        wire.close()
    usage = Usage(chat.server.process.pid)
    started = time.perf_counter()
    async with asyncio.timeout(PATIENCE_S):
        wires = await asyncio.gather(*(one.come(chat.url) for one in returns))
    took, spent = time.perf_counter() - started, usage.server_seconds()
    meanwhile = await talking
    figures.add("until all have resumed, s", took, at_most(5))
    figures.add("server CPU a client that comes back, ms", spent / len(people) * 1000)
    figures.add("the others' messages before, p99, ms", percentile(before, 99))
    figures.add("the others' messages meanwhile, p99, ms", percentile(meanwhile, 99), at_most(500))
    for wire in (*wires, *talking_wires):
        wire.close()
