"""Vars of a state, and what Reflex makes of them that its types do not say.

On the class, a var or a handler is something else than on an instance: an expression or an event
for the browser. A type checker sees only the instance's side.
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
# The cells of a row: each is a var of the type that the row's TypedDict names.
Cells: TypeAlias = Any


def cells(row: object) -> Cells:
    """Return a row as its cells, or any other var as an expression."""
    return row


def call(handler: Any, *arguments: Any) -> Any:  # noqa: ANN401  # see above
    """Return the event that calls a handler with arguments."""
    return handler(*arguments)


def debounced(handler: Any, milliseconds: int) -> Any:  # noqa: ANN401  # see above
    """Return the event that calls a handler once nothing has happened for a while."""
    return handler.debounce(milliseconds)


def throttled(handler: Any, milliseconds: int) -> Any:  # noqa: ANN401  # see above
    """Return the event that calls a handler at most so often, and never later than now."""
    return handler.throttle(milliseconds).temporal


def set_changed(state: BaseState, **values: Any) -> None:  # noqa: ANN401  # each var has its own type
    """Set those vars whose value differs: what is set is sent to the browser, equal or not."""
    for name, value in values.items():
        if state.get_value(name) != value:
            setattr(state, name, value)


def parse_id(value: object) -> UUID:
    """Read an id that a page sent. Raises NotFound: what is no id is nobody's and nothing's."""
    try:
        return UUID(str(value))
    except ValueError:
        raise NotFound from None
