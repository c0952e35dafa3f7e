"""Actions on a message: one menu and its dialogs, shared by all rows."""

import reflex as rx

from chat_app.ui.browser import actions_element
from chat_app.ui.kit.controls import button, sheet

# Attribute of the buttons that open the menu.
MENU = "data-menu"


def message_actions() -> rx.Component:
    """Return the menu and its dialogs, which a script opens beside a message."""
    return actions_element(_menu(), _question(), _readers(), _problem())


def _menu() -> rx.Component:
    return rx.el.div(
        _item("Mark as unread", "unread"),
        _item("Read by", "readers"),
        _item("Edit", "edit"),
        _item("Delete", "delete"),
        role="menu",
        aria_label="More actions",
        hidden=True,
        class_name="menu",
    )


def _item(label: str, action: str) -> rx.Component:
    return rx.el.button(
        label,
        type="button",
        role="menuitem",
        tab_index=-1,
        class_name="menu-item",
        custom_attrs={"data-do": action},
    )


def _question() -> rx.Component:
    return sheet(
        "Delete this message?",
        rx.el.p("It disappears for everybody in this conversation.", class_name="sheet-text"),
        rx.el.div(
            button("Cancel", custom_attrs={"data-do": "cancel"}),
            button("Delete", kind="primary", custom_attrs={"data-do": "delete-now"}),
            class_name="sheet-buttons",
        ),
        name="delete-question",
    )


def _readers() -> rx.Component:
    """Return the dialog of the members of a group who have read a message."""
    return sheet(
        "Read by",
        rx.el.p(
            class_name="sheet-text", role="status", custom_attrs={"data-readers-count": "true"}
        ),
        rx.el.ul(class_name="readers", custom_attrs={"data-readers": "true"}),
        rx.el.div(
            button("Close", custom_attrs={"data-do": "close-readers"}),
            class_name="sheet-buttons",
        ),
        name="readers-title",
    )


def _problem() -> rx.Component:
    return rx.el.p(
        class_name="notice actions-problem",
        role="alert",
        hidden=True,
        custom_attrs={"data-actions-error": "true"},
    )
