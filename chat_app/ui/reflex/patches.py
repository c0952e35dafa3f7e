"""Patches of the lists that a page keeps, and the link of a tab that carries them.

A list has a name, keyed rows and facts about the whole. A patch changes it: `put` adds rows or
replaces those with the same `id`, `drop` removes rows by `id`, `reset` removes all others, and the
`about` of the patch is merged into that of the list. Rows are ordered by their `order`; a row never
replaces one with a higher `rev`. `assets/browser/store.js` applies them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypedDict

import msgspec
import reflex as rx
from engineio.packet import MESSAGE, Packet

EVENT_NAMESPACE = "/_event"
# Packets that wait for a tab which does not read; a full one of them is not written to any more.
MAX_BACKLOG = 64

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


class Link:
    """The socket of one tab, which Reflex opened."""

    def __init__(self, app: rx.App, token: str) -> None:
        self._app = app
        self._token = token

    @property
    def is_open(self) -> bool:
        """Whether the tab is connected."""
        return self._socket() is not None

    @property
    def is_full(self) -> bool:
        """Whether the tab does not read what it was sent."""
        socket = self._socket()
        return socket is not None and socket.queue.qsize() >= MAX_BACKLOG

    async def send(self, patches: Iterable[EncodedPatch]) -> None:
        """Send patches in one frame, which the page applies in one step."""
        socket = self._socket()
        # The tab may be gone.
        if socket is not None:
            frame = f'2{EVENT_NAMESPACE},["patch",[{",".join(patches)}]]'
            await socket.send(Packet(MESSAGE, data=frame))

    async def end(self) -> None:
        """End the tab's link; the page opens it again after a while."""
        namespace = self._app.event_namespace
        if namespace is None:
            return
        record = namespace._token_manager.token_to_socket.get(self._token)
        if record is not None:
            await namespace.disconnect(record.sid)

    def _socket(self) -> Any:  # noqa: ANN401  # Engine.IO has no types
        namespace = self._app.event_namespace
        sio = self._app.sio
        if namespace is None or sio is None:
            return None
        record = namespace._token_manager.token_to_socket.get(self._token)
        if record is None:
            return None
        identifier = sio.manager.eio_sid_from_sid(record.sid, EVENT_NAMESPACE)
        return sio.eio.sockets.get(identifier)
