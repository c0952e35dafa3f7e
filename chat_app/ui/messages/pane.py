"""The pane of the open conversation, or the reason why there is none."""

import reflex as rx

from chat_app.ui.browser import address_id, chat_status
from chat_app.ui.friends.person_dialog import more_button
from chat_app.ui.friends.state import FriendsState
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import back_link, button
from chat_app.ui.kit.states import empty_state, notice, skeleton
from chat_app.ui.messages.composer import composer
from chat_app.ui.messages.state import TimelineState
from chat_app.ui.messages.timeline import timeline
from chat_app.ui.messages.typing_state import TypingState
from chat_app.ui.reflex.vars import call

# The id that the link past the side pane leads to.
PANE = "open"


def chat_pane() -> rx.Component:
    """Show the conversation that the address names, once it is loaded."""
    here = address_id()
    return rx.el.section(
        rx.cond(
            TimelineState.head["id"] == here,
            rx.fragment(
                _head(),
                timeline(),
                rx.cond(TimelineState.head["friendship"] == "blocked", _blocked(), composer()),
            ),
            rx.cond(
                TimelineState.missing == here,
                _missing(),
                _loading(),
            ),
        ),
        id=PANE,
        aria_label="Conversation",
        tab_index=-1,
        class_name="pane",
    )


def no_chat_pane() -> rx.Component:
    """Show a hint while no conversation is open."""
    return rx.el.section(
        empty_state(
            "bubbles",
            "Choose a conversation, or search for somebody to talk to.",
        ),
        id=PANE,
        aria_label="Conversation",
        tab_index=-1,
        class_name="pane",
    )


def _head() -> rx.Component:
    return rx.el.header(
        back_link(),
        avatar(TimelineState.head["letters"], TimelineState.head["tone"]),
        rx.el.div(
            rx.el.h1(rx.el.bdi(TimelineState.head["name"]), class_name="one-line"),
            _status_line(),
            class_name="who",
        ),
        rx.cond(
            TimelineState.head["peer_id"] != "",
            more_button(TimelineState.head["peer_id"], TimelineState.head["name"]),
            rx.fragment(),
        ),
        class_name="chat-head",
    )


def _status_line() -> rx.Component:
    """Show whether the person is online, since when not, or who is typing."""
    writing = TypingState.writing
    is_here = writing["conversation_id"] == TimelineState.head["id"]
    return chat_status(
        online=TimelineState.peer["online"],
        last_seen=TimelineState.peer["last_seen"],
        names=rx.cond(is_here, writing["names"], []).to(list[str]),
        mark=writing["mark"],
    )


def _blocked() -> rx.Component:
    peer_id = TimelineState.head["peer_id"]
    return rx.el.div(
        rx.el.p("You blocked this person."),
        button("Unblock", on_click=call(FriendsState.unblock, peer_id)),
        rx.cond(
            FriendsState.failed_id == peer_id,
            rx.el.p(FriendsState.failed, role="alert", class_name="error-text"),
            rx.fragment(),
        ),
        class_name="blocked-line",
    )


def _loading() -> rx.Component:
    return rx.fragment(
        rx.el.header(
            back_link(),
            rx.el.h1("Conversation", class_name="visually-hidden"),
            class_name="chat-head",
        ),
        rx.cond(
            TimelineState.problem != "",
            rx.el.div(notice(TimelineState.problem), class_name="column"),
            skeleton("Loading messages…", rows=3),
        ),
    )


def _missing() -> rx.Component:
    return empty_state(
        "lost",
        "There is no such conversation, or it is not one of yours.",
        rx.el.a("Back to the conversations", to="/", class_name="button plain"),
        heading=rx.el.h1("Not found"),
    )
