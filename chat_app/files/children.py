"""Child processes that read the bytes of strangers, with limits (`child.py`)."""

import asyncio
import contextlib
import sys
from pathlib import Path

from chat_app.files import child

# Longer than the child may keep a processor.
PATIENCE_S = 40.0
MAX_ANSWER = 64 * 1024


class ChildFailed(Exception):
    """The child was killed, or took too long: the file, or the machine, is at fault."""


async def run_child(program: str, *arguments: str | Path) -> bytes:
    """Return the JSON that `main` of a program returns. Raises ChildFailed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", child.__file__, program, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # Nothing of the node's environment, which may hold secrets.
        env={"LANG": "C.UTF-8"},
        limit=MAX_ANSWER,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            output, _ = await process.communicate()
    except TimeoutError:
        raise ChildFailed("time") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise ChildFailed(str(process.returncode))
    return output
