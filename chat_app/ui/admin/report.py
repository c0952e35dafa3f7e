"""The button that reports a person."""

import reflex as rx

from chat_app.ui.kit.controls import button
from chat_app.ui.reflex.elements import ScriptedElement, say


class _Report(ScriptedElement):
    tag = "chat-report"
    script = "report_button.js"


@rx.memo
def report_choice(user_id: rx.Var[str]) -> rx.Component:
    """Show the button among what can be done about a person; its script opens the dialog."""
    return rx.el.div(
        _Report.create(
            button(say("Report"), aria_haspopup="dialog", aria_describedby="means-report"),
            custom_attrs={"user-id": user_id},
        ),
        rx.el.p(say("Tells those who run this chat, and nobody else."), id="means-report"),
        class_name="sheet-choice",
    )
