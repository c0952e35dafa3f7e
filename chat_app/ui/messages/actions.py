"""Actions on a message: one menu and its dialogs, shared by all rows."""

import reflex as rx

from chat_app.ui.browser import actions_element
from chat_app.ui.kit.controls import button, icon_button, sheet
from chat_app.ui.messages.forward import forward_dialog
from chat_app.ui.reflex.elements import event_name, say
from chat_app.ui.saved.state import SavedState

# Attribute of the buttons that open the menu, and the actions that have buttons of their own.
MENU = "data-menu"
REACT, REPLY = "react", "reply"

# The emoji that are one press away; all others are in the picker.
QUICK = ("👍", "❤️", "😂", "😮", "😢", "🎉")

ITEMS = {
    REACT: say("React"),
    REPLY: say("Reply"),
    "edit": say("Edit"),
    "forward": say("Forward"),
    "pin": say("Pin"),
    "unpin": say("Unpin"),
    "save": say("Save#a message"),
    "unsave": say("Remove from saved"),
    "remind": say("Remind me"),
    "unread": say("Mark as unread"),
    "copy-link": say("Copy link"),
    "copy-text": say("Copy text"),
    "reactors": say("Reactions"),
    "readers": say("Read by"),
    "report": say("Report"),
    "delete": say("Delete"),
}

# The times of a reminder, as `later.js` understands them.
TIMES = {
    "soon": say("In {n} minute|In {n} minutes", n=20),
    "hour": say("In 1 hour"),
    "tomorrow": say("Tomorrow"),
    "own": say("Another time…"),
}


def message_actions() -> rx.Component:
    """Return the menu and its dialogs, which a script opens beside a message."""
    return actions_element(
        _menu(),
        _quick_reactions(),
        _times(),
        _question(),
        _list(),
        forward_dialog(),
        _problem(),
        saved_event=event_name(SavedState.follow),
    )


def _menu() -> rx.Component:
    return rx.el.div(
        *(_item(label, action) for action, label in ITEMS.items()),
        role="menu",
        aria_label=say("More actions"),
        hidden=True,
        class_name="menu",
        custom_attrs={"data-actions-menu": "true"},
    )


def _quick_reactions() -> rx.Component:
    return rx.el.div(
        *(
            rx.el.button(
                emoji,
                type="button",
                aria_label=emoji,
                class_name="quick-emoji",
                custom_attrs={"data-quick": emoji},
            )
            for emoji in QUICK
        ),
        icon_button(
            "plus",
            say("More emoji"),
            class_name="icon-button quick-more",
            aria_haspopup="dialog",
            custom_attrs={"data-pick": "true"},
        ),
        role="group",
        aria_label=say("React with"),
        hidden=True,
        class_name="menu quick",
        custom_attrs={"data-quick-menu": "true"},
    )


def _times() -> rx.Component:
    return rx.el.div(
        *(
            rx.el.button(
                label,
                type="button",
                role="menuitem",
                tab_index=-1,
                class_name="menu-item",
                custom_attrs={"data-remind": when},
            )
            for when, label in TIMES.items()
        ),
        role="menu",
        aria_label=say("Remind me"),
        hidden=True,
        class_name="menu",
        custom_attrs={"data-times-menu": "true"},
    )


def _item(label: rx.Var[str], action: str) -> rx.Component:
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
        say("Delete this message?"),
        rx.el.p(say("It disappears for everybody in this conversation."), class_name="sheet-text"),
        rx.el.div(
            button(say("Cancel"), custom_attrs={"data-do": "cancel"}),
            button(say("Delete"), kind="primary", custom_attrs={"data-do": "delete-now"}),
            class_name="sheet-buttons",
        ),
        name="delete-question",
    )


def _list() -> rx.Component:
    """Return the dialog of a list about a message: its readers, its reactions, its texts."""
    return sheet(
        rx.el.span(custom_attrs={"data-list-title": "true"}),
        rx.el.p(class_name="sheet-text", role="status", custom_attrs={"data-list-count": "true"}),
        rx.el.ul(class_name="readers", custom_attrs={"data-list": "true"}),
        rx.el.div(
            button(
                say("Show more"),
                kind="quiet",
                hidden=True,
                custom_attrs={"data-list-more": "true"},
            ),
            button(say("Close"), custom_attrs={"data-do": "close-list"}),
            class_name="sheet-buttons",
        ),
        name="list-title",
    )


def _problem() -> rx.Component:
    return rx.el.p(
        class_name="notice actions-problem",
        role="alert",
        hidden=True,
        custom_attrs={"data-actions-error": "true"},
    )
