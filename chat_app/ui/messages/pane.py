"""The pane of the open conversation, or the reason why there is none."""

from typing import TypedDict

import reflex as rx

from chat_app.ui.browser import address_id, chat_status, wanted_list
from chat_app.ui.conversations.hints import first_hints
from chat_app.ui.conversations.lists import account_id
from chat_app.ui.files.shared import shared_files_icon
from chat_app.ui.friends.person_dialog import more_button
from chat_app.ui.friends.state import FriendsState
from chat_app.ui.groups.details import group_details
from chat_app.ui.groups.state import GroupState
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import PANE, back_link, button, icon, icon_button
from chat_app.ui.kit.states import empty_state, skeleton
from chat_app.ui.messages.composer import composer
from chat_app.ui.messages.state import OPEN, TimelineState
from chat_app.ui.messages.timeline import chat_row, timeline, timeline_facts
from chat_app.ui.messages.view import TYPING
from chat_app.ui.pinned.panel import pinned_button, pinned_panel
from chat_app.ui.reflex.elements import ScriptedElement, event_name, kept_facts, said, say
from chat_app.ui.reflex.vars import Cells, call, cells
from chat_app.ui.search.page import search_here_link


class _Unsent(ScriptedElement):
    tag = "chat-unsent"
    script = "unsent.js"


class Typing(TypedDict):
    """The people who type in a conversation; `mark` changes with each event of that."""

    conversation_id: str
    names: list[str]
    mark: int


NOBODY_TYPES = Typing(conversation_id="", names=[], mark=0)


def chat_pane() -> rx.Component:
    """Show the conversation that the address names, once the page has it."""
    return rx.el.section(
        open_chat(conversation_id=address_id()),
        id=PANE,
        aria_label=say("Conversation"),
        tab_index=-1,
        class_name="pane",
    )


@rx.memo
def open_chat(conversation_id: rx.Var[str]) -> rx.Component:
    """Show a conversation, or why it is not there."""
    chat = chat_row(conversation_id)
    is_there = (chat["id"] != "") & timeline_facts(conversation_id)["loaded"]
    return rx.cond(
        chat["missing"],
        rx.fragment(
            rx.cond(chat["removed"], _removed(), _missing()),
            _Unsent.create(
                class_name="unsent",
                custom_attrs={"user-id": account_id(), "conversation-id": conversation_id},
            ),
        ),
        rx.cond(
            is_there,
            rx.fragment(
                _head(chat),
                timeline(conversation_id),
                rx.cond(
                    chat["friendship"] == "blocked",
                    _blocked(chat["peer_id"]),
                    rx.cond(chat["may_write"], composer(conversation_id), _read_only()),
                ),
                group_details(group_id=conversation_id),
                pinned_panel(conversation_id=conversation_id),
            ),
            _loading(conversation_id),
        ),
    )


def no_chat_pane() -> rx.Component:
    """Show a hint while no conversation is open."""
    return rx.el.section(
        empty_state(
            "bubbles",
            say("Choose a conversation, or search for somebody to talk to."),
        ),
        first_hints("pane"),
        id=PANE,
        aria_label=say("Conversation"),
        tab_index=-1,
        class_name="pane",
    )


def _head(chat: Cells) -> rx.Component:
    return rx.el.header(
        back_link(),
        avatar(chat),
        rx.el.div(
            rx.el.h1(chat["name"], class_name="one-line", dir="auto"),
            _status_line(chat),
            class_name="who",
        ),
        rx.cond(
            chat["muted"],
            rx.el.span(
                icon("muted"),
                role="img",
                aria_label=say("Muted"),
                title=say("Muted"),
                class_name="row-mark",
            ),
        ),
        icon_button(
            "calendar",
            say("Go to a date"),
            class_name="icon-button wide-only",
            custom_attrs={"data-day": ""},
        ),
        search_here_link(chat["id"]),
        shared_files_icon(chat["id"]),
        pinned_button(chat["id"]),
        rx.cond(
            chat["kind"] == "group",
            icon_button(
                "info",
                say("Group details"),
                on_click=call(GroupState.toggle, chat["id"]),
            ),
        ),
        rx.cond(
            chat["peer_id"] != "",
            more_button(chat["peer_id"], chat["name"]),
            rx.fragment(),
        ),
        class_name="chat-head",
    )


def _status_line(chat: Cells) -> rx.Component:
    """Show whether the person is online, since when not, or who is typing."""
    typing = cells(kept_facts(TYPING, NOBODY_TYPES).to(Typing))
    is_here = typing["conversation_id"] == chat["id"]
    return chat_status(
        online=chat["online"],
        last_seen=chat["last_seen"],
        names=rx.cond(is_here, typing["names"], []),
        mark=typing["mark"],
        otherwise=rx.cond(
            chat["kind"] == "group",
            say("{n} member|{n} members", n=chat["members_count"]),
            "",
        ),
    )


def _read_only() -> rx.Component:
    return rx.el.div(rx.el.p(say("Only admins write in this group.")), class_name="blocked-line")


def _blocked(peer_id: rx.Var[str]) -> rx.Component:
    return rx.el.div(
        rx.el.p(say("You blocked this person.")),
        button(say("Unblock"), on_click=call(FriendsState.unblock, peer_id)),
        rx.cond(
            FriendsState.failed_id == peer_id,
            rx.el.p(said(FriendsState.failed), role="alert", class_name="error-text"),
            rx.fragment(),
        ),
        class_name="blocked-line",
    )


def _loading(conversation_id: rx.Var[str]) -> rx.Component:
    wanted = rx.Var.create({"conversation_id": conversation_id, "kind": OPEN, "seq": 0})
    return rx.fragment(
        rx.el.header(
            back_link(),
            rx.el.h1(say("Conversation"), class_name="visually-hidden"),
            class_name="chat-head",
        ),
        rx.fragment(
            wanted_list(
                name=f"messages:{conversation_id}",
                event=event_name(TimelineState.send_page),
                payload=wanted.to_string(),
                leave="",
            ),
            key=conversation_id,
        ),
        skeleton(say("Loading messages…"), rows=3),
    )


def _removed() -> rx.Component:
    return empty_state(
        "lost",
        say("You are no longer in this group, or it was deleted."),
        rx.el.a(say("Back to the conversations"), to="/", class_name="button plain"),
        heading=rx.el.h1(say("Not in this group")),
    )


def _missing() -> rx.Component:
    return empty_state(
        "lost",
        say("There is no such conversation, or it is not one of yours."),
        rx.el.a(say("Back to the conversations"), to="/", class_name="button plain"),
        heading=rx.el.h1(say("Not found")),
    )
