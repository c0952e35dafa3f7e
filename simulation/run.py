"""A run: play a plan on the virtual clock, let the faults end, and see that all arrives."""

import asyncio
import contextlib
import gc
import logging
import random
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Any, NamedTuple
from unittest import mock
from uuid import UUID

import structlog

from chat_app.api import resume
from chat_app.change_log import tail
from chat_app.change_log.store import MESSAGES, PUBLISHED, VIEW
from chat_app.core.clock import utc_now
from chat_app.core.ids import pair_key
from chat_app.messages import replay
from chat_app.messages.log import writer
from chat_app.node.node import Node
from chat_app.realtime import outlet
from simulation import plan as plans
from simulation.bus import Bus, BusWeather
from simulation.clock import NothingLeft, Process, VirtualLoop, virtual_time
from simulation.database import Weather
from simulation.devices import Device
from simulation.groups import modelled_groups
from simulation.history import History, Told
from simulation.nodes import SimulatedNode, Surroundings
from simulation.plan import Plan, Step
from simulation.statements import NEW_MEMBER, OF_GROUPS
from simulation.tables import Row, Tables
from tests.harness.groups import add_group

# So long after the last fault every device is connected again and every send is answered: a commit
# may take 8 s, a device waits 12 s before it tries elsewhere.
SETTLED_S = 45.0
# The promise of the contract, and the latencies of the simulation.
DELIVERED_S = 2.0 + 0.5
# After an interruption the tail waits for an answer (3 s) and pauses (2 s).
RECOVERED_S = 6.0
# A node notices within a second that a link has ended.
NOTICED_S = 1.5
CHECK_S = 0.1
# As in the chat, half of the time that entries are kept.
MAX_UNREAD_S = plans.EXPIRES_S / 2
NAMES = ("ada", "ben", "cyd", "dan")
MODULES = {"outlet": outlet, "tail": tail, "replay": replay, "resume": resume, "writer": writer}


class Run(NamedTuple):
    """What is left of a run."""

    plan: Plan
    history: History
    tables: Tables
    ended_at: float


def run(plan: Plan) -> Run:
    """Play a plan and return its history."""
    loop = VirtualLoop()
    # Which garbage is found when is not decided by the seed.
    was_enabled = gc.isenabled()
    gc.disable()
    # Nor is looked for in what was there before, of which there is much.
    gc.freeze()
    try:
        with virtual_time(loop, plan.seed), _small(plan.limits), _captured_logs() as errors:
            world = World(loop, plan)
            asyncio.set_event_loop(loop)
            try:
                loop.run_until_complete(world.play())
            except NothingLeft as reason:
                world.history.trouble.append(f"nothing was left to happen {reason}")
            world.history.trouble += [*errors, *loop.errors]
            return Run(plan, world.history, world.tables, loop.time())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
        gc.collect()
        gc.unfreeze()
        if was_enabled:
            gc.enable()


