"""The owner's page, `/admin`: people, invitations, reports, activity and the audit log.

Its script loads everything over HTTP, where only admins get anything: the page has no state.
"""

import reflex as rx

from chat_app.ui.conversations.lists import account_id
from chat_app.ui.kit.controls import PANE, back_link
from chat_app.ui.kit.states import skeleton
from chat_app.ui.reflex.elements import ScriptedElement, say

ROUTE = "/admin"
TITLE = say("Administration")


class _Admin(ScriptedElement):
    tag = "chat-admin"
    script = "admin.js"


def admin_pane() -> rx.Component:
    """Show the owner's page."""
    return rx.el.section(
        rx.el.header(
            back_link(),
            rx.el.h1(TITLE, class_name="one-line"),
            class_name="chat-head page-head",
        ),
        rx.el.div(admin_regions(), class_name="settings"),
        id=PANE,
        tab_index=-1,
        class_name="pane",
    )


@rx.memo
def admin_regions() -> rx.Component:
    """Show the regions, once the page knows its account: the script must not fill them before."""
    return rx.cond(
        account_id() != "",
        _Admin.create(class_name="settings-column"),
        skeleton(say("Loading the administration…"), rows=5),
    )


def admin_section() -> rx.Component:
    """Show the way to the owner's page, among the settings of an admin."""
    return rx.el.section(
        rx.el.h2(TITLE),
        rx.el.p(say("You are an admin of this chat."), class_name="field-hint"),
        rx.el.a(say("Open the administration"), to=ROUTE, class_name="button plain"),
        aria_label=TITLE,
    )
