"""The lists of the people screen as vars."""

from typing import TypedDict

from chat_app.ui.friends.rows import FriendRow, Group
from chat_app.ui.friends.view import LIST
from chat_app.ui.reflex.elements import call_inline, kept_facts, kept_rows
from chat_app.ui.reflex.vars import Cells


class Facts(TypedDict):
    """The facts about the people; `waiting` is the number of incoming requests."""

    loaded: bool
    waiting: int


NO_FACTS = Facts(loaded=False, waiting=0)


def people_facts() -> Cells:
    """Return the facts about the people."""
    return kept_facts(LIST, NO_FACTS).to(Facts)


def group_rows(group: Group) -> Cells:
    """Return the people of one group."""
    of_group = f"((rows) => rows.filter((row) => row.group === '{group}'))"
    return call_inline(of_group, kept_rows(LIST)).to(list[FriendRow])