class World:
    """The nodes, devices and faults of a run."""

    def __init__(self, loop: VirtualLoop, plan: Plan) -> None:
        self.loop = loop
        self.plan = plan
        self.seed = plan.seed
        self.history = History()
        ids = [UUID(int=number + 1) for number in range(len(plan.devices))]
        people = dict(zip(ids, NAMES, strict=False))
        self.tables = Tables(loop, plan.dialect, people)
        self.weather, self.bus_weather = Weather(), BusWeather()
        self.bus = Bus(loop, self.bus_weather)
        around = Surroundings(
            loop, self.tables, self.weather, self.bus, plan.seed, people, self._reset_links
        )
        self.nodes = [SimulatedNode(f"node{one + 1}", around) for one in range(plan.nodes)]
        self.devices = [
            Device(self, f"{people[user_id]}/{number + 1}", user_id)
            for user_id, count in zip(ids, plan.devices, strict=True)
            for number in range(count)
        ]
        self.history.owners = {one.name: one.user_id for one in self.devices}
        self.changing: set[UUID] = set()
        self._ids = ids
        self._sent = 0
        self._dice = random.Random(f"world {plan.seed}")
        self._add_conversations()

    def tell(self, who: str, text: str) -> None:
        """Add to the story."""
        self.history.story.append(Told(self.loop.time(), who, text))

    async def play(self) -> None:
        """Play the steps, let the faults end, and wait until all is delivered."""
        for node in self.nodes:
            node.start()
        for device in self.devices:
            self._later(device.random.random() * 0.5, device.connect)
        for step in self.plan.steps:
            self._later(step.at, self._do, step)
        await asyncio.sleep(self.plan.ends_at)
        self._heal()
        healed_at = self.loop.time()
        await self._until(lambda: all(one.is_settled for one in self.devices), SETTLED_S)
        for device in self.devices:
            if not device.is_settled:
                self.history.trouble.append(f"{device.name} is not settled: {_state(device)}")
        await self._until(self._is_complete, self._bound(healed_at))
        self._probe()
        await self._until(lambda: all(one.is_settled for one in self.devices), SETTLED_S)
        await self._until(self._is_complete, self._bound(healed_at))
        await self._until(lambda: self._leaked() == 0, NOTICED_S)
        if leaked := self._leaked():
            self.history.trouble.append(f"outlets without a device: {leaked}")
        self.history.kept = {one.name: set(one.conversations) for one in self.devices}
        await self._end()

    def _leaked(self) -> int:
        """Return the number of outlets whose device is gone."""
        connected = sum(device.link is not None for device in self.devices)
        return sum(node.open_outlets for node in self.nodes) - connected

    def _bound(self, healed_at: float) -> float:
        """Return how long deliveries may take from now on."""
        links = [device.link for device in self.devices if device.link is not None]
        # What is under way to a slow reader arrives first.
        arrived_at = max((link.last_arrival for link in links), default=0.0)
        begins_at = max(healed_at + RECOVERED_S, self.loop.time(), arrived_at)
        return begins_at + DELIVERED_S - self.loop.time()

    async def _until(self, is_done: Callable[[], bool], within_s: float) -> None:
        ends_at = self.loop.time() + within_s
        while not is_done() and self.loop.time() < ends_at:  # noqa: ASYNC110  # time is virtual
            await asyncio.sleep(CHECK_S)

    def _is_complete(self) -> bool:
        return (
            not self.tables.running
            and all(
                device.seen.get(identifier, 0) >= row["rev"]
                for identifier, row in self.tables.messages.items()
                for device in self.devices
                if self._may_read(device.user_id, row)
            )
            and not any(self._left_over(device) for device in self.devices)
        )

    def _may_read(self, user_id: UUID, row: Row) -> bool:
        member = self.tables.members[row["conversation_id"]].get(user_id)
        return member is not None and bool(row["seq"] >= member["since_seq"])

    def _left_over(self, device: Device) -> set[UUID]:
        """Return the conversations of a device that its user is in no more."""
        members = self.tables.members
        return {one for one in device.conversations if device.user_id not in members[one]}

    def _probe(self) -> None:
        """Let one device of each node send once more: every writer and every tail still works."""
        seen = set()
        for device in self.devices:
            node = None if device.link is None else device.link.node.name
            if node not in seen:
                seen.add(node)
                self._send(device, 0)

    def _heal(self) -> None:
        """End every fault but those of the bus, which carries hints only."""
        self.tell("world", "all faults end")
        self.weather.calm()
        self.bus.resume()
        for node in self.nodes:
            node.process.proceed(self.loop)
            node.start()
        for device in self.devices:
            if device.link is not None:
                device.link.pace_s = 0.0
                if device.link.is_half_open:
                    device.link.cut()

    async def _end(self) -> None:
        """Cancel what is left, so that nothing of it outlives the loop."""
        for node in self.nodes:
            for process in node.processes:
                process.bury(self.loop)
        left = {one for one in asyncio.all_tasks() if one is not asyncio.current_task()}
        for _ in range(20):
            for task in left:
                task.cancel()
            if not left:
                return
            _, left = await asyncio.wait(left, timeout=0.5)

    def _later(self, delay_s: float, call: Callable[..., object], *values: object) -> None:
        self.loop.call_later(delay_s, call, *values, context=Context())

    def _do(self, step: Step) -> None:
        self.tell("step", str(step))
        if step.what in {plans.SEND, plans.GREET, plans.EDIT, plans.DELETE, plans.GROUP}:
            self._act(step, self.devices[step.who % len(self.devices)])
        elif step.what in plans.OF_MEMBERS:
            self._move(step)
        elif step.what in {plans.CUT, plans.HALF_OPEN, plans.SLOW_READER}:
            self._break_link(step, self.devices[step.who % len(self.devices)])
        elif step.what in {plans.CRASH, plans.RESTART, plans.STOP, plans.CLOCK}:
            self._break_node(step, self.nodes[step.who % len(self.nodes)])
        elif step.what in {plans.DEAF, plans.DOUBLED, plans.LATE, plans.STALL}:
            self._break_bus(step)
        elif step.what in {plans.FOREIGN, plans.UNREADABLE, plans.EXPIRE}:
            self._touch_log(step)
        else:
            self._break_database(step)

    def _act(self, step: Step, device: Device) -> None:
        number = int(step.amount)
        if step.what == plans.SEND:
            self._send(device, number)
        elif step.what == plans.GREET:
            others = [one for one in self._ids if one != device.user_id]
            device.send(self._text(), to=None, receiver_id=others[number % len(others)])
        elif step.what == plans.GROUP:
            members = [one for place, one in enumerate(self._ids) if number >> place & 1]
            actor = device.user_id

            async def create(node: Node) -> None:
                group_id = await add_group(
                    node, actor_id=actor, title="a group", member_ids=members
                )
                # Another node may not have read of it yet.
                device.conversations[group_id] = None
                device.send(self._text(), to=group_id)

            device.request("make a group", create)
        elif device.own:
            self._change(device, device.own[number % len(device.own)], step.what)

    def _move(self, step: Step) -> None:
        """Let somebody leave a group, or its owner remove or add them."""
        group_id = UUID(int=1000 + step.who)
        owner_id = self._ids[self.plan.groups[step.who][0]]
        user_id = self._ids[int(step.amount) % len(self._ids)]
        actor_id = user_id if step.what == plans.LEAVE else owner_id
        device = next(one for one in self.devices if one.user_id == actor_id)

        async def leave(node: Node) -> None:
            await node.groups.remove_member(
                actor_id=actor_id, conversation_id=group_id, user_id=user_id
            )

        async def add(node: Node) -> None:
            await node.groups.add_members(
                actor_id=owner_id, conversation_id=group_id, user_ids=[user_id]
            )

        device.request(step.what, add if step.what == plans.ADD else leave)

    def _send(self, device: Device, number: int) -> None:
        known = list(device.conversations)
        if known:
            device.send(self._text(), to=known[-1 if number == 99 else number % len(known)])  # noqa: PLR2004  # the newest

    def _change(self, device: Device, message_id: UUID, what: str) -> None:
        content, actor = self._text(), device.user_id

        async def edit(node: Node) -> object:
            return await node.messages.edit(actor_id=actor, message_id=message_id, content=content)

        async def delete(node: Node) -> object:
            return await node.messages.delete(actor_id=actor, message_id=message_id)

        device.request(what, edit if what == plans.EDIT else delete)

    def _break_link(self, step: Step, device: Device) -> None:
        link = device.link
        if link is None:
            return
        if step.what == plans.CUT:
            link.cut()
        elif step.what == plans.HALF_OPEN:
            link.is_half_open = True
            self._later(step.for_s, link.cut)
        else:
            link.pace_s = step.amount
            self._later(step.for_s, setattr, link, "pace_s", 0.0)

    def _break_node(self, step: Step, node: SimulatedNode) -> None:
        if step.what == plans.CLOCK:
            node.process.shift(step.amount)
        elif step.what == plans.STOP:
            node.process.stop()
            self._later(step.for_s, node.process.proceed, self.loop)
        else:
            node.process.proceed(self.loop)
            if step.what == plans.CRASH:
                node.kill()
            else:
                node.close()
            self._later(step.for_s, node.start)

    def _reset_links(self, process: Process) -> None:
        for device in self.devices:
            if device.link is not None and device.link.process is process:
                device.link.reset()

    def _break_bus(self, step: Step) -> None:
        weather = self.bus_weather
        if step.what == plans.STALL:
            weather.is_stalled = True
            self._later(step.for_s, self.bus.resume)
            return
        name = {
            plans.DEAF: "lost_share",
            plans.DOUBLED: "doubled_share",
            plans.LATE: "late_s",
        }[step.what]
        self._for_a_while(weather, name, step.amount, step.for_s)

    def _break_database(self, step: Step) -> None:
        weather, keep = self.weather, self._for_a_while
        if step.what in {plans.AWAY, plans.SILENT}:
            keep(weather, "is_away", True, step.for_s)  # noqa: FBT003  # a value
            weather.is_silent = step.what == plans.SILENT
        elif step.what == plans.SLOW:
            keep(weather, "slow_share", 0.5, step.for_s)
            weather.slow_s = step.amount
        else:
            name = {
                plans.ROLLBACK: "rollback_share",
                plans.LOST_ANSWERS: "lost_answer_share",
                plans.OVERTAKEN: "overtaken_share",
                plans.FAR: "latency_s",
                plans.FLAKY: "failed_share",
            }[step.what]
            keep(weather, name, step.amount, step.for_s)

    def _touch_log(self, step: Step) -> None:
        tables = self.tables
        if step.what == plans.EXPIRE:
            # No commit takes as long as the entries are kept.
            newest, before = tables.newest(), self.loop.time() - plans.EXPIRES_S
            tables.log = [
                row for row in tables.log if row.position == newest or row.committed_at > before
            ]
            return
        transaction = tables.begin("another version")
        known = (MESSAGES, MESSAGES, VIEW, PUBLISHED)
        kind = known[step.who % 4] if step.what == plans.UNREADABLE else "a later kind"
        transaction.append(kind, b"\xc1", None, utc_now())
        transaction.commit()

    def _for_a_while(self, of: object, name: str, value: object, for_s: float) -> None:
        normal = getattr(type(of)(), name)
        setattr(of, name, value)
        self._later(for_s, setattr, of, name, normal)

    def _text(self) -> str:
        self._sent += 1
        return f"text {self._sent}"

    def _add_conversations(self) -> None:
        """Add the conversations that exist at the start, and their members' rows."""
        transaction = self.tables.begin("world")
        both: list[tuple[str, tuple[int, ...]]] = [
            *(("group", members) for members in self.plan.groups),
            *(("direct", pair) for pair in self.plan.pairs),
        ]
        with_ids = [(kind, [self._ids[one] for one in members]) for kind, members in both]
        histories = (*self.plan.histories, *("all" for _ in self.plan.pairs))
        now = utc_now()
        for number, (kind, members) in enumerate(with_ids):
            identifier = UUID(int=1000 + number)
            transaction.set_conversation(
                identifier,
                id=identifier,
                kind=kind,
                title="",
                direct_key=pair_key(*members) if kind == "direct" else None,
                members_count=len(members),
                **OF_GROUPS | {"history": histories[number]},
                last_seq=0,
                last_rev=0,
                updated_at=now,
                changed_at=now,
            )
            for place, user_id in enumerate(members):
                is_owner = kind == "group" and place == 0
                role = "owner" if is_owner else "member"
                transaction.set_member(identifier, user_id, **NEW_MEMBER | {"role": role})
            if kind == "group" and self.plan.are_moving:
                self.changing.add(identifier)
            for device in self.devices:
                if device.user_id in members:
                    device.conversations[identifier] = None
        transaction.commit()


def _state(device: Device) -> str:
    link = device.link
    return (
        f"link {link and link.node.name}, ready {link and link.is_ready}, "
        f"resumed {device.is_resumed}, unanswered {[*device.outbox]}, requests {device.requests}"
    )


@contextlib.contextmanager
def _small(limits: dict[str, int]) -> Iterator[None]:
    """Make some limits of the chat small meanwhile."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(tail, "MAX_UNREAD_S", MAX_UNREAD_S))
        stack.enter_context(modelled_groups())
        for name, value in limits.items():
            module, attribute = name.split(".")
            stack.enter_context(mock.patch.object(MODULES[module], attribute, value))
        yield


@contextlib.contextmanager
def _captured_logs() -> Iterator[list[str]]:
    """Keep the errors that the chat logs: none is expected."""
    errors: list[str] = []

    def keep(_logger: object, _method: str, event: Any) -> Any:  # noqa: ANN401  # of structlog
        trace = event.pop("exception", "").splitlines()[-6:]
        errors.append("\n".join([f"the chat logs {event}", *trace]))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, keep],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        cache_logger_on_first_use=False,
    )
    try:
        yield errors
    finally:
        structlog.configure(**before)
