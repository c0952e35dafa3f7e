"""The pane of `/people`: friends, requests, suggestions and blocks."""

from collections.abc import Callable
from typing import Literal

import reflex as rx

from chat_app.ui.friends.person_dialog import more_button
from chat_app.ui.friends.state import ROUTE, FriendsState
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import PANE, back_link, button, icon
from chat_app.ui.kit.states import empty_state, problem, skeleton
from chat_app.ui.reflex.vars import Cells, Handler, call, cells


@rx.memo
def people_link() -> rx.Component:
    """Show the link to the people screen, with the number of incoming requests."""
    waiting = FriendsState.waiting
    label = rx.match(
        waiting, (0, "People"), (1, "People, 1 request"), f"People, {waiting} requests"
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
        rx.el.header(back_link(), rx.el.h1("People"), class_name="chat-head page-head"),
        rx.el.div(
            rx.el.div(
                problem(FriendsState.problem),
                rx.cond(
                    FriendsState.loaded,
                    rx.fragment(_requests(), _friends(), _suggestions(), _blocked()),
                    rx.cond(
                        FriendsState.problem == "",
                        skeleton("Loading people…", rows=6),
                        rx.fragment(),
                    ),
                ),
                class_name="people",
            ),
            class_name="people-scroll",
        ),
        id=PANE,
        tab_index=-1,
        class_name="pane",
    )


def _friends() -> rx.Component:
    return _region(
        "Friends",
        FriendsState.friends,
        lambda person: [
            _button("Message", person, FriendsState.talk_to),
            more_button(person["id"], person["name"], aria_describedby=_name_id(person)),
        ],
        empty=empty_state(
            "people",
            "No friends yet. Find somebody and ask them.",
            rx.el.a("Find people", to="/", class_name="button primary"),
        ),
    )


def _requests() -> rx.Component:
    incoming, outgoing = cells(FriendsState.incoming), cells(FriendsState.outgoing)
    return _section(
        "Requests",
        rx.cond(
            (incoming.length() == 0) & (outgoing.length() == 0),
            rx.el.p("No requests wait for an answer.", class_name="people-none"),
            rx.fragment(
                _list(
                    incoming,
                    "They ask you",
                    lambda person: [
                        _button("Accept", person, FriendsState.accept, kind="primary"),
                        _button("Decline", person, FriendsState.remove_request),
                    ],
                ),
                _list(
                    outgoing,
                    "You asked",
                    lambda person: [_button("Cancel", person, FriendsState.remove_request)],
                ),
            ),
        ),
    )


def _suggestions() -> rx.Component:
    return _region(
        "Suggestions",
        FriendsState.suggestions,
        lambda person: [_button("Add friend", person, FriendsState.request)],
        empty=rx.el.p(
            "Nobody to suggest yet. Friends of your friends will be here.", class_name="people-none"
        ),
    )


def _blocked() -> rx.Component:
    return _region(
        "Blocked",
        FriendsState.blocked,
        lambda person: [_button("Unblock", person, FriendsState.unblock)],
        empty=rx.el.p("You have blocked nobody.", class_name="people-none"),
    )


Actions = Callable[[Cells], list[rx.Component]]


def _region(name: str, rows: Cells, actions: Actions, *, empty: rx.Component) -> rx.Component:
    return _section(name, rx.cond(rows, _list(rows, name, actions), empty))


def _section(name: str, content: rx.Component) -> rx.Component:
    heading = f"people-{name.lower()}"
    return rx.el.section(
        rx.el.h2(name, id=heading), content, aria_labelledby=heading, class_name="people-region"
    )


def _list(rows: Cells, label: str, actions: Actions) -> rx.Component:
    return rx.cond(
        rows,
        rx.el.ul(
            rx.foreach(rows, lambda person: _person(person, actions(person))),
            aria_label=label,
            custom_attrs={"data-arrows": "true"},
        ),
        rx.fragment(),
    )


def _person(person: Cells, actions: list[rx.Component]) -> rx.Component:
    return rx.el.li(
        avatar(person["letters"], person["tone"], person["online"]),
        rx.el.div(
            rx.el.div(
                rx.el.bdi(person["name"]), id=_name_id(person), class_name="row-name one-line"
            ),
            rx.el.div(rx.el.bdi(person["about"]), class_name="row-preview one-line"),
            rx.cond(
                (FriendsState.failed_id == person["id"]) & (FriendsState.chosen_id == ""),
                rx.el.div(FriendsState.failed, role="alert", class_name="error-text"),
                rx.fragment(),
            ),
            class_name="row-text",
        ),
        rx.el.div(*actions, class_name="person-actions"),
        class_name="row person",
        key=person["id"],
    )


def _button(
    label: str,
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
