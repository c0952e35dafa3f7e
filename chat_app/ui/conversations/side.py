"""The side pane: who I am, finding people, my conversations."""

import reflex as rx
from reflex.style import color_mode, set_color_mode

from chat_app.ui.browser.scripts import full_time, list_keys, short_time
from chat_app.ui.conversations.people import LONGEST_QUERY, PeopleState
from chat_app.ui.conversations.rows import ConversationRow, PersonRow
from chat_app.ui.conversations.state import ConversationsState
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.button import button, icon_button
from chat_app.ui.kit.icon import icon
from chat_app.ui.kit.states import badge, empty_state, notice, skeleton
from chat_app.ui.session import SessionState

SEARCH = "search-people"


def side_pane(open_id: str | rx.Var[str]) -> rx.Component:
    """Show the side pane; the conversation `open_id` is marked as the open one."""
    return list_keys(
        _whoami(),
        _search_box(),
        rx.cond(
            PeopleState.query != "",
            _people_found(),
            _conversations(open_id),
        ),
    )


def _whoami() -> rx.Component:
    return rx.el.header(
        rx.el.div(
            rx.el.div(SessionState.display_name, class_name="who-name one-line", dir="auto"),
            rx.el.div("@", SessionState.username, class_name="who-handle one-line"),
            rx.el.div(
                class_name="error-text",
                role="alert",
                hidden=True,
                custom_attrs={"data-sign-out-error": "true"},
            ),
            class_name="who",
        ),
        _scheme_button(),
        icon_button("sign-out", "Sign out", custom_attrs={"data-sign-out": "true"}),
        class_name="side-head",
    )


def _scheme_button() -> rx.Component:
    return icon_button(
        "moon",
        rx.match(
            color_mode,
            ("light", "Colours: light"),
            ("dark", "Colours: dark"),
            "Colours: like the system",
        ),
        on_click=set_color_mode(
            rx.match(color_mode, ("system", "light"), ("light", "dark"), "system")
        ),
    )


def _search_box() -> rx.Component:
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
            on_change=PeopleState.search.debounce(200),
            class_name="input",
            dir="auto",
            custom_attrs={"data-search": "true"},
        ),
        role="search",
        class_name="search",
    )


def _people_found() -> rx.Component:
    return rx.el.div(
        _problem(PeopleState.problem),
        rx.cond(
            PeopleState.found.length() > 0,
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


def _person(person: rx.Var[PersonRow]) -> rx.Component:
    return rx.el.li(
        avatar(person["letters"], person["tone"]),
        rx.el.div(
            rx.el.div(person["name"], class_name="row-name one-line", dir="auto"),
            rx.el.div(person["handle"], class_name="row-preview one-line"),
            class_name="row-text",
        ),
        button("Message", kind="quiet", on_click=PeopleState.talk_to(person["id"])),
        class_name="row",
        key=person["id"],
    )


def _conversations(open_id: str | rx.Var[str]) -> rx.Component:
    rows = ConversationsState.recent + ConversationsState.others
    return rx.el.nav(
        _problem(ConversationsState.problem),
        rx.cond(
            ConversationsState.recent.length() > 0,
            rx.el.ul(
                rx.foreach(
                    rows,
                    lambda row: rx.fragment(
                        conversation_item(row=row, is_open=row["id"] == open_id), key=row["id"]
                    ),
                ),
                custom_attrs={"data-arrows": "true"},
            ),
            rx.cond(ConversationsState.loaded, _no_conversations(), _loading()),
        ),
        rx.cond(
            ConversationsState.has_more,
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
    """Show a conversation: the whole row is the link."""
    return rx.el.li(
        rx.el.a(
            avatar(row["letters"], row["tone"]),
            rx.el.div(
                rx.el.div(
                    rx.el.span(row["name"], class_name="row-name one-line", dir="auto"),
                    rx.el.time(
                        short_time(row["at"]),
                        date_time=row["at"],
                        title=full_time(row["at"]),
                        class_name="row-time",
                    ),
                    class_name="row-line",
                ),
                rx.el.div(
                    rx.el.span(row["preview"], class_name="row-preview one-line", dir="auto"),
                    rx.cond(row["unread"] > 0, badge(row["unread"])),
                    class_name="row-line",
                ),
                class_name="row-text",
            ),
            to=row["href"],
            custom_attrs={"aria-current": rx.cond(is_open, "page", None)},
            class_name=rx.cond(row["unread"] > 0, "row unread", "row"),
        )
    )


def _loading() -> rx.Component:
    return rx.cond(
        ConversationsState.problem == "", skeleton("Loading conversations…", rows=6), rx.fragment()
    )


def _no_conversations() -> rx.Component:
    return empty_state(
        "people",
        "No conversations yet. Find someone to talk to.",
        button("Find people", kind="primary", on_click=rx.set_focus(SEARCH)),
    )


def _problem(words: rx.Var[str] | str) -> rx.Component:
    return rx.cond(words != "", notice(words), rx.fragment())
