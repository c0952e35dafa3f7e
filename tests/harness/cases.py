"""Named cases in a loop of one test, which share its fixtures."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def case(*values: object) -> Iterator[None]:
    """Name the case in every failure of the block."""
    try:
        yield
    except BaseException as failure:
        failure.add_note("in the case of " + ", ".join(ascii(value)[:80] for value in values))
        raise
