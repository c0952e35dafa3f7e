"""Controls: icons, buttons, form fields, switches and dialogs."""

from collections.abc import Mapping
from typing import Any, Literal

import reflex as rx

from chat_app.ui.browser import dialog_element
from chat_app.ui.reflex.elements import said, say

IconName = Literal[
    "attach",
    "back",
    "bookmark",
    "bubbles",
    "calendar",
    "channels",
    "clock",
    "cross",
    "down",
    "edit",
    "emoji",
    "eye",
    "file",
    "files",
    "forward",
    "info",
    "lost",
    "microphone",
    "moon",
    "more",
    "muted",
    "new-group",
    "people",
    "pin",
    "plus",
    "reply",
    "search",
    "search-text",
    "send",
    "settings",
    "sign-out",
    "smile",
    "star",
]

CANCEL = say("Cancel")

# The id of the pane beside the side pane, which the link past that leads to.
PANE = "open"


def icon(name: IconName) -> rx.Component:
    """Draw an icon, hidden from screen readers: a text beside it must have its meaning."""
    return rx.el.span(class_name=f"icon icon-{name}", aria_hidden="true")


def button(
    *content: rx.Component | rx.Var[Any],
    kind: Literal["primary", "plain", "quiet", "danger"] = "plain",
    **props: Any,  # noqa: ANN401  # whatever an HTML button takes
) -> rx.Component:
    """Show a button with a text."""
    props.setdefault("type", "button")
    return rx.el.button(*content, class_name=f"button {kind}", **props)


def unmark_button(
    mark: Literal["saved", "reminder"],
    label: rx.Var[str],
    message_id: rx.Var[str],
    name_id: rx.Var[str],
) -> rx.Component:
    """Show the button that removes a mark from the message that `name_id` shows."""
    return button(
        say("Remove"),
        kind="quiet",
        aria_label=label,
        aria_describedby=name_id,
        custom_attrs={"data-unmark": mark, "data-row": message_id},
    )


def unmark_error() -> rx.Component:
    """Show why a mark could not be removed; hidden until the script writes it."""
    return rx.el.p(
        role="alert",
        hidden=True,
        class_name="error-text",
        custom_attrs={"data-unmark-error": "true"},
    )


def icon_button(
    name: IconName,
    label: rx.Var[str],
    class_name: str = "icon-button",
    **props: Any,  # noqa: ANN401  # whatever an HTML button takes
) -> rx.Component:
    """Show a button with an icon only; `label` is its accessible name and its tooltip."""
    props.setdefault("type", "button")
    return rx.el.button(icon(name), aria_label=label, title=label, class_name=class_name, **props)


def icon_link(name: IconName, label: rx.Var[str], path: str) -> rx.Component:
    """Show a link with an icon only; `label` is its accessible name and its tooltip."""
    return rx.el.a(icon(name), to=path, aria_label=label, title=label, class_name="icon-button")


def icon_opener(name: IconName, label: rx.Var[str], path: str) -> rx.Component:
    """Show a button that opens a page, as a link does, with an icon only."""
    return rx.el.a(
        icon(name), to=path, role="button", aria_label=label, title=label, class_name="icon-button"
    )


def back_link() -> rx.Component:
    """Show the link back to the conversations, for screens where only one pane fits."""
    return rx.el.a(
        icon("back"),
        to="/",
        aria_label=say("Back to the conversations"),
        class_name="icon-button back",
    )


def field(
    name: str,
    label: rx.Var[str],
    *,
    hint: rx.Var[str] | None = None,
    hidden_text: bool = False,
    lines: int = 1,
    error: str | rx.Var[str] | None = None,
    **props: Any,  # noqa: ANN401  # whatever an HTML input takes
) -> rx.Component:
    """Show one labelled text field.

    `forms.js` shows hidden text, and writes the error where none is given here.
    """
    props |= {
        "id": name,
        "name": name,
        "class_name": "input",
        "aria_describedby": f"{name}-hint {name}-error",
    }
    kind = props.pop("type", "password" if hidden_text else "text")
    if error is not None:
        props["aria_invalid"] = error != ""
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="field-label"),
        rx.el.div(
            rx.el.textarea(rows=lines, **props) if lines > 1 else rx.el.input(type=kind, **props),
            _show_button(name) if hidden_text else rx.fragment(),
            class_name="field-box",
        ),
        rx.el.p(hint, id=f"{name}-hint", class_name="field-hint")
        if hint is not None
        else rx.fragment(),
        rx.el.p(
            None if error is None else said(error),
            id=f"{name}-error",
            class_name="error-text",
            role="alert",
            hidden=True if error is None else error == "",
        ),
        class_name="field",
    )


def _show_button(name: str) -> rx.Component:
    # "Show" without the word password: the field alone answers to its label.
    return rx.el.button(
        icon("eye"),
        type="button",
        class_name="icon-button",
        aria_label=say("Show what is typed"),
        aria_pressed="false",
        aria_controls=name,
        custom_attrs={"data-reveals": name},
    )


def _hint(name: str, hint: rx.Var[str] | None) -> rx.Component:
    if hint is None:
        return rx.fragment()
    return rx.el.p(hint, id=f"{name}-hint", class_name="field-hint")


def select_field(
    name: str,
    label: rx.Var[str],
    options: Mapping[str, rx.Var[str]],
    *,
    hint: rx.Var[str] | None = None,
    **props: Any,  # noqa: ANN401  # whatever an HTML select takes
) -> rx.Component:
    """Show a labelled choice; `options` are texts by value."""
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="field-label"),
        rx.el.select(
            *(rx.el.option(text, value=value) for value, text in options.items()),
            id=name,
            name=name,
            class_name="input",
            aria_describedby=f"{name}-hint",
            **props,
        ),
        rx.el.p(hint, id=f"{name}-hint", class_name="field-hint")
        if hint is not None
        else rx.fragment(),
        class_name="field",
    )


def switch(
    label: rx.Var[str],
    *,
    on: rx.Var[bool],
    hint: rx.Var[str] | None = None,
    turn: Any,  # noqa: ANN401  # an event
) -> rx.Component:
    """Show a labelled switch; `turn` is the event of pressing it."""
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
        rx.el.p(hint, class_name="field-hint") if hint is not None else rx.fragment(),
    )


def sheet(
    title: rx.Var[str] | rx.Component, *content: rx.Component, name: str = "dialog-title"
) -> rx.Component:
    """Return a dialog that a script opens; `name` is the id of its title, unique on the page."""
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
    leave: rx.Var[str] = CANCEL,
    beside: rx.Component | None = None,
    name: str = "dialog-title",
) -> rx.Component:
    """Show a modal dialog for as long as this component is on the page.

    The focus starts on the button to `leave`, unless an element inside has `data-first`; another
    button may stand `beside` it. `name` is the id of the title.
    """
    dismiss = button(
        leave, kind="quiet", on_click=on_dismiss, custom_attrs={"data-dismiss": "true"}
    )
    foot = dismiss if beside is None else rx.el.div(dismiss, beside, class_name="sheet-buttons")
    return dialog_element(sheet(title, *content, foot, name=name))
