"""Settings of the account: change the password, sign out, delete the account."""

import reflex as rx

from chat_app.ui.conversations.lists import own_profile
from chat_app.ui.kit.controls import button, field
from chat_app.ui.reflex.elements import say


def password_form() -> rx.Component:
    """Show the form to change the password."""
    return rx.el.section(
        rx.el.h2(say("Password")),
        rx.el.form(
            _username_hint(),
            field(
                "current_password",
                say("Current password"),
                hidden_text=True,
                auto_complete="current-password",
                required=True,
            ),
            field(
                "new_password",
                say("New password"),
                hint=say("At least 10 characters. All other devices will be signed out."),
                hidden_text=True,
                auto_complete="new-password",
                required=True,
            ),
            _error(),
            rx.el.div(
                button(say("Change password"), type="submit"),
                rx.el.p(
                    role="status", class_name="field-hint", custom_attrs={"data-form-done": "true"}
                ),
                class_name="settings-actions",
            ),
            method="post",
            no_validate=True,
            class_name="form",
            custom_attrs={"data-auth": "password"},
        ),
        aria_label=say("Password"),
    )


def account_section() -> rx.Component:
    """Show the button to sign out and the form to delete the account."""
    return rx.el.section(
        rx.el.h2(say("Account")),
        rx.el.div(
            button(say("Sign out"), custom_attrs={"data-sign-out": "true"}),
            rx.el.p(
                class_name="error-text",
                role="alert",
                hidden=True,
                custom_attrs={"data-sign-out-error": "true"},
            ),
            class_name="settings-actions",
        ),
        rx.el.details(
            rx.el.summary(say("Delete account"), class_name="button plain"),
            _delete_form(),
        ),
        aria_label=say("Account"),
    )


def _delete_form() -> rx.Component:
    return rx.el.form(
        rx.el.p(
            say(
                "Your profile, your friends and your devices go at once, and nobody can take that "
                "back. What you wrote stays with those you wrote to, as from “Deleted user”. "
                "Your username becomes free for others."
            )
        ),
        _username_hint(),
        field(
            "password",
            say("Your password, to confirm"),
            hidden_text=True,
            auto_complete="current-password",
            required=True,
        ),
        _error(),
        button(say("Delete my account for ever"), kind="danger", type="submit"),
        method="post",
        no_validate=True,
        class_name="form confirm",
        custom_attrs={"data-auth": "leave"},
    )


def _username_hint() -> rx.Component:
    # Password managers read it; it has no name, so it is not sent.
    return rx.el.input(
        type="text",
        value=own_profile()["username"],
        read_only=True,
        hidden=True,
        auto_complete="username",
    )


def _error() -> rx.Component:
    return rx.el.p(
        class_name="error-text",
        role="alert",
        hidden=True,
        custom_attrs={"data-form-error": "true"},
    )
