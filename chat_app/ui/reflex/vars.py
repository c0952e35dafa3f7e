"""Typed access to vars and handlers of states, and to ids in their arguments.

On the class of a state, a var is an expression and a handler an event for the browser; on an
instance they are a value and a method. Reflex's types describe the instance only.
"""

from typing import Any, TypeAlias
from uuid import UUID

from reflex.event import EventSpec
from reflex.state import BaseState

from chat_app.core.errors import NotFound

# An event for the browser, as a handler returns it.
BrowserEvent: TypeAlias = EventSpec
# A handler of a state, on the class.
Handler: TypeAlias = Any
# The fields of a row as vars: each has the type that the row's TypedDict names.
Cells: TypeAlias = Any


def cells(row: object) -> Cells:
    """Return a var without its type, so that fields and methods of the expression can be used."""
    return row


def call(handler: Any, *arguments: Any) -> Any:  # noqa: ANN401  # see above
    """Return the event that calls a handler with arguments."""
    return handler(*arguments)


def debounced(handler: Any, milliseconds: int) -> Any:  # noqa: ANN401  # see above
    """Return the event that calls a handler once no further one has come for `milliseconds`."""
    return handler.debounce(milliseconds)


def throttled(handler: Any, milliseconds: int) -> Any:  # noqa: ANN401  # see above
    """Return the event that calls a handler at most every `milliseconds`, and never later."""
    return handler.throttle(milliseconds).temporal


def set_changed(state: BaseState, **values: Any) -> None:  # noqa: ANN401  # each var has its own type
    """Set the vars whose value differs: Reflex sends every var that is set, equal or not."""
    for name, value in values.items():
        if state.get_value(name) != value:
            setattr(state, name, value)


def parse_id(value: object) -> UUID:
    """Parse an id that a page sent. Raises NotFound, as for an id that does not exist."""
    try:
        return UUID(str(value))
    except ValueError:
        raise NotFound from None


def parse_id_or_nil(text: str) -> UUID:
    """Parse an id that a page sent; a malformed one becomes the nil UUID, which no row has."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
