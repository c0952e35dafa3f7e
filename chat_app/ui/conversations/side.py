"""The side pane: the own name, the search for people, and the conversations."""

import reflex as rx

from chat_app.ui.browser import arrow_key_lists, full_time, short_time, wanted_list
from chat_app.ui.conversations.lists import conversation_facts, conversation_rows, own_profile
from chat_app.ui.conversations.rows import ConversationRow
from chat_app.ui.conversations.state import ConversationsState
from chat_app.ui.conversations.view import LIST
from chat_app.ui.friends.page import people_link
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import button, icon_button, icon_link
from chat_app.ui.kit.states import badge, empty_state, skeleton
from chat_app.ui.people.search import people_found, search_box
from chat_app.ui.people.state import SEARCH_ID, PeopleState
from chat_app.ui.reflex.elements import (
    call_inline,
    choose_color_mode,
    chosen_color_mode,
    event_name,
)
from chat_app.ui.reflex.vars import cells

NEWEST_FIRST = "((rows) => rows.toReversed())"


@rx.memo
def side_pane(open_id: rx.Var[str], signs_out: rx.Var[bool]) -> rx.Component:
    """Show the side pane, with the conversation `open_id` marked as open.

    It has no button to sign out beside a pane with one of its own.
    """
    return arrow_key_lists(
        _whoami(signs_out),
        search_box(),
        rx.cond(
            PeopleState.query != "",
            people_found(),
            conversation_list(open_id=open_id),
        ),
    )


def _whoami(signs_out: rx.Var[bool]) -> rx.Component:
    # Empty lines keep the space until the name is loaded.
    profile = own_profile()
    handle = rx.cond(profile["username"] != "", f"@{profile['username']}", "")
    return rx.el.header(
        rx.el.div(
            rx.el.div(rx.el.bdi(profile["display_name"]), class_name="who-name one-line"),
            rx.el.div(handle, class_name="who-handle one-line"),
            rx.cond(signs_out, _sign_out_error()),
            class_name="who",
        ),
        people_link(),
        _scheme_button(),
        icon_link("settings", "Settings", "/settings"),
        rx.cond(
            signs_out,
            icon_button("sign-out", "Sign out", custom_attrs={"data-sign-out": "true"}),
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
            ("light", "Colours: light"),
            ("dark", "Colours: dark"),
            "Colours: like the system",
        ),
        on_click=choose_color_mode(
            rx.match(mode, ("system", "light"), ("light", "dark"), "system")
        ),
    )


@rx.memo
def conversation_list(open_id: rx.Var[str]) -> rx.Component:
    """Show the conversations, newest activity first."""
    facts = conversation_facts()
    rows = call_inline(NEWEST_FIRST, conversation_rows()).to(list[ConversationRow])
    return rx.el.nav(
        wanted_list(name=LIST, event=event_name(ConversationsState.load_again), payload="{}"),
        rx.cond(
            rows.length() > 0,
            rx.el.ul(
                rx.foreach(
                    rows,
                    lambda row: rx.fragment(
                        conversation_item(row=row, is_open=row["id"] == open_id), key=row["id"]
                    ),
                ),
                custom_attrs={"data-arrows": "true"},
            ),
            rx.cond(facts["loaded"], _no_conversations(), _loading()),
        ),
        rx.cond(
            facts["has_more"],
            rx.el.div(
                button(
                    "Show older conversations",
                    kind="quiet",
                    on_click=ConversationsState.load_more,
                ),
                class_name="side-more",
            ),
        ),
        aria_label="Conversations",
        class_name="side-list",
    )


@rx.memo
def conversation_item(row: rx.Var[ConversationRow], is_open: rx.Var[bool]) -> rx.Component:
    """Show one conversation; the whole row is a link."""
    cell = cells(row)
    return rx.el.li(
        rx.el.a(
            avatar(cell["letters"], cell["tone"], online=cell["online"]),
            rx.el.div(
                rx.el.div(
                    rx.el.span(rx.el.bdi(cell["name"]), class_name="row-name one-line"),
                    rx.el.time(
                        short_time(cell["at"]),
                        date_time=cell["at"],
                        title=full_time(cell["at"]),
                        class_name="row-time",
                    ),
                    class_name="row-line",
                ),
                rx.el.div(
                    rx.el.span(rx.el.bdi(cell["preview"]), class_name="row-preview one-line"),
                    rx.cond(cell["unread"] > 0, badge(cell["unread"])),
                    class_name="row-line",
                ),
                class_name="row-text",
            ),
            to=cell["href"],
            custom_attrs={"aria-current": rx.cond(is_open, "page", None)},
            class_name=rx.cond(cell["unread"] > 0, "row unread", "row"),
        )
    )


def _loading() -> rx.Component:
    return skeleton("Loading conversations…", rows=6)


def _no_conversations() -> rx.Component:
    return empty_state(
        "people",
        "No conversations yet. Find someone to talk to.",
        button("Find people", kind="primary", on_click=rx.set_focus(SEARCH_ID)),
    )
