"""The floor: a bare in-memory relay, served as the chat is. No storage, no sign-in, no checks.

Started as `python -m benchmarks.relay PORT`. Sockets of one `pair` hear each other: of every frame
that comes in, a frame of an ack's size goes back and one of an event's size goes to the peer; with
`mode=forward` only the latter. It shows what a Python process on this server library can do.
"""

import sys
from collections import defaultdict
from urllib.parse import parse_qs

from chat_app.server.edge import Message, Receive, Scope, Send
from chat_app.server.uvicorn import serve

# The sizes of the chat's own frames for a text of 100 bytes.
ACK_BYTES = 516
EVENT_BYTES = 461


class Relay:
    """The sockets that are open, by pair."""

    def __init__(self) -> None:
        self._pairs: defaultdict[str, list[Send]] = defaultdict(list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket, or the lifespan."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            question = parse_qs(scope["query_string"].decode())
            await self._relay(question["pair"][0], question["mode"][0], receive, send)

    async def _relay(self, pair: str, mode: str, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        sockets = self._pairs[pair]
        sockets.append(send)
        try:
            while (message := await receive())["type"] == "websocket.receive":
                text = message["text"]
                if mode == "acked":
                    await send(_frame(text.ljust(ACK_BYTES)))
                event = _frame(text.ljust(EVENT_BYTES))
                for peer in sockets:
                    if peer is not send:
                        await peer(event)
        finally:
            sockets.remove(send)


def _frame(text: str) -> Message:
    return {"type": "websocket.send", "text": text}


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"].removeprefix("lifespan.")
        await send({"type": f"lifespan.{kind}.complete"})
        if kind == "shutdown":
            return


if __name__ == "__main__":
    serve(Relay(), host="127.0.0.1", port=int(sys.argv[1]), trusted_proxies=())
