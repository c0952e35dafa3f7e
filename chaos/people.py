"""People who talk: two devices each, through a bad network, with the client of the documents."""

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import UUID

from chaos.ledger import Json, Ledger, Sent
from chaos.proxy import Link, Network
from chaos.stage import PASSWORD
from docs.client import TEMPORARY, TIMEOUT_S, Client, Refused

DEVICES = ("phone", "laptop")
TO_THE_ROOM = 0.2
TO_THE_CLUB = 0.2
AGAIN_S = 0.3
# Sends that wait for their answers; beyond it people fall silent until some have come. While a
# chat is away they go on writing, as long as a restart takes.
MOST_UNDER_WAY, MOST_UNDER_WAY_S = 1_000, 10
REPEAT_WITHIN_S = 2.0
WORDS = ("hello", "привет", "你好", "سلام", "🙂", "<b>bold</b>", 'a "quote"', "line\nbreak")


@dataclass(frozen=True)
class Device:
    """A device and its user."""

    name: str
    user_id: str
    client: Client


@contextlib.asynccontextmanager
async def devices(
    users: dict[str, str], network: Network, ledger: Ledger
) -> AsyncIterator[list[Device]]:
    """Create every user's devices, which reconnect by themselves."""
    async with contextlib.AsyncExitStack() as stack:
        everybody = []
        for username, user_id in users.items():
            for device in DEVICES:
                name = f"{username}/{device}"
                link = await stack.enter_async_context(Link.open(network))
                receive = partial(ledger.receive, name)
                sign_in = {"username": username, "password": PASSWORD}
                client = Client(link.url, sign_in, on_message=receive)
                everybody.append(Device(name, user_id, client))
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(device.client.run()) for device in everybody]
            try:
                yield everybody
            finally:
                for task in running:
                    task.cancel()


class Club:
    """A group from which its owner removes others, and adds them again."""

    def __init__(self, devices: Sequence[Device], club: str, network: Network) -> None:
        self.id = club
        # The users who may not be in it.
        self.absent: set[str] = set()
        self._owner = devices[0]
        self._others = sorted({one.user_id for one in devices} - {self._owner.user_id})
        self._network = network

    @contextlib.asynccontextmanager
    async def changing(self, every_s: float) -> AsyncIterator[None]:
        """Remove somebody about so often inside, and add them again."""
        ending = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._change(every_s, ending))
            yield
            # A request under way is waited for: a cancelled removal would arrive after `add_all`.
            ending.set()

    async def add_all(self) -> None:
        """Add all who may be out."""
        for user_id in sorted(self.absent):
            await self._add(user_id)

    async def _change(self, every_s: float, ending: asyncio.Event) -> None:
        dice = self._network.dice
        while not await _within(dice.uniform(0.5, 1.5) * every_s, ending):
            user_id = dice.choice(self._others)
            self.absent.add(user_id)
            await self._until_answered(f"/members/{user_id}", None, "DELETE")
            self._network.did["removed from a group"] += 1
            await _within(dice.uniform(0, 2) * every_s, ending)
            await self._add(user_id)
            self._network.did["added to a group"] += 1

    async def _add(self, user_id: str) -> None:
        await self._until_answered("/members", {"user_ids": [user_id]}, "POST")
        self.absent.discard(user_id)

    async def _until_answered(self, path: str, body: Json | None, method: str) -> None:
        client = self._owner.client
        while True:
            try:
                if not client.token:
                    await client.call("/api/auth/me")
                await asyncio.to_thread(self._request, path, body, method)
            except HTTPError as error:
                if error.code == HTTPStatus.NOT_FOUND:
                    # Done before, by a request whose answer was lost.
                    return
                if error.code == HTTPStatus.UNAUTHORIZED:
                    client.token = ""
                elif error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
            except TEMPORARY:
                pass
            else:
                return
            await asyncio.sleep(AGAIN_S)

    def _request(self, path: str, body: Json | None, method: str) -> None:
        client = self._owner.client
        headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        url = f"{client.url}/api/conversations/{self.id}{path}"
        request = Request(url, data, headers, method=method)  # noqa: S310  # the chat's address
        with urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310  # the same
            reply.read()


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for so long; return whether an event has come meanwhile, and no later."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


