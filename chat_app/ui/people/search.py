"""The search for people in the side pane: its field and the people found."""

from typing import TypedDict

import reflex as rx

from chat_app.ui.groups.adding_state import AddingState
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import button, icon
from chat_app.ui.kit.states import empty_state, problem, skeleton
from chat_app.ui.people.rows import PersonRow
from chat_app.ui.people.state import MAX_QUERY_LENGTH, SEARCH_ID, PeopleState
from chat_app.ui.people.view import LIST
from chat_app.ui.reflex.elements import kept_facts, kept_rows, said, say
from chat_app.ui.reflex.vars import Cells, call, cells, debounced


class Facts(TypedDict):
    """The facts about the people found; their query is older while a search is running."""

    query: str
    announcement: str


NOBODY = Facts(query="", announcement="")


@rx.memo
def search_box() -> rx.Component:
    """Show the search field; the people found take the place of the conversations."""
    return rx.el.div(
        icon("search"),
        rx.el.input(
            id=SEARCH_ID,
            type="search",
            placeholder=say("Search people"),
            aria_label=say("Search people"),
            auto_complete="off",
            spell_check=False,
            enter_key_hint="search",
            max_length=MAX_QUERY_LENGTH,
            on_change=debounced(PeopleState.search, 200),
            class_name="input",
            dir="auto",
            custom_attrs={"data-search": "true"},
        ),
        # Not among the people found: a live region must exist before its text changes.
        rx.el.div(said(found_facts()["announcement"]), role="status", class_name="visually-hidden"),
        role="search",
        class_name="search",
    )


@rx.memo
def people_found() -> rx.Component:
    """Show the people found."""
    rows = kept_rows(LIST).to(list[PersonRow])
    return rx.el.div(
        problem(PeopleState.problem),
        rx.cond(
            rows.length() > 0,
            rx.el.ul(
                rx.foreach(rows, lambda row: rx.fragment(person_found(row=row), key=row["id"])),
                aria_label=say("People found"),
                custom_attrs={"data-arrows": "true", "data-hits": found_facts()["query"]},
            ),
            rx.cond(
                PeopleState.searching,
                skeleton(say("Searching…"), rows=3),
                rx.cond(
                    PeopleState.problem == "",
                    empty_state(
                        "lost",
                        say("Nobody by that name. Try a part of it."),
                        rx.el.p(say("Who has no account yet can come by the link of a group.")),
                        button(say("Start a group"), on_click=AddingState.open_new),
                    ),
                    rx.fragment(),
                ),
            ),
        ),
        class_name="side-list",
    )


def found_facts() -> Cells:
    """Return the facts about the people found."""
    return kept_facts(LIST, NOBODY).to(Facts)


@rx.memo
def person_found(row: rx.Var[PersonRow]) -> rx.Component:
    """Show a person, with their friendship and what can be done."""
    person = cells(row)
    # A var: Reflex would write the hash of a text's var, which is different in every process.
    name_id = rx.Var.create(f"found-{person['id']}")
    friendship = rx.cond(
        person["friendship"] != "",
        rx.el.span(said(person["friendship"]), class_name="found-friendship"),
        rx.fragment(),
    )
    return rx.el.li(
        avatar(person, online=person["online"]),
        rx.el.div(
            rx.el.div(person["name"], id=name_id, class_name="row-name one-line", dir="auto"),
            rx.el.div(
                rx.el.span(person["handle"], class_name="one-line", dir="auto"),
                friendship,
                class_name="row-preview found-about",
            ),
            rx.el.div(
                button(
                    say("Message#to somebody"),
                    on_click=call(PeopleState.talk_to, person["id"]),
                    aria_describedby=name_id,
                ),
                rx.cond(
                    person["action"] != "",
                    # One button for all actions: it keeps the focus when the action changes.
                    button(
                        said(person["action"]),
                        kind="quiet",
                        on_click=call(PeopleState.befriend, person["id"], person["action"]),
                        aria_describedby=name_id,
                    ),
                    rx.fragment(),
                ),
                class_name="found-actions",
            ),
            rx.cond(
                person["problem"] != "",
                rx.el.div(said(person["problem"]), role="alert", class_name="error-text"),
                rx.fragment(),
            ),
            class_name="row-text",
        ),
        class_name="row found",
    )
