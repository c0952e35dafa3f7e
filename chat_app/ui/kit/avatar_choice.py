"""An avatar with the buttons that set and remove it."""

import reflex as rx

from chat_app.ui.browser import avatar_choice_element
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import button
from chat_app.ui.reflex.elements import say
from chat_app.ui.reflex.vars import Cells


def avatar_choice(
    row: Cells, *beside: rx.Component, path: str | rx.Var[str], event: str
) -> rx.Component:
    """Show the avatar of a row, what stands `beside` it, and the buttons that change it.

    `path` is where the API sets it; `event` asks for the row as it is now.
    """
    return avatar_choice_element(
        rx.el.div(
            rx.el.span(
                avatar(row),
                # The script shows the chosen picture in it.
                rx.el.img(
                    alt="",
                    hidden=True,
                    class_name="avatar-preview",
                    custom_attrs={"data-avatar-preview": "true"},
                ),
                class_name="avatar-place",
            ),
            *beside,
            class_name="avatar-head",
        ),
        rx.el.input(
            type="file",
            # A phone offers its camera, too.
            accept="image/*",
            hidden=True,
            aria_label=say("Picture"),
        ),
        rx.el.div(
            _button(
                rx.cond(row["picture"] != "", say("Change picture"), say("Choose a picture")),
                "choose",
            ),
            rx.cond(
                row["picture"] != "",
                _button(say("Remove"), "remove", aria_label=say("Remove picture")),
            ),
            class_name="settings-actions unless-chosen",
        ),
        rx.el.div(
            button(say("Use this picture"), kind="primary", custom_attrs={"data-avatar": "use"}),
            _button(say("Cancel"), "cancel"),
            class_name="settings-actions if-chosen",
        ),
        rx.el.p(
            role="status",
            class_name="field-hint one-line",
            dir="auto",
            custom_attrs={"data-avatar-state": "true"},
        ),
        rx.el.p(
            role="alert",
            hidden=True,
            class_name="error-text",
            custom_attrs={"data-avatar-error": "true"},
        ),
        path=path,
        event=event,
    )


def _button(
    label: rx.Var[str] | rx.Component, does: str, aria_label: rx.Var[str] | None = None
) -> rx.Component:
    return button(label, aria_label=aria_label, custom_attrs={"data-avatar": does})
