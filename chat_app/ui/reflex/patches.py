"""Patches of the lists that a page keeps, and the link of a tab that carries them.

A list has a name, keyed rows and facts about the whole. A patch changes it: `put` adds rows or
replaces those with the same `id`, `drop` removes rows by `id`, `reset` removes all others, and the
`about` of the patch is merged into that of the list. Rows are ordered by their `order`; a row never
replaces one with a higher `rev`. `assets/browser/store.js` applies them.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypedDict

import msgspec
import reflex as rx
from engineio.packet import MESSAGE, Packet

from chat_app.realtime.outlet import WRITE_AT_ONCE

EVENT_NAMESPACE = "/_event"

# A patch as JSON, which is encoded once for any number of tabs.
EncodedPatch: TypeAlias = str

_encode = msgspec.json.Encoder().encode


class Patch(TypedDict, total=False):
    """A change of one list; only `list` is required."""

    list: str
    put: Sequence[Mapping[str, Any]]
    drop: Sequence[str]
    reset: bool
    about: Mapping[str, Any]


def encoded(patch: Patch) -> EncodedPatch:
    """Return a patch as JSON."""
    return _encode(patch).decode()


def difference(
    name: str, before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Patch:
    """Return the patch that changes the rows of a list, each under its `id`."""
    patch = Patch(list=name)
    if put := [row for key, row in after.items() if before.get(key) != row]:
        patch["put"] = put
    if drop := [key for key in before if key not in after]:
        patch["drop"] = drop
    return patch


class PacketQueue(asyncio.Queue[Any]):
    """The packets of one socket that wait for Engine.IO's writer."""

    _is_awaited = False

    async def get(self) -> Any:  # noqa: ANN401  # Engine.IO has no types
        """Remove and return the oldest packet; the writer has sent all those before."""
        self._is_awaited = True
        try:
            return await super().get()
        finally:
            self._is_awaited = False

    @property
    def is_sent(self) -> bool:
        """Whether the writer has sent every packet that was put."""
        return self._is_awaited and self.empty()


class _Socket(NamedTuple):
    """A socket of Engine.IO, and the function of our server that writes a frame to it at once."""

    sid: str
    engine: Any
    write: Callable[..., bool] | None

    def write_at_once(self, frame: bytes) -> bool:
        """Write a frame; return False where it must wait for its turn."""
        if self.write is None or not self.engine.queue.is_sent:
            return False
        return self.write(frame, is_text=True)


class Link:
    """The socket of one tab, which Reflex opened."""

    def __init__(self, app: rx.App, token: str) -> None:
        self._app = app
        self._token = token
        self._found: _Socket | None = None

    @property
    def is_open(self) -> bool:
        """Whether the tab is connected."""
        return self._socket() is not None

    @property
    def is_full(self) -> bool:
        """Whether something that was sent still waits for the tab to read."""
        socket = self._socket()
        return socket is not None and not socket.engine.queue.is_sent

    async def send(self, patches: Iterable[EncodedPatch]) -> None:
        """Send patches in one frame, which the page applies in one step.

        It is written at once where nothing waits before it: Engine.IO's queue, its writer and the
        layers below cost several times as much. Else it waits there, in its order.
        """
        socket = self._socket()
        # The tab may be gone.
        if socket is None:
            return
        packet = f'2{EVENT_NAMESPACE},["patch",[{",".join(patches)}]]'
        if not socket.write_at_once(f"{MESSAGE}{packet}".encode()):
            await socket.engine.send(Packet(MESSAGE, data=packet))

    async def end(self) -> None:
        """End the tab's link; the page opens it again after a while."""
        namespace = self._app.event_namespace
        if namespace is None:
            return
        record = namespace._token_manager.token_to_socket.get(self._token)
        if record is not None:
            await namespace.disconnect(record.sid)

    def _socket(self) -> _Socket | None:
        namespace = self._app.event_namespace
        sio = self._app.sio
        if namespace is None or sio is None:
            return None
        record = namespace._token_manager.token_to_socket.get(self._token)
        if record is None:
            return None
        if self._found is None or self._found.sid != record.sid:
            identifier = sio.manager.eio_sid_from_sid(record.sid, EVENT_NAMESPACE)
            engine = sio.eio.sockets.get(identifier)
            if engine is None:
                return None
            scope = sio.environ[identifier]["asgi.scope"]
            write = scope.get("extensions", {}).get(WRITE_AT_ONCE)
            self._found = _Socket(record.sid, engine, write)
        return self._found
