"""The pane of `/channels`: open groups, which everybody of this chat may join."""

import reflex as rx

from chat_app.ui.browser import wanted_list
from chat_app.ui.groups.adding_state import AddingState
from chat_app.ui.groups.channels_state import MAX_QUERY_LENGTH, ROUTE, ChannelsState
from chat_app.ui.groups.channels_view import LIST
from chat_app.ui.groups.facts import channel_facts, channel_list
from chat_app.ui.groups.rows import ChannelRow
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import PANE, back_link, button, icon, icon_link
from chat_app.ui.kit.states import empty_state, skeleton
from chat_app.ui.reflex.elements import event_name, said, say
from chat_app.ui.reflex.vars import Cells, call, cells, debounced

TITLE = say("Browse channels")


def channels_link() -> rx.Component:
    """Show the link to the open groups."""
    return icon_link("channels", TITLE, ROUTE)


def channels_pane() -> rx.Component:
    """Show the open groups, and a search for them."""
    return rx.el.section(
        rx.el.header(back_link(), rx.el.h1(TITLE), class_name="chat-head page-head"),
        rx.el.div(
            rx.el.div(
                rx.el.div(
                    icon("search"),
                    rx.el.input(
                        type="search",
                        placeholder=say("Search channels"),
                        aria_label=say("Search channels"),
                        auto_complete="off",
                        spell_check=False,
                        enter_key_hint="search",
                        max_length=MAX_QUERY_LENGTH,
                        on_change=debounced(ChannelsState.search, 200),
                        class_name="input",
                        dir="auto",
                    ),
                    role="search",
                    aria_label=say("Channels"),
                    class_name="search",
                ),
                wanted_list(
                    name=LIST,
                    event=event_name(ChannelsState.load_again),
                    payload="{}",
                    leave=event_name(ChannelsState.close),
                ),
                channel_items(),
                class_name="people channels",
            ),
            class_name="people-scroll",
        ),
        id=PANE,
        tab_index=-1,
        class_name="pane",
    )


@rx.memo
def channel_items() -> rx.Component:
    """Show the open groups, once the page has them."""
    facts = channel_facts()
    return rx.cond(facts["loaded"], _list(facts), skeleton(say("Loading channels…"), rows=6))


def _list(facts: Cells) -> rx.Component:
    return rx.cond(
        cells(channel_list()).length() > 0,
        rx.fragment(
            rx.el.ul(
                rx.foreach(
                    channel_list(),
                    lambda row: rx.fragment(channel_item(row=row), key=row["id"]),
                ),
                aria_label=say("Channels"),
                custom_attrs={"data-arrows": "true"},
            ),
            rx.cond(
                facts["has_more"],
                button(say("Show more channels"), kind="quiet", on_click=ChannelsState.load_more),
            ),
        ),
        rx.cond(
            facts["query"] != "",
            empty_state("lost", say("No channel by that name. Try a part of it.")),
            empty_state(
                "channels",
                say("There are no channels yet. An open group is one."),
                button(say("Make an open group"), kind="primary", on_click=AddingState.open_new),
            ),
        ),
    )


@rx.memo
def channel_item(row: rx.Var[ChannelRow]) -> rx.Component:
    """Show an open group."""
    channel = cells(row)
    name_id = rx.Var.create(f"channel-{channel['id']}")
    return rx.el.li(
        avatar(channel),
        rx.el.div(
            rx.el.div(channel["name"], id=name_id, class_name="row-name one-line", dir="auto"),
            rx.cond(
                channel["description"] != "",
                rx.el.div(rx.el.bdi(channel["description"]), class_name="row-preview"),
            ),
            rx.el.div(channel["members"], class_name="row-time"),
            rx.cond(
                ChannelsState.failed_id == channel["id"],
                rx.el.div(said(ChannelsState.failed), role="alert", class_name="error-text"),
            ),
            class_name="row-text",
        ),
        rx.el.div(
            rx.cond(
                channel["joined"],
                rx.el.a(
                    say("Open#a group"),
                    to=channel["href"],
                    aria_describedby=name_id,
                    class_name="button plain",
                ),
                button(
                    say("Join"),
                    kind="primary",
                    on_click=call(ChannelsState.join, channel["id"]),
                    aria_describedby=name_id,
                ),
            ),
            class_name="person-actions",
        ),
        class_name="row person",
    )
