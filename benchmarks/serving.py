"""The chat on a server library other than production's, only to be compared with it.

`python -m benchmarks.serving LIBRARY PORT` serves the API and the live socket;
`python -m benchmarks.serving LIBRARY run --env prod …` the whole chat, as `reflex run` does.
"""

import contextlib
import gc
import sys
from typing import Any
from unittest.mock import patch

import uvicorn
from granian.constants import Interfaces, Loops
from granian.server import Server as Granian
from reflex.reflex import cli

from chat_app.server.edge import AsgiApp
from chat_app.server.uvicorn import GC_THRESHOLDS
from chat_app.ui.reflex import production
from tests.harness import api_server


def granian(app: AsgiApp, *, host: str, port: int, **_: object) -> None:
    """Serve with one worker of granian, which it starts as a process of its own."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    server = Granian(
        "chat",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=1,
        log_enabled=False,
    )
    server.serve(target_loader=lambda _target: app)


class Compressing(uvicorn.Config):
    """A configuration of uvicorn that compresses every frame, where ours does only large ones."""

    def __init__(self, app: Any, **options: Any) -> None:  # noqa: ANN401  # uvicorn's own
        own = {"ws": "websockets-sansio", "ws_per_message_deflate": True}
        super().__init__(app, **{**options, **own})


def main(library: str, arguments: list[str]) -> None:
    """Put the library in the place of production's, and start the chat."""
    with contextlib.ExitStack() as stack:
        if library == "granian":
            stack.enter_context(patch.object(production, "serve", granian))
            stack.enter_context(patch.object(api_server, "serve", granian))
        else:
            stack.enter_context(patch.object(uvicorn, "Config", Compressing))
        if arguments[0] == "run":
            cli(arguments)
        else:
            api_server.main(int(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
