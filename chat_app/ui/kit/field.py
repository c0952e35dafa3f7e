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
    **props: Any,  # noqa: ANN401  # whatever an HTML input takes
) -> rx.Component:
    """Show one labelled text field. `forms.js` writes its error and shows hidden text."""
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="field-label"),
        rx.el.div(
            rx.el.input(
                id=name,
                name=name,
                type="password" if hidden_text else "text",
                class_name="input",
                aria_describedby=f"{name}-hint {name}-error",
                **props,
            ),
            _show_button(name) if hidden_text else rx.fragment(),
            class_name="field-box",
        ),
        rx.el.p(hint, id=f"{name}-hint", class_name="field-hint") if hint else rx.fragment(),
        rx.el.p(id=f"{name}-error", class_name="error-text", role="alert", hidden=True),
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
