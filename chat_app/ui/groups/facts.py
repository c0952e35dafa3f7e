"""The details of the open group as vars."""

import reflex as rx

from chat_app.ui.groups.rows import NO_GROUP, Group, MemberRow
from chat_app.ui.groups.view import LIST, MEMBERS
from chat_app.ui.reflex.elements import kept_facts, kept_rows
from chat_app.ui.reflex.vars import Cells, cells


def group_facts() -> Cells:
    """Return the details of the group that are open."""
    return cells(kept_facts(LIST, NO_GROUP).to(Group))


def member_list() -> rx.Var[list[MemberRow]]:
    """Return the members shown."""
    return kept_rows(MEMBERS).to(list[MemberRow])
