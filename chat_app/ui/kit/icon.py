"""Icons: drawn in `assets/icons.css`, so that the scripts of the page can use them as well."""

from typing import Literal

import reflex as rx

IconName = Literal[
    "back",
    "bubbles",
    "down",
    "edit",
    "eye",
    "lost",
    "moon",
    "more",
    "people",
    "search",
    "send",
    "settings",
    "sign-out",
]


def icon(name: IconName) -> rx.Component:
    """Draw an icon; what it means must be said in words beside or around it."""
    return rx.el.span(class_name=f"icon icon-{name}", aria_hidden="true")
