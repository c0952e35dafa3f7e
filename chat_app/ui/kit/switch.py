"""A switch: on or off, at once."""

from typing import Any

import reflex as rx


def switch(label: str, *, on: rx.Var[bool], hint: str = "", turn: Any) -> rx.Component:  # noqa: ANN401  # an event
    """Show a labelled switch; `turn` is what happens when it is pressed."""
    return rx.el.div(
        rx.el.button(
            rx.el.span(label, class_name="switch-label"),
            rx.el.span(class_name="switch-track", aria_hidden="true"),
            type="button",
            role="switch",
            aria_checked=on,
            on_click=turn,
            class_name="switch",
        ),
        rx.el.p(hint, class_name="field-hint") if hint else rx.fragment(),
    )
