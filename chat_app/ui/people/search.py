"""The search for people in the side pane."""

import reflex as rx

from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.button import button
from chat_app.ui.kit.icon import icon
from chat_app.ui.kit.states import empty_state, problem, skeleton
from chat_app.ui.people.state import LONGEST_QUERY, SEARCH, PeopleState
from chat_app.ui.values import Cells, call, debounced


def search_box() -> rx.Component:
    """Show the search field; whom it finds stands where the conversations were."""
    return rx.el.div(
        icon("search"),
        rx.el.input(
            id=SEARCH,
            type="search",
            placeholder="Search people",
            aria_label="Search people",
            auto_complete="off",
            spell_check=False,
            enter_key_hint="search",
            max_length=LONGEST_QUERY,
            on_change=debounced(PeopleState.search, 200),
            class_name="input",
            dir="auto",
            custom_attrs={"data-search": "true"},
        ),
        role="search",
        class_name="search",
    )


def people_found() -> rx.Component:
    """Show whom the search found."""
    return rx.el.div(
        problem(PeopleState.problem),
        rx.cond(
            PeopleState.found,
            rx.el.ul(
                rx.foreach(PeopleState.found, _person),
                aria_label="People found",
                custom_attrs={"data-arrows": "true", "data-hits": "true"},
            ),
            rx.cond(
                PeopleState.searching,
                skeleton("Searching…", rows=3),
                rx.cond(
                    PeopleState.problem == "",
                    empty_state("lost", "Nobody by that name. Try a part of it."),
                    rx.fragment(),
                ),
            ),
        ),
        class_name="side-list",
    )


def _person(person: Cells) -> rx.Component:
    return rx.el.li(
        avatar(person["letters"], person["tone"]),
        rx.el.div(
            rx.el.div(rx.el.bdi(person["name"]), class_name="row-name one-line"),
            rx.el.div(person["handle"], class_name="row-preview one-line"),
            class_name="row-text",
        ),
        button("Message", kind="quiet", on_click=call(PeopleState.talk_to, person["id"])),
        class_name="row",
        key=person["id"],
    )
