"""The lines of a chat's log, which are JSON objects."""

import asyncio
import json
from typing import Any

from tests.harness.clients import PATIENCE_S
from tests.harness.servers import ChatServer

Line = dict[str, Any]


def lines(chat: ChatServer, **fields: object) -> list[Line]:
    """Return the lines of a chat's log that have these fields."""
    # The last line may be incomplete.
    whole = [line for line in chat.log().splitlines(keepends=True) if line.endswith("\n")]
    read = [json.loads(line) for line in whole]
    return [line for line in read if fields.items() <= line.items()]


async def logged(chat: ChatServer, **fields: object) -> Line:
    """Wait for a line with these fields."""
    async with asyncio.timeout(2 * PATIENCE_S):
        while not (found := lines(chat, **fields)):
            await asyncio.sleep(0.05)
    return found[0]