class Talk:
    """Messages at a common rate, each from a random device to another user or to a group."""

    def __init__(
        self,
        devices: Sequence[Device],
        room: str,
        club: Club,
        ledger: Ledger,
        network: Network,
    ) -> None:
        self._club = club
        self._devices = devices
        self._users = sorted({device.user_id for device in devices})
        self._room = room
        self._ledger = ledger
        self._network = network
        self._dice = network.dice
        self._busy: dict[tuple[str, str], int] = {}  # sends under way, by device and address
        self._under_way: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count()

    async def talk(self, rate: float, seconds: float) -> None:
        """Start sending a message at every tick; answers may be pending at the end."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        begun = 0
        most = max(MOST_UNDER_WAY, rate * MOST_UNDER_WAY_S)
        while (due := start + begun / rate) < start + seconds:
            await asyncio.sleep(due - loop.time())
            if len(self._under_way) < most:
                task = loop.create_task(self._send(next(self._numbers)))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            begun += 1

    async def answered(self) -> None:
        """Wait until every sent message is answered."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    async def hush(self) -> None:
        """Cancel the sends that have no answer yet."""
        waiting = list(self._under_way)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def _send(self, number: int) -> None:
        dice = self._dice
        device = dice.choice(self._devices)
        address = self._address(device)
        client_id = str(UUID(int=dice.getrandbits(128), version=4))
        content = f"{number} {' '.join(dice.choices(WORDS, k=dice.randint(1, 20)))}"
        lane = device.name, str(address)
        self._ledger.send(client_id, Sent(*lane, content))
        is_alone = not self._busy.get(lane)
        self._busy[lane] = self._busy.get(lane, 0) + 1
        repeated = dice.random() < self._network.weather.duplicate
        body = {"client_id": client_id, "content": content, **address}
        try:
            async with asyncio.TaskGroup() as group:
                if repeated and is_alone:
                    # Where others wait their turn before it, it would overtake them.
                    group.create_task(self._send_again(device, body))
                answer = await device.client.send(content, client_id=client_id, **address)
                self._ledger.answer(client_id, answer)
        except* Refused as refusals:
            reason = str(refusals.exceptions[0])
            if self._club.id in lane[1] and reason.startswith("not_found"):
                self._ledger.refuse_outside(client_id)
            else:
                self._ledger.refused.append(reason)
        finally:
            self._busy[lane] -= 1
        if repeated:
            await asyncio.sleep(dice.uniform(0, REPEAT_WITHIN_S))
            await self._send_again(device, body)

    async def _send_again(self, device: Device, body: Json) -> None:
        """Post the same message again from any device of its user, and ignore the answer."""
        own = [other for other in self._devices if other.user_id == device.user_id]
        other = self._dice.choice(own)
        self._network.did["messages posted again"] += 1
        with contextlib.suppress(*TEMPORARY):
            again = await other.client.call("/api/messages", body)
            self._ledger.answer(body["client_id"], again)

    def _address(self, device: Device) -> dict[str, str]:
        if self._dice.random() < TO_THE_ROOM:
            return {"conversation_id": self._room}
        if self._dice.random() < TO_THE_CLUB and device.user_id not in self._club.absent:
            return {"conversation_id": self._club.id}
        others = [user for user in self._users if user != device.user_id]
        return {"receiver_id": self._dice.choice(others)}


def dice_of(seed: int) -> random.Random:
    """Return the random generator of a run; clients draw their pauses from the standard one."""
    random.seed(seed)
    return random.Random(seed)
