"""The pages to sign in, register and reset a password: one card, one form, one button each."""

from typing import Any

import reflex as rx

from chat_app.ui.browser import auth_forms, connection_status, registration_element
from chat_app.ui.kit.controls import button, field, icon
from chat_app.ui.reflex.elements import address_parameter, say
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
        say("Sign in"),
        say("Your conversations, live on every screen."),
        _form(
            "login",
            field("username", say("Username"), auto_complete="username", **_NAME),
            field(
                "password",
                say("Password"),
                hidden_text=True,
                auto_complete="current-password",
                required=True,
            ),
            button(say("Sign in"), kind="primary", type="submit"),
        ),
        _alternative(say("New here?"), say("Create an account"), "/register"),
    )


def register_page() -> rx.Component:
    """Show the form to sign up."""
    return _card(
        say("Create your account"),
        say("A name and a password are all it takes."),
        registration_element(
            _refusal("closed", say("No new accounts can be made here.")),
            _refusal(
                "invited",
                say("New accounts are by invitation here: open the link that you were sent."),
            ),
            _register_form(),
        ),
        _alternative(say("Already have an account?"), say("Sign in"), "/login"),
    )


def reset_page() -> rx.Component:
    """Show the form to set a new password, for whoever has the link of an admin."""
    return _card(
        say("Set a new password"),
        say("Your link is good once. You sign in with the new password then."),
        _form(
            "reset",
            rx.el.input(
                type="hidden", name="token", value=address_parameter("token"), required=True
            ),
            field(
                "new_password",
                say("New password"),
                hint=say("At least 10 characters."),
                hidden_text=True,
                auto_complete="new-password",
                required=True,
            ),
            button(say("Set password"), kind="primary", type="submit"),
        ),
        _alternative(say("You know your password?"), say("Sign in"), "/login"),
    )


def _refusal(rule: str, sentence: rx.Var[str]) -> rx.Component:
    return rx.el.p(sentence, class_name=f"refused-if-{rule}")


def _register_form() -> rx.Component:
    return _form(
        "register",
        field(
            "username",
            say("Username"),
            hint=say("3 to 32 letters, digits, dots, dashes or underscores."),
            auto_complete="username",
            **_NAME,
        ),
        field(
            "display_name",
            say("Display name"),
            hint=say("Optional: what others see, in any script."),
            auto_complete="name",
            dir="auto",
        ),
        field(
            "password",
            say("Password"),
            hint=say("At least 10 characters."),
            hidden_text=True,
            auto_complete="new-password",
            required=True,
        ),
        button(say("Create account"), kind="primary", type="submit"),
    )


# A username is not a word: phones must not correct or capitalize it.
_NAME: dict[str, Any] = {
    "required": True,
    "auto_capitalize": "none",
    "spell_check": False,
}


def _card(
    heading: rx.Var[str], sentence: rx.Var[str], form: rx.Component, foot: rx.Component
) -> rx.Component:
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


def _alternative(question: rx.Var[str], label: rx.Var[str], path: str) -> rx.Component:
    return rx.el.p(
        question,
        " ",
        rx.el.A.create(label, href=path, custom_attrs={"data-other-door": "true"}),
        class_name="card-foot",
    )
