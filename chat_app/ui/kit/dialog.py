"""A dialog: asks before something is done, and can always be left."""

from typing import Any

import reflex as rx

from chat_app.ui.browser.scripts import dialog_element
from chat_app.ui.kit.button import button


def dialog(
    title: rx.Component,
    *content: rx.Component,
    on_dismiss: Any,  # noqa: ANN401  # an event
) -> rx.Component:
    """Show a dialog over the page, for as long as this component is on it."""
    name = "dialog-title"
    return dialog_element(
        rx.el.dialog(
            # The padding is inside, so that a click on it is no click beside the dialog.
            rx.el.div(
                rx.el.h2(title, id=name),
                *content,
                button(
                    "Cancel",
                    kind="quiet",
                    on_click=on_dismiss,
                    custom_attrs={"data-dismiss": "true"},
                ),
                class_name="sheet-box",
            ),
            aria_labelledby=name,
            class_name="sheet",
        )
    )
