"""The page to which other apps share a text, `/share`: choose the conversation to write it in.

Nothing is sent: the text becomes the end of the draft there. `early_scripts.py` has taken it out of
the address, and it stays in the tab until it has a place.
"""

import reflex as rx

from chat_app.ui.conversations.lists import account_id
from chat_app.ui.kit.controls import PANE, back_link
from chat_app.ui.kit.states import skeleton
from chat_app.ui.reflex.elements import ScriptedElement, say

ROUTE = "/share"
TITLE = say("Share")


class _Share(ScriptedElement):
    tag = "chat-share"
    script = "share.js"


def share_pane() -> rx.Component:
    """Show what is shared, and a search for where to."""
    return rx.el.section(
        rx.el.header(
            back_link(),
            rx.el.h1(TITLE, class_name="one-line"),
            class_name="chat-head page-head",
        ),
        rx.el.div(share_choice(), class_name="settings"),
        id=PANE,
        tab_index=-1,
        class_name="pane",
    )


@rx.memo
def share_choice() -> rx.Component:
    """Show the choice once the page knows its account, whose drafts it is about."""
    return rx.cond(
        account_id() != "",
        _Share.create(class_name="settings-column"),
        skeleton(say("Loading your conversations…"), rows=5),
    )
