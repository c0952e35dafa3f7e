"""Settings of push: the switch of this browser, what a push holds, quiet hours, and installing."""

import reflex as rx

from chat_app.ui.browser import push_element
from chat_app.ui.conversations.lists import account_id
from chat_app.ui.kit.controls import button, field, switch
from chat_app.ui.reflex.elements import event_name, say
from chat_app.ui.reflex.vars import call, cells
from chat_app.ui.settings.state import SettingsState


def push() -> rx.Component:
    """Show the settings of push, and the button that installs the chat."""
    return push_element(
        rx.el.section(
            rx.el.h2(say("When the chat is closed")),
            _own_switch(
                say("Push notifications"),
                hint=say(
                    "New messages are announced in this browser, also while the chat is closed."
                ),
                attribute="data-push",
                on=False,
            ),
            rx.el.p(
                role="status", class_name="field-hint", custom_attrs={"data-push-state": "true"}
            ),
            switch(
                say("Show message text"),
                on=cells(SettingsState.push_preview),
                hint=say("Without it, a push does not say who wrote, or what."),
                turn=call(SettingsState.show_text, ~cells(SettingsState.push_preview)),
            ),
            _own_switch(
                say("Quiet hours"),
                hint=say("No push on any of your devices in these hours."),
                attribute="data-quiet",
                on=SettingsState.quiet_from != "",
            ),
            rx.cond(SettingsState.quiet_from != "", _times()),
            aria_label=say("When the chat is closed"),
        ),
        rx.el.section(
            rx.el.h2(say("App")),
            rx.el.div(
                button(say("Install"), custom_attrs={"data-install": "true"}),
                rx.el.p(
                    role="status",
                    class_name="field-hint",
                    custom_attrs={"data-install-state": "true"},
                ),
                class_name="settings-actions",
            ),
            aria_label=say("App"),
            custom_attrs={"data-install-section": "true"},
        ),
        user_id=account_id(),
        quiet_event=event_name(SettingsState.keep_quiet),
    )


def _own_switch(
    label: rx.Var[str], *, hint: rx.Var[str], attribute: str, on: bool | rx.Var[bool]
) -> rx.Component:
    """Show a switch that the script presses."""
    return rx.el.div(
        rx.el.button(
            rx.el.span(label, class_name="switch-label"),
            rx.el.span(class_name="switch-track", aria_hidden="true"),
            type="button",
            role="switch",
            aria_checked=on,
            class_name="switch",
            custom_attrs={attribute: "true"},
        ),
        rx.el.p(hint, class_name="field-hint"),
    )


def _times() -> rx.Component:
    return rx.el.div(
        field(
            "quiet_from", say("From#a time"), type="time", default_value=SettingsState.quiet_from
        ),
        field(
            "quiet_to",
            say("To#a time"),
            type="time",
            default_value=SettingsState.quiet_to,
            error=SettingsState.errors.get("quiet_hours.to", ""),
        ),
        class_name="quiet-times",
        custom_attrs={"data-quiet-times": "true"},
        # Hours that were changed elsewhere are drawn anew.
        key=rx.Var.create(f"{SettingsState.quiet_from} {SettingsState.quiet_to}"),
    )
