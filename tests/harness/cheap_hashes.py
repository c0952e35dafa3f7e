"""Password hashes at a hundredth of the cost, which would be most of the time of many tests."""

import contextlib
from collections.abc import Iterator

from chat_app.core.passwords import CONTEXT


def use_cheap_hashes() -> None:
    """Let this process hash passwords cheaply from now on."""
    CONTEXT.update(argon2__memory_cost=1024, argon2__time_cost=1)


@contextlib.contextmanager
def cheap_hashes() -> Iterator[None]:
    """Let this process hash passwords cheaply inside the block."""
    before = CONTEXT.to_dict()
    use_cheap_hashes()
    try:
        yield
    finally:
        CONTEXT.load(before)
