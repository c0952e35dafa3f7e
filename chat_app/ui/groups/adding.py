"""The dialogs to make a group and to add people to one."""

import reflex as rx

from chat_app.ui.groups.adding_state import MAX_QUERY_LENGTH, SEARCH_ID, AddingState
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import button, dialog, field, icon, icon_button, select_field
from chat_app.ui.reflex.elements import said, say
from chat_app.ui.reflex.vars import Cells, call, debounced

FORM = "new-group"
VISIBILITIES = {
    "private": say("Private: by invitation"),
    "open": say("Open: everybody here may join"),
}


@rx.memo
def new_group_button() -> rx.Component:
    """Show the button to make a group."""
    return icon_button(
        "new-group", say("New group"), on_click=AddingState.open_new, aria_haspopup="dialog"
    )


@rx.memo
def adding_dialog() -> rx.Component:
    """Show the dialog to make a group, or to add people to one, while it is open."""
    return rx.match(
        AddingState.purpose,
        ("new", _new_group()),
        ("add", _add_people()),
        rx.fragment(),
    )


def _new_group() -> rx.Component:
    return dialog(
        rx.el.span(say("New group")),
        rx.el.form(
            field(
                "new_title",
                say("Group name"),
                error=AddingState.errors.get("title", ""),
                auto_complete="off",
                required=True,
                dir="auto",
                custom_attrs={"data-first": "true"},
            ),
            field(
                "new_description",
                say("Description"),
                hint=say("Optional."),
                lines=2,
                error=AddingState.errors.get("description", ""),
                auto_complete="off",
                dir="auto",
            ),
            select_field(
                "new_visibility", say("Who may join"), VISIBILITIES, default_value="private"
            ),
            id=FORM,
            on_submit=AddingState.create,
            no_validate=True,
            class_name="form",
        ),
        _people(),
        _problem(),
        on_dismiss=AddingState.dismiss,
        beside=button(say("Create"), kind="primary", type="submit", form=FORM),
        name="new-group-title",
    )


def _add_people() -> rx.Component:
    return dialog(
        rx.el.span(say("Add people")),
        _people(is_first=True),
        _problem(),
        on_dismiss=AddingState.dismiss,
        beside=button(say("Add"), kind="primary", on_click=AddingState.add),
        name="new-group-title",
    )


def _problem() -> rx.Component:
    return rx.cond(
        AddingState.problem != "",
        rx.el.p(said(AddingState.problem), role="alert", class_name="error-text"),
        rx.fragment(),
    )


def _people(*, is_first: bool = False) -> rx.Component:
    """Show the people chosen, the search for others, and who was found."""
    first = {"data-first": "true"} if is_first else {}
    return rx.el.div(
        rx.el.label(say("Add people"), html_for=SEARCH_ID, class_name="field-label"),
        rx.cond(
            AddingState.chosen,
            rx.el.ul(
                rx.foreach(AddingState.chosen, _chip),
                aria_label=say("People chosen"),
                class_name="chips",
            ),
            rx.fragment(),
        ),
        rx.el.div(
            icon("search"),
            rx.el.input(
                id=SEARCH_ID,
                type="search",
                placeholder=say("Search people"),
                auto_complete="off",
                spell_check=False,
                enter_key_hint="search",
                max_length=MAX_QUERY_LENGTH,
                on_change=debounced(AddingState.search, 200),
                class_name="input",
                dir="auto",
                custom_attrs={"data-search": "true", **first},
            ),
            class_name="search",
        ),
        rx.el.div(said(AddingState.announcement), role="status", class_name="visually-hidden"),
        rx.cond(
            AddingState.found,
            rx.el.ul(
                rx.foreach(AddingState.found, _hit),
                aria_label=say("People to add"),
                class_name="picks",
                custom_attrs={"data-arrows": "true", "data-hits": AddingState.found_by},
            ),
            rx.cond(
                (AddingState.query != "") & (AddingState.found_by == AddingState.query),
                rx.el.p(say("Nobody else by that name."), class_name="field-hint"),
                rx.fragment(),
            ),
        ),
        class_name="adding",
    )


def _chip(person: Cells) -> rx.Component:
    return rx.el.li(
        rx.el.bdi(person["name"], class_name="one-line"),
        icon_button(
            "cross",
            say("Remove {name}", name=person["name"]),
            on_click=call(AddingState.drop, person["id"]),
        ),
        class_name=rx.cond(person["refused"], "chip refused", "chip"),
        key=person["id"],
    )


def _hit(person: Cells) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            avatar(person),
            rx.el.span(
                rx.el.bdi(person["name"], class_name="row-name one-line"),
                rx.el.span(person["handle"], class_name="row-preview one-line", dir="auto"),
                class_name="row-text",
            ),
            type="button",
            on_click=call(AddingState.choose, person["id"]),
            class_name="row pick",
        ),
        key=person["id"],
    )
