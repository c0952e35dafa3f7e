"""Why something happens: the request or frame that asked for it, wherever that leads.

The cause of what runs now is in every line of the log. It travels with the news of it to the other
nodes, so that one id finds everything that somebody's click set off.
"""

import contextvars

import msgspec


class Cause(msgspec.Struct, frozen=True, array_like=True):
    """An id for people to search for, and where a trace goes on (W3C Trace Context).

    The id is well formed wherever it came from; both may be empty.
    """

    request_id: str = ""
    trace: str = ""


NONE = Cause()
_current = contextvars.ContextVar("cause", default=NONE)


def current() -> Cause:
    """Return the cause of what runs now."""
    return _current.get()


def follow(cause: Cause) -> None:
    """Have what runs from now on, in this task and those it starts, be because of `cause`."""
    _current.set(cause)
