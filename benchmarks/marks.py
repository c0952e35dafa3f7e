"""Read marks: a room whose readers mark every message, at once or a little later.

Marks at once wait for each other; marks a little later come one by one, and are the most
transactions and frames.
"""

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import func, select
from sqlmodel import col

from benchmarks.figures import Figures
from benchmarks.ledger import Ledger, Violation
from benchmarks.rooms import SETTLE_S, Outcome, Traffic, rooms_of
from benchmarks.sockets import Frame, MessageSeen
from benchmarks.workload import Plan
from chat_app.core.database import Database
from chat_app.models import Conversation, Member

READERS, RATE = 100, 10
ACK_MS = 20
# Within how many seconds each message is marked.
TURNS = (("no marks", None), ("marks at once", 0.0), ("marks within 100 ms", 0.1))


class ReadLedger(Ledger):
    """The ledger of a room in which everybody reads everything."""

    async def compare(self, database: Database) -> None:
        """Raise Violation unless also every mark is stored."""
        await super().compare(database)
        behind = (
            select(func.count())
            .select_from(Member)
            .join(Conversation, col(Conversation.id) == col(Member.conversation_id))
            .where(col(Member.read_seq) != col(Conversation.last_seq))
        )
        async with database.reading() as session:
            if count := (await session.execute(behind)).scalar_one():
                raise Violation(f"{count} readers have a mark that was acked and is not stored")


@dataclass
class Readers(Traffic):
    """The sockets of a room, each of which marks every message of the others within `within_s`."""

    ledger: Ledger = field(default_factory=ReadLedger)
    within_s: float | None = None
    acks: list[float] = field(default_factory=list)
    marks: list[float] = field(default_factory=list)
    frames: int = 0
    _marked: int = 0
    _marking: dict[str, float] = field(default_factory=dict)
    _all_marked: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Start without a mark under way."""
        super().__post_init__()
        self._all_marked.set()

    async def offer(self, rate: float, seconds: float, *pids: int) -> Outcome:
        """Send at `rate` for `seconds`."""
        self.acks, self.marks, self.frames = [], [], 0
        return await super().offer(rate, seconds, *pids)

    async def _settle(self) -> None:
        await super()._settle()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_marked.wait(), SETTLE_S)
        if self._marking:
            raise Violation(f"{len(self._marking)} read marks were never acked")

    def _take(self, device: int, text: bytes) -> None:
        self.frames += 1
        super()._take(device, text)

    def _take_frame(self, device: int, frame: Frame) -> None:
        if frame.type == "ack" and frame.message is None:
            self.marks.append((time.perf_counter() - self._marking.pop(frame.id)) * 1000)
            if not self._marking:
                self._all_marked.set()
        super()._take_frame(device, frame)
        if frame.type == "message.created" and frame.message is not None:
            self._mark_soon(device, frame.message, self.within_s)

    def _arrive(self, number: int, kind: str) -> None:
        if kind == "ack":
            self.acks.append((time.perf_counter() - self.due[number]) * 1000)
        super()._arrive(number, kind)

    def _mark_soon(self, device: int, message: MessageSeen, within_s: float | None) -> None:
        if within_s is None:
            return
        self._marked += 1
        mark_id = f"mark-{self._marked}"
        self._marking[mark_id] = 0
        self._all_marked.clear()
        mark = partial(self._mark, device, message, mark_id)
        if within_s:
            later_s = random.uniform(0, within_s)  # noqa: S311  # a moment, not a secret
            asyncio.get_running_loop().call_later(later_s, mark)
        else:
            mark()

    def _mark(self, device: int, message: MessageSeen, mark_id: str) -> None:
        self._marking[mark_id] = time.perf_counter()
        room = f'"conversation_id":"{message.conversation_id}"'
        frame = f'{{"type":"read",{room},"seq":{message.seq},"id":"{mark_id}"}}'
        self.wires[device].send(frame.encode())


async def measure(plan: Plan) -> list[Figures]:
    """Run *marks*: a room whose readers mark nothing, each message at once, or a little later."""
    figures = Figures(
        "marks", f"{READERS} readers of a room, {RATE} msg/s in, each marks each, {plan.durability}"
    )
    async with rooms_of(plan, READERS, READERS, Readers) as (traffic, pids):
        await traffic.offer(RATE / 2, plan.warm_up, *pids)
        for _ in range(plan.runs):
            for name, within_s in TURNS:
                traffic.within_s = within_s
                outcome = await traffic.offer(RATE, plan.seconds, *pids)
                figures.add_times(f"{name}: ack of a message, ", traffic.acks, most_p99=ACK_MS)
                if traffic.marks:
                    figures.add_times(f"{name}: ack of a mark, ", traffic.marks, most_p99=ACK_MS)
                figures.add(f"{name}: frames out a second", traffic.frames / plan.seconds)
                figures.add(f"{name}: server, share of a core", outcome.server_share)
    return [figures]
