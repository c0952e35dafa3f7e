"""A program that runs another one with limits on memory, time and what it writes.

`python -I child.py PROGRAM ARGUMENT…` calls `main` of the file PROGRAM with the arguments, and
prints what it returns as JSON. It runs decoders, which have faults, on the bytes of strangers; so
it imports nothing of the chat.
"""

import json
import os
import resource
import runpy
import sys

MEMORY_BYTES = 1536 * 1024 * 1024
PROCESSOR_S = 20
WRITTEN_BYTES = 128 * 1024 * 1024


def limit() -> None:
    """Limit what this process may use."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, PROCESSOR_S),
        (resource.RLIMIT_FSIZE, WRITTEN_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    os.nice(5)


if __name__ == "__main__":
    limit()
    print(json.dumps(runpy.run_path(sys.argv[1])["main"](*sys.argv[2:])))  # noqa: T201  # to the node
