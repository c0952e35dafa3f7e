"""The pane of `/people`: friends, requests, suggestions and blocks."""

from typing import Literal

import reflex as rx

from chat_app.ui.browser import wanted_list
from chat_app.ui.friends.lists import group_rows, people_facts
from chat_app.ui.friends.person_dialog import more_button
from chat_app.ui.friends.rows import FriendRow, Group
from chat_app.ui.friends.state import ROUTE, FriendsState
from chat_app.ui.friends.view import LIST
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import PANE, back_link, button, icon
from chat_app.ui.kit.states import empty_state, skeleton
from chat_app.ui.reflex.elements import event_name, said, say
from chat_app.ui.reflex.vars import Cells, Handler, call, cells


@rx.memo
def people_link() -> rx.Component:
    """Show the link to the people screen, with the number of incoming requests."""
    waiting = people_facts()["waiting"]
    label = rx.cond(
        waiting > 0,
        say("People, {n} request|People, {n} requests", n=waiting),
        say("People"),
    )
    return rx.el.a(
        icon("people"),
        rx.cond(
            waiting > 0,
            rx.el.span(waiting, class_name="badge", aria_hidden="true"),
            rx.fragment(),
        ),
        to=ROUTE,
        aria_label=label,
        title=label,
        class_name="icon-button counted",
    )


def people_pane() -> rx.Component:
    """Show all lists of people."""
    return rx.el.section(
        rx.el.header(back_link(), rx.el.h1(say("People")), class_name="chat-head page-head"),
        rx.el.div(people_lists(), class_name="people-scroll"),
        id=PANE,
        tab_index=-1,
        class_name="pane",
    )


@rx.memo
def people_lists() -> rx.Component:
    """Show all lists of people, once the page has them."""
    return rx.el.div(
        wanted_list(name=LIST, event=event_name(FriendsState.load_again), payload="{}", leave=""),
        rx.cond(
            people_facts()["loaded"],
            rx.fragment(_requests(), _friends(), _suggestions(), _blocked()),
            skeleton(say("Loading people…"), rows=6),
        ),
        class_name="people",
    )


def _friends() -> rx.Component:
    return _region(
        say("Friends"),
        "friends",
        empty=empty_state(
            "people",
            say("No friends yet. Find somebody and ask them."),
            rx.el.a(say("Find people"), to="/", class_name="button primary"),
        ),
    )


def _requests() -> rx.Component:
    incoming, outgoing = group_rows("incoming"), group_rows("outgoing")
    return _section(
        "requests",
        say("Requests"),
        rx.cond(
            (incoming.length() == 0) & (outgoing.length() == 0),
            rx.el.p(say("No requests wait for an answer."), class_name="people-none"),
            rx.fragment(_list(incoming, say("They ask you")), _list(outgoing, say("You asked"))),
        ),
    )


def _suggestions() -> rx.Component:
    return _region(
        say("Suggestions"),
        "suggestions",
        empty=rx.el.p(
            say("Nobody to suggest yet. Friends of your friends will be here."),
            class_name="people-none",
        ),
    )


def _blocked() -> rx.Component:
    return _region(
        say("Blocked"),
        "blocked",
        empty=rx.el.p(
            say("You have blocked nobody. The menu of a person has “Block”."),
            class_name="people-none",
        ),
    )


def _region(name: rx.Var[str], group: Group, *, empty: rx.Component) -> rx.Component:
    rows = group_rows(group)
    return _section(group, name, rx.cond(rows.length() > 0, _list(rows, name), empty))


def _section(group: str, name: rx.Var[str], content: rx.Component) -> rx.Component:
    heading = f"people-{group}"
    return rx.el.section(
        rx.el.h2(name, id=heading), content, aria_labelledby=heading, class_name="people-region"
    )


def _list(rows: Cells, label: rx.Var[str]) -> rx.Component:
    return rx.cond(
        rows.length() > 0,
        rx.el.ul(
            rx.foreach(rows, lambda row: rx.fragment(person_item(row=row), key=row["id"])),
            aria_label=label,
            custom_attrs={"data-arrows": "true"},
        ),
        rx.fragment(),
    )


@rx.memo
def person_item(row: rx.Var[FriendRow]) -> rx.Component:
    """Show one person, with what can be done about them."""
    person = cells(row)
    return rx.el.li(
        avatar(person, online=person["online"]),
        rx.el.div(
            rx.el.div(
                person["name"], id=_name_id(person), class_name="row-name one-line", dir="auto"
            ),
            rx.el.div(person["about"], class_name="row-preview one-line", dir="auto"),
            rx.cond(
                (FriendsState.failed_id == person["id"]) & (FriendsState.chosen_id == ""),
                rx.el.div(said(FriendsState.failed), role="alert", class_name="error-text"),
                rx.fragment(),
            ),
            class_name="row-text",
        ),
        rx.el.div(
            rx.match(
                person["group"],
                (
                    "friends",
                    rx.fragment(
                        _button(say("Message#to somebody"), person, FriendsState.talk_to),
                        more_button(
                            person["id"], person["name"], aria_describedby=_name_id(person)
                        ),
                    ),
                ),
                (
                    "incoming",
                    rx.fragment(
                        _button(say("Accept"), person, FriendsState.accept, kind="primary"),
                        _button(say("Decline"), person, FriendsState.remove_request),
                    ),
                ),
                ("outgoing", _button(say("Cancel"), person, FriendsState.remove_request)),
                ("blocked", _button(say("Unblock"), person, FriendsState.unblock)),
                _button(say("Add friend"), person, FriendsState.request),
            ),
            class_name="person-actions",
        ),
        class_name="row person",
    )


def _button(
    label: rx.Var[str],
    person: Cells,
    handler: Handler,
    kind: Literal["primary", "plain"] = "plain",
) -> rx.Component:
    return button(
        label,
        kind=kind,
        on_click=call(handler, person["id"]),
        aria_describedby=_name_id(person),
    )


def _name_id(person: Cells) -> rx.Var[str]:
    return rx.Var.create(f"person-{person['id']}")
