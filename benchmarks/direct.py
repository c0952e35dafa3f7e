"""Direct messages in a closed loop, and the bare relay's floor, turn by turn in one run."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks import stage
from benchmarks.figures import Figures, at_least, at_most, percentile
from benchmarks.ledger import Ledger, Violation
from benchmarks.machine import Usage
from benchmarks.sockets import Frame, frames_in, open_all
from benchmarks.stage import Person
from benchmarks.wire import Wire
from benchmarks.workload import Plan
from chat_app.node.node import running_node

PAIRS = 50
TEXT = "x" * 100
PATIENCE_S = 60
# The first message introduces its conversation and its writers; receipts follow. Told apart without
# decoding, for the client is not what is measured.
ASIDE = (b'{"type":"conversation.', b'{"type":"presence"')


@dataclass
class Loop:
    """One pair's endless exchange: the next message leaves when the last one is through."""

    number: int
    sender: Wire
    receiver: Wire
    frame: bytes  # up to the message's number, which completes it
    ledger: Ledger | None
    awaited: int  # frames that complete one message
    took: list[float] = field(default_factory=list)
    sent: int = 0
    _open: int = 0
    _started: float = 0.0
    _stopping: bool = False
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self) -> None:
        """Send the first message."""
        self._stopping = False
        self._idle.clear()
        self.sender.on_text = self._acked
        self.receiver.on_text = self._delivered
        self._next()

    async def stop(self) -> None:
        """Let the message that is under way arrive, and send no more."""
        self._stopping = True
        async with asyncio.timeout(PATIENCE_S):
            await self._idle.wait()

    def _next(self) -> None:
        self.sent += 1
        self._open = self.awaited
        self._started = time.perf_counter()
        self.sender.send(self.frame + b'%d"}' % self.sent)

    def _acked(self, text: bytes) -> None:
        self._got(text, "ack", 2 * self.number)

    def _delivered(self, text: bytes) -> None:
        self._got(text, "message.created", 2 * self.number + 1)

    def _got(self, text: bytes, kind: str, device: int) -> None:
        if self.ledger is None or self._is_news(self.ledger, text, kind, device):
            self._part_done()

    def _is_news(self, ledger: Ledger, text: bytes, kind: str, device: int) -> bool:
        if text.startswith(ASIDE):
            return False
        completed = [self._completes(ledger, frame, kind, device) for frame in frames_in(text)]
        return any(completed)

    def _completes(self, ledger: Ledger, frame: Frame, kind: str, device: int) -> bool:
        message = frame.message
        if message is None:
            if frame.type == "error":
                raise Violation(f"{frame.code} instead of {kind} of {self.sent}")
            return False
        if frame.type == "ack":
            ledger.ack(device, message.conversation_id, message.seq)
        elif kind == "ack":
            # The log has told everybody before the ack was on its way: allowed, and seldom.
            ledger.doubled += 1
            return False
        elif not ledger.see(device, message.conversation_id, message.seq):
            return False
        if message.client_id != str(self.sent):
            raise Violation(f"expected {kind} of {self.sent}, got {message}")
        return True

    def _part_done(self) -> None:
        self._open -= 1
        if self._open:
            return
        self.took.append(time.perf_counter() - self._started)
        if self._stopping:
            self._idle.set()
        else:
            self._next()


class Measured(NamedTuple):
    """What one turn gave."""

    per_second: float
    p50_ms: float
    p99_ms: float
    client_share: float
    server_share: float
    cpu_us: float  # the server's CPU time a message: what a busy machine changes least


