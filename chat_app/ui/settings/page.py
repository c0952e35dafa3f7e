"""The pane of the settings screen."""

import reflex as rx

from chat_app.ui.admin.page import admin_section
from chat_app.ui.browser import settings_element
from chat_app.ui.conversations.lists import account_id, own_profile
from chat_app.ui.kit.controls import PANE, back_link
from chat_app.ui.kit.states import notice, problem, skeleton
from chat_app.ui.reflex.elements import say
from chat_app.ui.settings.account import account_section, password_form
from chat_app.ui.settings.devices import devices
from chat_app.ui.settings.language import language
from chat_app.ui.settings.profile import keyboard, privacy, profile_form, sounds
from chat_app.ui.settings.push import push
from chat_app.ui.settings.state import SettingsState


def settings_pane() -> rx.Component:
    """Show all settings."""
    return rx.el.section(
        rx.el.header(
            back_link(),
            rx.el.h1(say("Settings"), class_name="one-line"),
            class_name="chat-head page-head",
        ),
        rx.el.div(
            rx.cond(
                SettingsState.profile["id"] != "",
                _everything(),
                rx.cond(
                    SettingsState.problem != "",
                    notice(SettingsState.problem),
                    skeleton(say("Loading settings…"), rows=5),
                ),
            ),
            class_name="settings",
        ),
        id=PANE,
        tab_index=-1,
        class_name="pane",
    )


def _everything() -> rx.Component:
    return settings_element(
        rx.el.div(
            problem(SettingsState.problem),
            profile_form(),
            privacy(),
            sounds(),
            push(),
            language(),
            keyboard(),
            devices(),
            password_form(),
            rx.cond(SettingsState.profile["admin"], admin_section()),
            account_section(),
            class_name="settings-column",
        ),
        # Nothing is stored for an account whose profile has just been removed.
        sound=rx.cond(
            own_profile()["username"] == "", "", rx.cond(own_profile()["sound"], "on", "off")
        ),
        user_id=account_id(),
    )
