"""Setting the vars of a state."""

from typing import Any

from reflex.state import BaseState


def show(state: BaseState, **values: Any) -> None:  # noqa: ANN401  # each var has its own type
    """Set those vars whose value differs: what is set is sent to the browser, even if it is equal."""
    for name, value in values.items():
        if getattr(state, name) != value:
            setattr(state, name, value)
