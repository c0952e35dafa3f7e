"""Settings of the language."""

import reflex as rx

from chat_app.core.languages import NAMES
from chat_app.ui.browser import language_element
from chat_app.ui.conversations.lists import account_id
from chat_app.ui.kit.controls import select_field
from chat_app.ui.reflex.elements import say
from chat_app.ui.settings.state import SettingsState


def language() -> rx.Component:
    """Show the choice of the language."""
    # Each in its own words, for people who read no other one.
    names: dict[str, rx.Var[str]] = {code: rx.Var.create(name) for code, name in NAMES.items()}
    return rx.el.section(
        rx.el.h2(say("Language")),
        language_element(
            select_field("language", say("Language"), {"": say("That of the browser"), **names}),
            rx.el.p(
                role="alert",
                hidden=True,
                class_name="error-text",
                custom_attrs={"data-language-error": "true"},
            ),
            locale=SettingsState.locale,
            user_id=account_id(),
        ),
        aria_label=say("Language"),
    )
