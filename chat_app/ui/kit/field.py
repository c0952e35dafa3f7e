"""A form field: its label, its box, and the place where its error appears."""

from typing import Any

import reflex as rx

from chat_app.ui.kit.icon import icon


def field(
    name: str,
    label: str,
    *,
    hint: str = "",
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
    if error is not None:
        props["aria_invalid"] = error != ""
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="field-label"),
        rx.el.div(
            rx.el.textarea(rows=lines, **props)
            if lines > 1
            else rx.el.input(type="password" if hidden_text else "text", **props),
            _show_button(name) if hidden_text else rx.fragment(),
            class_name="field-box",
        ),
        rx.el.p(hint, id=f"{name}-hint", class_name="field-hint") if hint else rx.fragment(),
        rx.el.p(
            error,
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
        aria_label="Show what is typed",
        aria_pressed="false",
        aria_controls=name,
        custom_attrs={"data-reveals": name},
    )
