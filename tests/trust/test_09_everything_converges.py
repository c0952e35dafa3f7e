"""Convergence (trust 9): after random actions and faults every device matches storage.

Hypothesis invents the days: three people at two devices each write, edit, delete, read, repeat what
they sent, lose their links and come back, while nodes are killed and restarted. Devices know only
the events they received (tests/harness/views.py). The seed is fixed: a failure repeats, and prints
its day. Here three days. Fifty: `TRUST_DAYS=50 pytest tests/trust/test_09_everything_converges.py`.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.harness.clients import Json, Person, close_kept, register
from tests.harness.two_nodes import Nodes, restart
from tests.harness.views import Device

SEED = 20_261_124
DAYS = int(os.environ.get("TRUST_DAYS", "3"))
DEEDS_A_DAY = 30
PEOPLE = 3
DEVICES = 2
CONVERGED_WITHIN_S = 60
KILLS_A_DAY = 2

people = st.integers(0, PEOPLE - 1)
devices = st.integers(0, PEOPLE * DEVICES - 1)
numbers = st.integers(0, 1_000)


class Day(RuleBasedStateMachine):
    """One day in the life of three people."""

    def __init__(self, nodes: Nodes) -> None:
        super().__init__()
        self.nodes = nodes
        self.runner = asyncio.Runner()
        self.written: list[Json] = []
        self.bodies: list[tuple[Person, Json]] = []
        self.kills = 0
        self.people, self.devices = self.runner.run(self._begin())

    @rule(who=people, others=st.lists(st.integers(1, PEOPLE - 1), min_size=1, max_size=4))
    def write(self, who: int, others: list[int]) -> None:
        """Write to one or several others, all at once."""
        receivers = [self.people[(who + other) % PEOPLE] for other in others]
        bodies: list[Json] = [
            {"receiver_id": one.id, "client_id": str(uuid4()), "content": f"text {number}"}
            for number, one in enumerate(receivers)
        ]
        sender = self.people[who]
        self.bodies += [(sender, body) for body in bodies]
        replies = self._all(*(self._ask(sender, "POST", "/messages", body) for body in bodies))
        assert all(reply.is_success for reply in replies)
        self.written += [reply.json() for reply in replies]

    @precondition(lambda self: self.bodies)
    @rule(which=numbers)
    def repeat(self, which: int) -> None:
        """Send once more what was sent, as one who has seen no answer."""
        sender, body = self.bodies[which % len(self.bodies)]
        (reply,) = self._all(self._ask(sender, "POST", "/messages", body))
        assert reply.status_code == 200
        assert reply.json()["id"] in {message["id"] for message in self.written}

    @precondition(lambda self: self.written)
    @rule(who=people, which=numbers, text=st.sampled_from(["one", "two", "three"]))
    def edit(self, who: int, which: int, text: str) -> None:
        """Edit a message, one's own or not."""
        path = f"/messages/{self.written[which % len(self.written)]['id']}"
        self._all(self._ask(self.people[who], "PATCH", path, {"content": text}))

    @precondition(lambda self: self.written)
    @rule(who=people, which=numbers)
    def delete(self, who: int, which: int) -> None:
        """Delete a message, one's own or not."""
        path = f"/messages/{self.written[which % len(self.written)]['id']}"
        self._all(self._ask(self.people[who], "DELETE", path, None))

    @precondition(lambda self: self.written)
    @rule(who=people, which=numbers)
    def read(self, who: int, which: int) -> None:
        """Read up to a message of one's own conversations, or not of one's own."""
        message = self.written[which % len(self.written)]
        path = f"/conversations/{message['conversation_id']}/read"
        self._all(self._ask(self.people[who], "POST", path, {"seq": message["seq"]}))

    @rule(which=devices)
    def cut(self, which: int) -> None:
        """Break a link."""
        self._all(self._do(self.devices[which].cut))

    @rule(which=devices)
    def come_back(self, which: int) -> None:
        """Mend a link."""
        self._all(self._do(self.devices[which].back))

    @precondition(lambda self: self.kills < KILLS_A_DAY)
    @rule(which=st.integers(0, 1), how=st.sampled_from([signal.SIGKILL, signal.SIGTERM]))
    def restart_node(self, which: int, how: signal.Signals) -> None:
        """Kill a node, or stop it, and start it again."""
        self.kills += 1
        node = self.nodes.all[which % len(self.nodes.all)]
        self._all(restart(node, with_signal=how))

    def teardown(self) -> None:
        """Check at the end of the day that every device shows the same."""
        try:
            self.runner.run(self._converge())
        finally:
            self.runner.run(self._end())
            self.runner.close()

    async def _begin(self) -> tuple[list[Person], list[Device]]:
        people = [await register(self.nodes.near.url) for _ in range(PEOPLE)]
        urls = [node.url for node in self.nodes.all]
        return people, [
            Device(person, *(urls if number % 2 else urls[::-1]))
            for person in people
            for number in range(DEVICES)
        ]

    def _all(self, *deeds: Awaitable[Any]) -> list[Any]:
        async def do_all() -> list[Any]:
            return list(await asyncio.gather(*deeds))

        return self.runner.run(do_all())

    async def _do(self, deed: Callable[[], None]) -> None:
        deed()

    async def _ask(
        self, person: Person, method: str, path: str, body: Json | None
    ) -> httpx.Response:
        """Repeat a request until it is answered; every request here is idempotent."""
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    reply = await person.http.request(method, f"/api{path}", json=body)
                    if reply.status_code != 503:
                        assert reply.status_code < 500, reply.text
                        return reply
                await asyncio.sleep(0.05)

    async def _converge(self) -> None:
        for device in self.devices:
            device.back()
        stored = {person.id: await self._stored(person) for person in self.people}
        for number, device in enumerate(self.devices):
            expected = stored[device.person.id]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CONVERGED_WITHIN_S):
                    while shown(device, expected) != expected or not device.is_whole.is_set():
                        await asyncio.sleep(0.05)
            assert shown(device, expected) == expected, f"device {number}"
            assert device.view.messages.keys() <= expected.keys(), "nothing of others is shown"

    async def _stored(self, person: Person) -> dict[str, list[Json]]:
        listed = await self._ask(person, "GET", "/conversations", None)
        stored = {}
        for one in listed.json()["items"]:
            page = await person.history(one["id"], after=0, limit=100)
            assert not page["has_more"]
            assert [item["seq"] for item in page["items"]] == list(range(1, one["last_seq"] + 1))
            assert max(item["rev"] for item in page["items"]) == one["last_rev"]
            stored[one["id"]] = page["items"]
        return stored

    async def _end(self) -> None:
        for device in self.devices:
            await device.close()
        await close_kept()


def shown(device: Device, conversations: dict[str, list[Json]]) -> dict[str, list[Json]]:
    return {one: device.view.timeline(one) for one in conversations}


@pytest.mark.timeout(400 + 60 * DAYS)
def test_every_device_ends_up_with_what_is_stored(nodes: Nodes) -> None:
    @seed(SEED)
    def day() -> Day:
        return Day(nodes)

    run_state_machine_as_test(
        day,  # type: ignore[arg-type]  # any factory will do
        settings=settings(
            max_examples=DAYS,
            stateful_step_count=DEEDS_A_DAY,
            deadline=None,
            database=None,
            # A day takes a second: a failing one is reported as it is, without shrinking.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert all("Traceback" not in nodes.log(node) for node in nodes.all)
