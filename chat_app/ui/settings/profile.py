"""Settings of the profile, of privacy, and of sounds and notifications."""

import reflex as rx

from chat_app.ui.browser import time_of_day
from chat_app.ui.conversations.lists import own_profile
from chat_app.ui.kit.avatar_choice import avatar_choice
from chat_app.ui.kit.controls import button, field, switch
from chat_app.ui.reflex.elements import event_name, say
from chat_app.ui.reflex.vars import call, cells
from chat_app.ui.settings.state import SettingsState


def profile_form() -> rx.Component:
    """Show the form to change the own profile."""
    return rx.el.section(
        rx.el.h2(say("Profile")),
        avatar_choice(
            cells(SettingsState.profile),
            rx.el.div(
                rx.el.div(
                    SettingsState.profile["display_name"],
                    class_name="who-name one-line",
                    dir="auto",
                ),
                rx.el.div(
                    f"@{SettingsState.profile['username']}",
                    class_name="who-handle one-line",
                    dir="auto",
                ),
                class_name="who",
            ),
            path="/api/users/me/avatar",
            event=event_name(SettingsState.show_picture),
        ),
        rx.el.form(
            _field("display_name", say("Display name"), auto_complete="name"),
            _field(
                "status_text",
                say("Status#line of a profile"),
                hint=say("One line that others see beside your name."),
                auto_complete="off",
            ),
            _field("bio", say("About#oneself"), lines=4, auto_complete="off"),
            rx.el.div(
                button(say("Save"), kind="primary", type="submit"),
                rx.el.p(
                    rx.cond(
                        SettingsState.saved_at != "",
                        say("Saved {time}", time=time_of_day(cells(SettingsState.saved_at))),
                        "",
                    ),
                    role="status",
                    class_name="field-hint",
                ),
                class_name="settings-actions",
            ),
            on_submit=SettingsState.save,
            no_validate=True,
            class_name="form",
        ),
        aria_label=say("Profile"),
    )


def _field(
    name: str,
    label: rx.Var[str],
    *,
    hint: rx.Var[str] | None = None,
    lines: int = 1,
    auto_complete: str,
) -> rx.Component:
    return field(
        name,
        label,
        hint=hint,
        lines=lines,
        error=SettingsState.errors.get(name, ""),
        auto_complete=auto_complete,
        default_value=cells(SettingsState.profile)[name],
        dir="auto",
    )


def privacy() -> rx.Component:
    """Show who may message the user, and whether others see their presence."""
    return rx.el.section(
        rx.el.h2(say("Privacy")),
        rx.el.fieldset(
            rx.el.legend(say("Who may message me"), class_name="field-label"),
            _choice("everyone", say("Everyone")),
            _choice("friends", say("Friends only")),
            class_name="choices",
            # A refused change draws it again, as it still is; one from elsewhere as it is now.
            key=rx.Var.create(f"{SettingsState.choice_version} {SettingsState.problem}"),
        ),
        switch(
            say("Show when I am online"),
            on=cells(SettingsState.share_presence),
            hint=say("Friends and people you write with see it, and when you were last here."),
            turn=call(SettingsState.show_presence, ~cells(SettingsState.share_presence)),
        ),
        aria_label=say("Privacy"),
    )


def _choice(value: str, label: rx.Var[str]) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="radio",
            name="accept-messages-from",
            # The browser shows the choice at once, without waiting for the server.
            default_checked=SettingsState.accept_messages_from == value,
            on_change=call(SettingsState.accept_from, value),
        ),
        label,
        class_name="choice",
    )


def sounds() -> rx.Component:
    """Show the switch of sounds, and the button to allow desktop notifications."""
    return rx.el.section(
        rx.el.h2(say("Sounds and notifications")),
        switch(
            say("Message sounds"),
            on=own_profile()["sound"],
            hint=say("A soft sound for a message from others while its chat is not in front."),
            turn=call(SettingsState.play_sounds, ~own_profile()["sound"]),
        ),
        # The script shows of these what fits the browser.
        rx.el.div(
            button(
                say("Allow desktop notifications"),
                hidden=True,
                custom_attrs={"data-notify": "true"},
            ),
            rx.el.p(
                role="status", class_name="field-hint", custom_attrs={"data-notify-state": "true"}
            ),
            class_name="settings-actions",
        ),
        aria_label=say("Sounds and notifications"),
    )


def keyboard() -> rx.Component:
    """Show the button that lists the keyboard shortcuts."""
    return rx.el.section(
        rx.el.h2(say("Keyboard")),
        rx.el.div(
            button(say("Keyboard shortcuts"), custom_attrs={"data-shortcuts": "true"}),
            class_name="settings-actions",
        ),
        aria_label=say("Keyboard"),
    )
