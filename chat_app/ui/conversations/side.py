"""The side pane: the own name, the search for people, and the conversations."""

from typing import Literal, TypedDict

import reflex as rx

from chat_app.ui.browser import (
    archived_conversations,
    arrow_key_lists,
    filter_element,
    full_time,
    listed_conversations,
    preview_line,
    short_time,
    wanted_list,
)
from chat_app.ui.conversations.hints import first_hints
from chat_app.ui.conversations.lists import conversation_facts, conversation_rows, own_profile
from chat_app.ui.conversations.rows import ConversationRow
from chat_app.ui.conversations.state import ConversationsState
from chat_app.ui.conversations.view import LIST
from chat_app.ui.friends.page import people_link
from chat_app.ui.groups.adding import new_group_button
from chat_app.ui.groups.adding_state import AddingState
from chat_app.ui.groups.channels import channels_link
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import button, icon, icon_button, icon_link
from chat_app.ui.kit.states import badge, empty_state, skeleton
from chat_app.ui.people.search import people_found, search_box
from chat_app.ui.people.state import SEARCH_ID, PeopleState
from chat_app.ui.reflex.elements import (
    choose_color_mode,
    chosen_color_mode,
    event_name,
    kept_facts,
    say,
)
from chat_app.ui.reflex.vars import Cells, cells
from chat_app.ui.saved.page import saved_button
from chat_app.ui.scheduled.page import scheduled_button
from chat_app.ui.search.page import search_link

Choice = Literal["all", "unread", "groups"]
CHOICES: dict[Choice, rx.Var[str]] = {
    "all": say("All#conversations"),
    "unread": say("Unread"),
    "groups": say("Groups"),
}


class Filter(TypedDict):
    """Which conversations are listed, and whether the archived ones are (`filter.js`)."""

    choice: Choice
    archived: bool


NO_FILTER = Filter(choice="all", archived=False)


@rx.memo
def side_pane(open_id: rx.Var[str], signs_out: rx.Var[bool]) -> rx.Component:
    """Show the side pane, with the conversation `open_id` marked as open.

    It has no button to sign out beside a pane with one of its own: that of the settings.
    """
    return arrow_key_lists(
        _whoami(signs_out),
        rx.el.div(search_box(), search_link(), class_name="side-search"),
        rx.cond(
            PeopleState.query != "",
            people_found(),
            filter_element(filter_bar(beside_save=~signs_out), conversation_list(open_id=open_id)),
        ),
    )


def _whoami(signs_out: rx.Var[bool]) -> rx.Component:
    # Empty lines keep the space until the name is loaded.
    profile = own_profile()
    handle = rx.cond(profile["username"] != "", f"@{profile['username']}", "")
    return rx.el.header(
        rx.el.div(
            rx.el.div(profile["display_name"], class_name="who-name one-line", dir="auto"),
            rx.el.div(handle, class_name="who-handle one-line", dir="auto"),
            rx.cond(signs_out, _sign_out_error()),
            class_name="who",
        ),
        people_link(),
        new_group_button(),
        _scheme_button(),
        icon_link("settings", say("Settings"), "/settings"),
        rx.cond(
            signs_out,
            icon_button("sign-out", say("Sign out"), custom_attrs={"data-sign-out": "true"}),
        ),
        class_name="side-head",
    )


def _sign_out_error() -> rx.Component:
    return rx.el.div(
        class_name="error-text",
        role="alert",
        hidden=True,
        custom_attrs={"data-sign-out-error": "true"},
    )


def _scheme_button() -> rx.Component:
    mode = chosen_color_mode()
    return icon_button(
        "moon",
        rx.match(
            mode,
            ("light", say("Colours: light")),
            ("dark", say("Colours: dark")),
            say("Colours: like the system"),
        ),
        on_click=choose_color_mode(
            rx.match(mode, ("system", "light"), ("light", "dark"), "system")
        ),
    )


def _chosen() -> Cells:
    return cells(kept_facts("filter", NO_FILTER).to(Filter))


@rx.memo
def filter_bar(beside_save: rx.Var[bool]) -> rx.Component:
    """Show the buttons that choose which conversations are listed, or open other lists."""
    choice = _chosen()["choice"]
    return rx.el.div(
        rx.el.div(
            *(
                rx.el.button(
                    label,
                    type="button",
                    aria_pressed=choice == value,
                    class_name="filter",
                    custom_attrs={"data-filter": value},
                )
                for value, label in CHOICES.items()
            ),
            role="group",
            aria_label=say("Show#which conversations"),
            class_name="filters",
        ),
        rx.el.div(
            channels_link(),
            saved_button(beside_save=beside_save),
            scheduled_button(),
            class_name="filter-links",
        ),
        class_name="filter-bar",
    )