async def measure(plan: Plan) -> list[Figures]:
    """Run *direct* and *floor* turn by turn."""
    figures = Figures(
        "direct",
        f"{PAIRS} pairs, closed loop, {len(TEXT)} bytes, fan-out 1 + ack, {plan.durability}",
    )
    with stage.storage(*plan.addresses) as storage, stage.relay_server(storage.folder) as relay:
        async with running_node(storage.settings()) as node:
            people = await stage.add_people(node, 2 * PAIRS)
        ledger = Ledger()
        with stage.chat_servers(storage, plan.nodes) as nodes:
            pids = [node.server.process.pid for node in nodes]
            chats = await chat_loops([node.url for node in nodes], people, ledger)
            floors = {
                mode: await _relay_loops(relay.url, mode, people) for mode in ("acked", "forward")
            }
            await run_loops(chats, plan.warm_up, *pids)
            for _ in range(plan.runs):
                own = await run_loops(chats, plan.seconds, *pids)
                acked = await run_loops(floors["acked"], plan.seconds / 2, relay.pid)
                forward = await run_loops(floors["forward"], plan.seconds / 2, relay.pid)
                _note(figures, own, acked, forward)
        async with running_node(storage.settings()) as node:
            await ledger.compare(node.database)
    figures.add("deliveries that came twice", ledger.doubled)
    return [figures]


def _note(figures: Figures, own: Measured, acked: Measured, forward: Measured) -> None:
    figures.add("stored, acked and delivered, msg/s", own.per_second)
    figures.add("p50, ms", own.p50_ms)
    figures.add("p99, ms", own.p99_ms, at_most(20))
    figures.add("floor with acks, msg/s", acked.per_second)
    figures.add("floor with acks, p99, ms", acked.p99_ms)
    figures.add("floor without acks, msg/s", forward.per_second)
    figures.add("direct / floor with acks", own.per_second / acked.per_second, at_least(0.2))
    figures.add("direct / floor without acks", own.per_second / forward.per_second)
    figures.add("server CPU, µs a message", own.cpu_us)
    figures.add("server CPU at the floor with acks, µs a message", acked.cpu_us)
    figures.add("floor with acks / direct, in CPU time", acked.cpu_us / own.cpu_us)
    figures.add("server, share of its core", own.server_share)
    figures.add("load client, share of its core", own.client_share)
    figures.add("load client at the floor, share of its core", acked.client_share)


async def chat_loops(
    urls: Sequence[str], people: list[Person], ledger: Ledger, *, first_pair: int = 0
) -> list[Loop]:
    """Open a socket for each, spread so that half of the pairs are on two nodes."""
    theirs = [urls[_node_of(device) % len(urls)] for device in range(len(people))]
    wires = await open_all(theirs, people)
    loops = []
    for number in range(PAIRS):
        to = people[2 * number + 1].id
        frame = f'{{"type":"message","receiver_id":"{to}","content":"{TEXT}","id":"'
        sender, receiver = wires[2 * number : 2 * number + 2]
        loops.append(Loop(first_pair + number, sender, receiver, frame.encode(), ledger, awaited=2))
    return loops


async def _relay_loops(url: str, mode: str, people: list[Person]) -> list[Loop]:
    loops = []
    for number in range(PAIRS):
        address = f"{url}/?pair={mode}{number}&mode={mode}"
        sender, receiver = await Wire.open(address), await Wire.open(address)
        frame = f'{{"type":"message","receiver_id":"{people[0].id}","content":"{TEXT}","id":"'
        awaited = 2 if mode == "acked" else 1
        loops.append(Loop(number, sender, receiver, frame.encode(), None, awaited))
    return loops


def _node_of(device: int) -> int:
    pair = device // 2
    return pair // 2 if device % 2 else pair


async def run_loops(loops: list[Loop], seconds: float, *pids: int) -> Measured:
    """Keep every pair busy for a while; `pids` are the servers."""
    for loop in loops:
        loop.took.clear()
    usage = Usage(*pids)
    started = time.perf_counter()
    for loop in loops:
        loop.start()
    await asyncio.sleep(seconds)
    lasted = time.perf_counter() - started
    done = sum(len(loop.took) for loop in loops)
    took = [second * 1000 for loop in loops for second in loop.took]
    client, server = usage.client_share(), usage.server_share()
    cpu_us = usage.server_seconds() / max(done, 1) * 1e6
    await asyncio.gather(*(loop.stop() for loop in loops))
    return Measured(
        done / lasted, percentile(took, 50), percentile(took, 99), client, server, cpu_us
    )
