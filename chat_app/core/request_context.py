"""The request context: the id of the request or frame that work is done for, and its trace.

Every line of the log names it. It travels inside events to the other nodes, so that one id finds
everything that a click set off.
"""

import contextvars

import msgspec


class RequestContext(msgspec.Struct, frozen=True, array_like=True):
    """The id of a request, and the position in its trace (W3C Trace Context).

    The id is well formed wherever it came from; both may be empty.
    """

    request_id: str = ""
    trace: str = ""


NONE = RequestContext()
_current = contextvars.ContextVar("request_context", default=NONE)


def current() -> RequestContext:
    """Return the request context of the current task."""
    return _current.get()


def set_current(context: RequestContext) -> None:
    """Set the request context for this task and its children."""
    _current.set(context)
