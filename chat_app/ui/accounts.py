"""The pages to sign in, register and reset a password: one card, one form, one button each."""

from typing import Any

import reflex as rx

from chat_app.ui.browser import auth_forms, connection_status, registration_element
from chat_app.ui.kit.controls import button, field, icon
from chat_app.ui.reflex.elements import address_parameter
from chat_app.ui.reflex.vars import BrowserEvent
from chat_app.ui.session import SessionState

# The link that an admin makes for somebody who has forgotten their password.
RESET_ROUTE = "/reset/[token]"


class SignInState(rx.State):
    """The state of the pages to sign in and register; anonymous tabs reach no handler."""

    @rx.event
    async def redirect_signed_in(self) -> BrowserEvent | None:
        """Redirect a signed-in user to the chat."""
        session = await self.get_state(SessionState)
        return rx.redirect("/") if session._identity() is not None else None


def login_page() -> rx.Component:
    """Show the form to sign in."""
    return _card(
        "Sign in",
        "Your conversations, live on every screen.",
        _form(
            "login",
            field("username", "Username", auto_complete="username", **_NAME),
            field(
                "password",
                "Password",
                hidden_text=True,
                auto_complete="current-password",
                required=True,
            ),
            button("Sign in", kind="primary", type="submit"),
        ),
        _alternative("New here?", "Create an account", "/register"),
    )


def register_page() -> rx.Component:
    """Show the form to sign up."""
    return _card(
        "Create your account",
        "A name and a password are all it takes.",
        registration_element(
            _refusal("closed", "No new accounts can be made here."),
            _refusal(
                "invited",
                "New accounts are by invitation here: open the link that you were sent.",
            ),
            _register_form(),
        ),
        _alternative("Already have an account?", "Sign in", "/login"),
    )


def reset_page() -> rx.Component:
    """Show the form to set a new password, for whoever has the link of an admin."""
    return _card(
        "Set a new password",
        "Your link is good once. You sign in with the new password then.",
        _form(
            "reset",
            rx.el.input(
                type="hidden", name="token", value=address_parameter("token"), required=True
            ),
            field(
                "new_password",
                "New password",
                hint="At least 10 characters.",
                hidden_text=True,
                auto_complete="new-password",
                required=True,
            ),
            button("Set password", kind="primary", type="submit"),
        ),
        _alternative("You know your password?", "Sign in", "/login"),
    )


def _refusal(rule: str, sentence: str) -> rx.Component:
    return rx.el.p(sentence, class_name=f"refused-if-{rule}")


def _register_form() -> rx.Component:
    return _form(
        "register",
        field(
            "username",
            "Username",
            hint="3 to 32 letters, digits, dots, dashes or underscores.",
            auto_complete="username",
            **_NAME,
        ),
        field(
            "display_name",
            "Display name",
            hint="Optional: what others see, in any script.",
            auto_complete="name",
            dir="auto",
        ),
        field(
            "password",
            "Password",
            hint="At least 10 characters.",
            hidden_text=True,
            auto_complete="new-password",
            required=True,
        ),
        button("Create account", kind="primary", type="submit"),
    )


# A username is not a word: phones must not correct or capitalize it.
_NAME: dict[str, Any] = {
    "required": True,
    "auto_capitalize": "none",
    "spell_check": False,
}


def _card(heading: str, sentence: str, form: rx.Component, foot: rx.Component) -> rx.Component:
    return rx.el.main(
        rx.el.div(
            rx.el.div(
                icon("bubbles"),
                rx.el.h1(heading),
                rx.el.p(sentence),
                class_name="card-head",
            ),
            auth_forms(form),
            foot,
            class_name="card",
        ),
        connection_status(),
        class_name="gate",
    )


def _form(kind: str, *content: rx.Component) -> rx.Component:
    # The script sends it. Before the script is there, POST at least keeps the password out of
    # the address.
    return rx.el.form(
        *content[:-1],
        rx.el.p(class_name="error-text", role="alert", hidden=True, custom_attrs=_ERROR_ATTRS),
        content[-1],
        method="post",
        no_validate=True,
        class_name="form",
        custom_attrs={"data-auth": kind},
    )


_ERROR_ATTRS = {"data-form-error": "true"}


def _alternative(question: str, label: str, path: str) -> rx.Component:
    return rx.el.p(
        question,
        " ",
        rx.el.A.create(label, href=path, custom_attrs={"data-other-door": "true"}),
        class_name="card-foot",
    )
