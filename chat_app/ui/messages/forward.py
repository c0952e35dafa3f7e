"""The dialog in which a message is forwarded; a script fills and opens it."""

import reflex as rx

from chat_app.ui.kit.controls import button, icon, sheet
from chat_app.ui.reflex.elements import say


def forward_dialog() -> rx.Component:
    """Return the dialog: a search for conversations and people, and what was found."""
    return sheet(
        say("Forward"),
        rx.el.div(
            icon("search"),
            rx.el.input(
                type="search",
                placeholder=say("Search conversations and people"),
                aria_label=say("Forward to"),
                auto_complete="off",
                spell_check=False,
                max_length=64,
                class_name="input",
                dir="auto",
                custom_attrs={"data-search": "true"},
            ),
            role="search",
            class_name="search",
        ),
        rx.el.p(class_name="error-text", role="alert", custom_attrs={"data-forward-error": "true"}),
        rx.el.ul(
            aria_label=say("Conversations and people"),
            class_name="forward-list",
            custom_attrs={"data-arrows": "true", "data-hits": ""},
        ),
        rx.el.div(
            button(say("Cancel"), custom_attrs={"data-do": "close-forward"}),
            class_name="sheet-buttons",
        ),
        name="forward-title",
    )
