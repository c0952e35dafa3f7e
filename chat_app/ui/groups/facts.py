"""The details of the open group, and the open groups of the chat, as vars."""

from typing import TypedDict

import reflex as rx

from chat_app.ui.groups import channels_view
from chat_app.ui.groups.rows import NO_GROUP, ChannelRow, Group, MemberRow
from chat_app.ui.groups.view import LIST, MEMBERS
from chat_app.ui.reflex.elements import kept_facts, kept_rows
from chat_app.ui.reflex.vars import Cells, cells


class ChannelFacts(TypedDict):
    """The facts about the open groups."""

    loaded: bool
    query: str
    has_more: bool


NO_CHANNELS = ChannelFacts(loaded=False, query="", has_more=False)


def group_facts() -> Cells:
    """Return the details of the group that are open."""
    return cells(kept_facts(LIST, NO_GROUP).to(Group))


def member_list() -> rx.Var[list[MemberRow]]:
    """Return the members shown."""
    return kept_rows(MEMBERS).to(list[MemberRow])


def channel_facts() -> Cells:
    """Return the facts about the open groups."""
    return cells(kept_facts(channels_view.LIST, NO_CHANNELS).to(ChannelFacts))


def channel_list() -> rx.Var[list[ChannelRow]]:
    """Return the open groups shown."""
    return kept_rows(channels_view.LIST).to(list[ChannelRow])
