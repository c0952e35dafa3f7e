"""Buttons: a finger's size each, and always with a name."""

from typing import Any, Literal

import reflex as rx

from chat_app.ui.kit.icon import IconName, icon


def button(
    *content: rx.Component | str,
    kind: Literal["primary", "plain", "quiet", "danger"] = "plain",
    **props: Any,  # noqa: ANN401  # whatever an HTML button takes
) -> rx.Component:
    """Show a button with words."""
    props.setdefault("type", "button")
    return rx.el.button(*content, class_name=f"button {kind}", **props)


def icon_button(
    name: IconName,
    label: str | rx.Var[str],
    class_name: str = "icon-button",
    **props: Any,  # noqa: ANN401  # whatever an HTML button takes
) -> rx.Component:
    """Show a button that is only a picture; `label` is heard, and seen by a resting pointer."""
    props.setdefault("type", "button")
    return rx.el.button(icon(name), aria_label=label, title=label, class_name=class_name, **props)


def icon_link(name: IconName, label: str, path: str) -> rx.Component:
    """Show a link that is only a picture; `label` is heard, and seen by a resting pointer."""
    return rx.el.a(icon(name), to=path, aria_label=label, title=label, class_name="icon-button")


def back_link() -> rx.Component:
    """Show the way back to the list, where only one pane fits."""
    return rx.el.a(
        icon("back"),
        to="/",
        aria_label="Back to the conversations",
        class_name="icon-button back",
    )