@rx.memo
def conversation_list(open_id: rx.Var[str]) -> rx.Component:
    """Show the conversations: favourites first, newest activity first, archived ones apart."""
    facts = conversation_facts()
    chosen = _chosen()
    rows = listed_conversations(conversation_rows(), chosen["choice"], open_id).to(
        list[ConversationRow]
    )
    archived = archived_conversations(conversation_rows()).to(list[ConversationRow])
    return rx.el.nav(
        wanted_list(
            name=LIST, event=event_name(ConversationsState.load_again), payload="{}", leave=""
        ),
        rx.cond(
            rows.length() > 0,
            _items(rows, open_id),
            rx.cond(facts["loaded"], _none(chosen["choice"], archived.length() > 0), _loading()),
        ),
        rx.cond(
            facts["has_more"],
            rx.el.div(
                button(
                    say("Show older conversations"),
                    kind="quiet",
                    on_click=ConversationsState.load_more,
                ),
                class_name="side-more",
            ),
        ),
        rx.cond(
            archived.length() > 0,
            rx.fragment(
                rx.el.div(
                    rx.el.button(
                        say("Archived ({n})", n=archived.length()),
                        type="button",
                        aria_expanded=chosen["archived"],
                        class_name="button quiet",
                        custom_attrs={"data-archived": "true"},
                    ),
                    class_name="side-more",
                ),
                rx.cond(chosen["archived"], _items(archived, open_id)),
            ),
        ),
        first_hints("list"),
        aria_label=say("Conversations"),
        class_name="side-list",
    )


def _items(rows: Cells, open_id: rx.Var[str]) -> rx.Component:
    return rx.el.ul(
        rx.foreach(
            rows,
            lambda row: rx.fragment(
                conversation_item(row=row, is_open=row["id"] == open_id), key=row["id"]
            ),
        ),
        custom_attrs={"data-arrows": "true"},
    )


@rx.memo
def conversation_item(row: rx.Var[ConversationRow], is_open: rx.Var[bool]) -> rx.Component:
    """Show one conversation; the whole row is a link."""
    cell = cells(row)
    # The box of the open one shows it, and news go before it.
    shows_draft = cell["drafted"] & ~is_open & (cell["unread"] == 0)
    return rx.el.li(
        rx.el.a(
            avatar(cell, online=cell["online"]),
            rx.el.div(
                rx.el.div(
                    rx.el.span(cell["name"], class_name="row-name one-line", dir="auto"),
                    _mark("star", say("Favourite"), cell["favourite"]),
                    _mark("muted", say("Muted"), cell["muted"]),
                    rx.el.time(
                        short_time(cell["at"]),
                        date_time=cell["at"],
                        title=full_time(cell["at"]),
                        class_name="row-time",
                    ),
                    class_name="row-line",
                ),
                rx.el.div(
                    rx.cond(
                        shows_draft,
                        rx.el.span(
                            rx.el.span(say("Draft: "), class_name="row-draft"),
                            rx.el.bdi(preview_line(rx.Var.create(""), cell["drafted"])),
                            class_name="row-preview one-line",
                        ),
                        rx.el.span(
                            preview_line(cell["preview"], cell["excerpt"]),
                            class_name="row-preview one-line",
                            dir="auto",
                        ),
                    ),
                    rx.cond(
                        cell["mentions"] > 0,
                        rx.el.span(
                            "@",
                            rx.el.span(say(" mentions you"), class_name="visually-hidden"),
                            class_name="badge",
                        ),
                    ),
                    rx.cond(cell["unread"] > 0, badge(cell["unread"])),
                    class_name="row-line",
                ),
                class_name="row-text",
            ),
            to=cell["href"],
            custom_attrs={"aria-current": rx.cond(is_open, "page", None)},
            class_name=[
                "row",
                rx.cond(cell["unread"] > 0, "unread", ""),
                rx.cond(cell["muted"], "muted", ""),
            ],
        )
    )


def _mark(
    picture: Literal["star", "muted"], meaning: rx.Var[str], is_there: rx.Var[bool]
) -> rx.Component:
    return rx.cond(
        is_there,
        rx.el.span(
            icon(picture), role="img", aria_label=meaning, title=meaning, class_name="row-mark"
        ),
    )


def _loading() -> rx.Component:
    return skeleton(say("Loading conversations…"), rows=6)


def _none(choice: Cells, has_archived: Cells) -> rx.Component:
    """Show why the list is empty, by what was chosen."""
    return rx.match(
        choice,
        (
            "unread",
            empty_state(
                "bubbles",
                say("Nothing is unread."),
                button(say("Show all"), custom_attrs={"data-filter": "all"}),
            ),
        ),
        (
            "groups",
            empty_state(
                "people",
                say("No groups yet."),
                button(say("Make a group"), kind="primary", on_click=AddingState.open_new),
            ),
        ),
        rx.cond(
            has_archived,
            empty_state("bubbles", say("All conversations are archived.")),
            _no_conversations(),
        ),
    )


def _no_conversations() -> rx.Component:
    return empty_state(
        "people",
        say("No conversations yet. Find someone to talk to."),
        button(say("Find people"), kind="primary", on_click=rx.set_focus(SEARCH_ID)),
    )
