"""Patches on their way to a page: at once where nothing waits before them, else in their turn."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
import reflex as rx

from chat_app.realtime.outlet import WRITE_AT_ONCE
from chat_app.ui.reflex.patches import Link, PacketQueue
from tests.harness.clients import PATIENCE_S

PATCH = '{"list":"rows"}'
FRAME = f'2/_event,["patch",[{PATCH}]]'
WRITTEN = f"written 4{FRAME}"


class Engine:
    """An Engine.IO socket whose writer sends only while it may, over a server of ours."""

    def __init__(self) -> None:
        self.queue = PacketQueue()
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.is_writable = True
        self.sent: list[str] = []

    async def send(self, packet: Any) -> None:  # noqa: ANN401  # Engine.IO's packet
        await self.queue.put(packet)

    def write_at_once(self, body: bytes, *, is_text: bool) -> bool:
        assert is_text
        if self.is_writable:
            self.sent.append(f"written {body.decode()}")
        return self.is_writable

    async def run(self) -> None:
        """Send what is queued, as Engine.IO's writer does."""
        while True:
            packet = await asyncio.wait_for(self.queue.get(), PATIENCE_S)
            await self.may_send.wait()
            self.sent.append(packet.data)

    async def until(self, *sent: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not (self.queue.is_sent and self.sent == list(sent)):
                await asyncio.sleep(0)


class World:
    """A tab with the token `token`, its link and its socket."""

    def __init__(self, extensions: dict[str, object] | None = None) -> None:
        self.engine = Engine()
        if extensions is None:
            extensions = {WRITE_AT_ONCE: self.engine.write_at_once}
        tokens = {"token": SimpleNamespace(sid="sid")}
        sio = SimpleNamespace(
            manager=SimpleNamespace(eio_sid_from_sid=lambda _sid, _namespace: "engine"),
            eio=SimpleNamespace(sockets={"engine": self.engine}),
            environ={"engine": {"asgi.scope": {"extensions": extensions}}},
        )
        namespace = SimpleNamespace(_token_manager=SimpleNamespace(token_to_socket=tokens))
        app = SimpleNamespace(sio=sio, event_namespace=namespace)
        self.link = Link(cast("rx.App", app), "token")


async def test_a_patch_is_written_at_once_while_the_writer_waits() -> None:
    world = World()
    async with asyncio.TaskGroup() as tasks:
        writer = tasks.create_task(world.engine.run())
        await world.engine.until()

        await world.link.send([PATCH])

        assert world.engine.sent == [WRITTEN]
        writer.cancel()


async def test_a_patch_never_overtakes_a_packet() -> None:
    """It waits until the writer has sent what was queued before, which it may hold already."""
    world = World()
    async with asyncio.TaskGroup() as tasks:
        writer = tasks.create_task(world.engine.run())
        await world.engine.until()
        world.engine.may_send.clear()
        await world.engine.send(SimpleNamespace(data="first"))
        while not world.engine.queue.empty():
            assert not world.engine.queue.is_sent
            await asyncio.sleep(0)

        await world.link.send([PATCH])

        assert world.engine.sent == []
        world.engine.may_send.set()
        await world.engine.until("first", FRAME)
        await world.link.send([PATCH])
        assert world.engine.sent == ["first", FRAME, WRITTEN]
        writer.cancel()


@pytest.mark.parametrize("is_offered", [True, False])
async def test_a_patch_that_cannot_be_written_at_once_is_queued(is_offered: bool) -> None:  # noqa: FBT001  # pytest's
    world = World(None if is_offered else {})
    world.engine.is_writable = False
    async with asyncio.TaskGroup() as tasks:
        writer = tasks.create_task(world.engine.run())
        await world.engine.until()

        await world.link.send([PATCH])

        await world.engine.until(FRAME)
        writer.cancel()
