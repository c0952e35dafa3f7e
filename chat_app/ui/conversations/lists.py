"""The lists of a page as vars: the account, its profile and its conversations."""

from typing import TypedDict

import reflex as rx

from chat_app.ui.conversations.rows import ConversationRow
from chat_app.ui.conversations.view import LIST
from chat_app.ui.reflex.elements import kept_facts, kept_row, kept_rows
from chat_app.ui.reflex.tab import ACCOUNT, PROFILE
from chat_app.ui.reflex.vars import Cells, cells


class Facts(TypedDict):
    """The facts about the list of conversations."""

    loaded: bool
    has_more: bool
    unread_total: int


class Account(TypedDict):
    """The account whose lists the page shows."""

    user_id: str


class Profile(TypedDict):
    """The own profile as far as pages show it; `sound` is whether messages play one."""

    username: str
    display_name: str
    sound: bool


NO_PROFILE = Profile(username="", display_name="", sound=True)
NO_FACTS = Facts(loaded=False, has_more=False, unread_total=0)
NO_ACCOUNT = Account(user_id="")


def own_profile() -> Cells:
    """Return what the page shows of the own profile."""
    return kept_facts(PROFILE, NO_PROFILE).to(Profile)


def conversation_facts() -> Cells:
    """Return the facts about the list of conversations."""
    return kept_facts(LIST, NO_FACTS).to(Facts)


def conversation_rows() -> rx.Var[list[ConversationRow]]:
    """Return the conversations, newest activity last."""
    return kept_rows(LIST).to(list[ConversationRow])


def listed_name(conversation_id: rx.Var[str]) -> rx.Var[str]:
    """Return the name of a conversation in the side list, "" where it is not there."""
    row = kept_row(LIST, conversation_id, {"name": ""}).to(ConversationRow)
    return cells(row)["name"].to(str)


def account_id() -> rx.Var[str]:
    """Return the id of the account that the page shows."""
    return cells(kept_facts(ACCOUNT, NO_ACCOUNT).to(Account))["user_id"]
