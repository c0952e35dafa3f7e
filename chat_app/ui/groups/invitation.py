"""The page of an invitation, `/invite/{token}`: for anybody who has the link.

Its script loads the invitation over HTTP, so that people who are not signed in see it, too.
"""

from typing import Literal, TypedDict

import reflex as rx

from chat_app.ui.browser import connection_status, invitation_element
from chat_app.ui.conversations.lists import account_id
from chat_app.ui.kit.controls import button, icon
from chat_app.ui.kit.states import problem
from chat_app.ui.reflex.elements import address_parameter, kept_facts, say
from chat_app.ui.reflex.vars import Cells, cells

ROUTE = "/invite/[token]"


class Invitation(TypedDict):
    """An invitation, as facts about a list.

    The title is empty for one to the chat itself; `href` is the address of a group that the reader
    is in.
    """

    state: Literal["loading", "valid", "over", "away"]
    title: str
    description: str
    members: str
    inviter: str
    href: str
    problem: str


LOADING = Invitation(
    state="loading", title="", description="", members="", inviter="", href="", problem=""
)


def invitation_page() -> rx.Component:
    """Show what an invitation is to, and how to accept it."""
    return rx.el.main(
        invitation_element(invitation_card(), token=address_parameter("token")),
        connection_status(),
        class_name="gate",
    )


@rx.memo
def invitation_card() -> rx.Component:
    """Show the invitation of the address."""
    invitation = cells(kept_facts("invitation", LOADING).to(Invitation))
    return rx.el.div(
        rx.match(
            invitation["state"],
            ("valid", _valid(invitation)),
            ("over", _note(say("This invitation does not exist, or is over."))),
            ("away", _away()),
            _note(say("Loading the invitation…")),
        ),
        class_name="card",
    )


def _valid(invitation: Cells) -> rx.Component:
    is_to_group = invitation["title"] != ""
    return rx.fragment(
        rx.el.div(
            icon("people"),
            rx.el.h1(
                rx.cond(
                    is_to_group,
                    rx.el.bdi(invitation["title"]),
                    rx.el.span(say("You are invited to this chat")),
                )
            ),
            rx.cond(is_to_group, rx.el.p(invitation["members"])),
            rx.cond(
                invitation["description"] != "",
                rx.el.p(invitation["description"], class_name="details-text", dir="auto"),
            ),
            rx.cond(
                invitation["href"] != "",
                rx.el.p(say("You are in this group.")),
                rx.cond(
                    invitation["inviter"] != "",
                    rx.el.p(say("{name} invites you.", name=invitation["inviter"])),
                ),
            ),
            class_name="card-head",
        ),
        problem(invitation["problem"]),
        rx.cond(
            account_id() != "",
            rx.cond(
                is_to_group,
                rx.cond(
                    invitation["href"] != "",
                    # A full load: the shell, and its link, come with the page.
                    rx.el.A.create(
                        say("Open#a group"), href=invitation["href"], class_name="button primary"
                    ),
                    button(say("Join"), kind="primary", custom_attrs={"data-join": "true"}),
                ),
                _home(),
            ),
            rx.cond(
                rx.State.is_hydrated,
                rx.fragment(
                    rx.el.A.create(
                        say("Create an account"),
                        href="/register",
                        class_name="button primary",
                        custom_attrs={"data-come-back": "true"},
                    ),
                    rx.el.p(
                        say("Already have an account?"),
                        " ",
                        rx.el.A.create(
                            say("Sign in"), href="/login", custom_attrs={"data-come-back": "true"}
                        ),
                        class_name="card-foot",
                    ),
                ),
                rx.el.span(class_name="button plain", aria_hidden="true"),
            ),
        ),
    )


def _note(sentence: rx.Var[str]) -> rx.Component:
    return rx.fragment(
        rx.el.div(
            icon("people"), rx.el.h1(say("Invitation")), rx.el.p(sentence), class_name="card-head"
        ),
        _home(),
    )


def _away() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            icon("people"),
            rx.el.h1(say("Invitation")),
            rx.el.p(say("The chat cannot be reached right now.")),
            class_name="card-head",
        ),
        button(say("Try again"), kind="primary", custom_attrs={"data-again": "true"}),
    )


def _home() -> rx.Component:
    return rx.el.A.create(say("To the conversations"), href="/", class_name="button plain")
