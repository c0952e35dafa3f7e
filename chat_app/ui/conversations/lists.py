"""The lists of a page as vars: the account, its conversations, and the open one."""

from typing import TypedDict

import reflex as rx

from chat_app.ui.conversations.rows import ConversationRow
from chat_app.ui.conversations.view import LIST
from chat_app.ui.reflex.elements import kept_facts, kept_rows
from chat_app.ui.reflex.tab import ACCOUNT
from chat_app.ui.reflex.vars import Cells, cells


class Facts(TypedDict):
    """The facts about the list of conversations."""

    loaded: bool
    problem: str
    has_more: bool
    unread_total: int


class Account(TypedDict):
    """The account whose lists the page shows."""

    user_id: str


NO_FACTS = Facts(loaded=False, problem="", has_more=False, unread_total=0)
NO_ACCOUNT = Account(user_id="")


def conversation_facts() -> Cells:
    """Return the facts about the list of conversations."""
    return kept_facts(LIST, NO_FACTS).to(Facts)


def conversation_rows() -> rx.Var[list[ConversationRow]]:
    """Return the conversations, newest activity last."""
    return kept_rows(LIST).to(list[ConversationRow])


def account_id() -> rx.Var[str]:
    """Return the id of the account that the page shows."""
    return cells(kept_facts(ACCOUNT, NO_ACCOUNT).to(Account))["user_id"]
