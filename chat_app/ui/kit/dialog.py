"""A dialog: asks before something is done, and can always be left."""

from typing import Any

import reflex as rx

from chat_app.ui.browser import dialog_element
from chat_app.ui.kit.button import button


def sheet(
    title: str | rx.Component, *content: rx.Component, name: str = "dialog-title"
) -> rx.Component:
    """Make a dialog that a script shows; `name` is the id of its title, its own on the page."""
    return rx.el.dialog(
        # The padding is inside, so that a click on it is no click beside the dialog.
        rx.el.div(rx.el.h2(title, id=name), *content, class_name="sheet-box"),
        aria_labelledby=name,
        class_name="sheet",
    )


def dialog(
    title: rx.Component,
    *content: rx.Component,
    on_dismiss: Any,  # noqa: ANN401  # an event
) -> rx.Component:
    """Show a dialog over the page, for as long as this component is on it."""
    leave = button(
        "Cancel", kind="quiet", on_click=on_dismiss, custom_attrs={"data-dismiss": "true"}
    )
    return dialog_element(sheet(title, *content, leave))
