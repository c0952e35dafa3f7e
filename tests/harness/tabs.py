"""A browser tab as the server sees it: raw Engine.IO, so that a test can also misbehave."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from tests.harness.clients import PATIENCE_S, Json
from tests.harness.processor import within
from tests.harness.texts import shown

ROOT_STATE = "reflex___state____state"
HYDRATED = "is_hydrated_rx_state_"
HYDRATE = f"{ROOT_STATE}.hydrate_and_load"
PING = "2"
PONG = "3"
MESSAGE = "42/_event,"


def state_name(module: str, name: str) -> str:
    """Return the name of a state on the wire: `state_name("session", "session_state")`."""
    return f"{ROOT_STATE}.chat_app___ui___{module.replace('.', '___')}____{name}"


CONVERSATIONS = state_name("conversations.state", "conversations_state")
TIMELINE = state_name("messages.state", "timeline_state")
FRIENDS = state_name("friends.state", "friends_state")
SESSION = state_name("session", "session_state")


@dataclass
class KeptList:
    """A list as the page keeps it, simply: its rows by id, and facts."""

    rows: dict[str, Json] = field(default_factory=dict)
    about: Json = field(default_factory=dict)


@dataclass
class Tab:
    """One open tab: what it shows (`vars`, by state), where it was sent, and the raw text."""

    connection: ClientConnection
    url: str
    token: str
    vars: dict[str, Json] = field(default_factory=dict)
    lists: dict[str, KeptList] = field(default_factory=dict)
    redirects: list[str] = field(default_factory=list)
    received: str = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        url: str,
        *,
        cookie: str | None = None,
        token: str | None = None,
        origin: str | None = None,
    ) -> AsyncIterator[Self]:
        """Open the socket of a tab; `origin` "" sends none, the default is the own one."""
        token = token or str(uuid4())
        origin = url if origin is None else origin
        address = url.replace("http", "ws", 1)
        async with connect(
            f"{address}/_event/?EIO=4&transport=websocket&token={token}",
            origin=Origin(origin) if origin else None,
            additional_headers={"Cookie": cookie} if cookie else None,
            compression=None,
            max_size=2**24,
            # Nor does a browser send any.
            ping_interval=None,
            open_timeout=PATIENCE_S,
            proxy=None,
        ) as connection:
            yield cls(connection, url, token)

    async def hydrate(self, path: str = "/") -> None:
        """Connect as a page does: the first event travels with the connect."""
        await self.connection.send(hydration(path))

    async def send(self, name: str, payload: Json | None = None, *, path: str = "/") -> None:
        """Send one event."""
        await self.send_raw(MESSAGE + json.dumps(["event", _event(name, path, payload or {})]))

    async def send_raw(self, frame: str | bytes) -> None:
        """Send a frame as it is."""
        await self.connection.send(frame)

    async def settled(self) -> None:
        """Wait until every event sent so far is handled.

        The events of a tab are handled one after the other, and the hydration of a public page is
        always answered, with two states: first as it is, then loaded. In between a signed-in tab is
        led from the sign-in page to the chat: that redirect is this method's own.
        """
        before = len(self.received)
        await self.send(HYDRATE, path="/login")
        await self.until(lambda: "is_hydrated" in self.received[before:])
        redirects = [*self.redirects]
        await self.until(lambda: f'"{HYDRATED}":true' in self.received[before:])
        self.redirects = redirects

    async def until(self, condition: Callable[[], object], *, seconds: float = PATIENCE_S) -> None:
        """Read frames until `condition` holds, promised within `seconds`."""
        async with within(seconds, patience_s=PATIENCE_S):
            while not condition():
                await self._receive()

    async def close_code(self, *, seconds: float = PATIENCE_S) -> int:
        """Read frames until the server closes the socket, and return its code."""
        async with within(seconds, patience_s=PATIENCE_S):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self._receive()
        code = self.connection.close_code
        assert code is not None
        return code

    def var(self, state: str, name: str) -> Any:  # noqa: ANN401  # whatever the state holds
        """Return what the tab shows of one state, or None."""
        return shown(self.vars.get(state, {}).get(f"{name}_rx_state_"))

    def rows(self, name: str) -> list[Json]:
        """Return the rows of a list, in their order, with told texts in English."""
        rows = self.lists.get(name, KeptList()).rows.values()
        sent: list[Json] = shown(sorted(rows, key=lambda row: row.get("order", 0)))
        return sent

    def fact(self, name: str, fact: str) -> Any:  # noqa: ANN401  # whatever it is
        """Return a fact about a list, or None."""
        return shown(self.lists.get(name, KeptList()).about.get(fact))

    def messages(self, path: str) -> list[Json]:
        """Return the messages of the conversation at `/chat/…`."""
        return self.rows(f"messages:{path.rpartition('/')[2]}")

    def _apply(self, patch: Json) -> None:
        if patch.get("about", {}).get("user_id") == "":
            self.lists.clear()
        kept = self.lists.setdefault(patch["list"], KeptList())
        if patch.get("reset"):
            kept.rows.clear()
        kept.rows |= {row["id"]: row for row in patch.get("put", ())}
        for key in patch.get("drop", ()):
            kept.rows.pop(key, None)
        kept.about |= patch.get("about", {})

    async def _receive(self) -> None:
        frame = await self.connection.recv()
        assert isinstance(frame, str)
        if frame == PING:
            await self.connection.send(PONG)
        if not frame.startswith(MESSAGE):
            return
        self.received += frame
        kind, update = json.loads(frame.removeprefix(MESSAGE))
        if kind == "patch":
            for patch in update:
                self._apply(patch)
        if kind != "event":
            return
        for state, values in (update.get("delta") or {}).items():
            self.vars.setdefault(state, {}).update(values)
        self.redirects += [
            event["payload"]["path"]
            for event in update.get("events") or ()
            if event["name"] == "_redirect"
        ]


def hydration(path: str, **router_data: object) -> str:
    """Return the frame that connects a tab at `path` with its first event."""
    event = _event(HYDRATE, path, {}, **router_data)
    return f"40/_event,{json.dumps({'event': event})}"


def _event(name: str, path: str, payload: Json, **router_data: object) -> Json:
    router_data = {"pathname": path, "asPath": path, **router_data}
    return {"name": name, "payload": payload, "router_data": router_data}
