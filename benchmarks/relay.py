"""The floor: a bare in-memory relay, served as the chat is. No storage, no sign-in, no checks.

Started as `python -m benchmarks.relay PORT`. Of every frame that comes in, a frame of an ack's size
goes back and one of an event's size to the other socket of its `pair`. It shows what a Python
process on this server library can do.
"""

import sys
from collections import defaultdict

from chat_app.core.settings import read_settings
from chat_app.server.edge import Message, Receive, Scope, Send
from chat_app.server.uvicorn import serve

# The sizes of the chat's own frames for a text of 100 bytes.
ACK_BYTES = 516
EVENT_BYTES = 461

PAIRS: defaultdict[bytes, list[Send]] = defaultdict(list)


async def relay(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one socket, the health check, or the lifespan."""
    if scope["type"] == "lifespan":
        kind = ""
        while kind != "shutdown":
            kind = (await receive())["type"].removeprefix("lifespan.")
            await send({"type": f"lifespan.{kind}.complete"})
    elif scope["type"] == "http":  # is it ready?
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        sockets = PAIRS[scope["query_string"]]
        sockets.append(send)
        try:
            while (message := await receive())["type"] == "websocket.receive":
                text = message["text"]
                await send(_frame(text.ljust(ACK_BYTES)))
                event = _frame(text.ljust(EVENT_BYTES))
                for peer in sockets:
                    if peer is not send:
                        await peer(event)
        finally:
            sockets.remove(send)


def _frame(text: str) -> Message:
    return {"type": "websocket.send", "text": text}


if __name__ == "__main__":
    serve(relay, read_settings(), host="127.0.0.1", port=int(sys.argv[1]))
