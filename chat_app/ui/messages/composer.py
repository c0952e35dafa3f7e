"""The composer: the form in which messages are written."""

from typing import Any

import reflex as rx

from chat_app.ui.browser import (
    attach_element,
    composer_element,
    emoji_names_element,
    mentions_element,
)
from chat_app.ui.conversations.lists import account_id
from chat_app.ui.kit.controls import button, icon, icon_button
from chat_app.ui.messages.mentions import MentionState
from chat_app.ui.messages.state import TimelineState
from chat_app.ui.reflex.elements import event_name, say
from chat_app.ui.reflex.vars import throttled


def composer(conversation_id: rx.Var[str]) -> rx.Component:
    """Show the composer of a conversation."""
    return composer_element(
        rx.el.form(
            _editing(),
            _replying(),
            _other_draft(),
            attach_element(),
            rx.el.div(
                icon_button(
                    "attach",
                    say("Attach files"),
                    class_name="icon-button attach",
                    custom_attrs={"data-attach": "true"},
                ),
                # Phones offer their camera for it. Named by its button, which opens it.
                rx.el.input(
                    type="file",
                    multiple=True,
                    accept="image/*,video/*,audio/*,*/*",
                    hidden=True,
                    aria_label=say("Attach files"),
                ),
                rx.el.div(
                    rx.el.textarea(
                        rows=1,
                        placeholder=say("Message"),
                        aria_label=say("Message"),
                        enter_key_hint="send",
                        dir="auto",
                        on_change=_writing,
                        class_name="composer-input",
                    ),
                    icon_button(
                        "emoji",
                        say("Emoji"),
                        class_name="icon-button emoji-button",
                        aria_haspopup="dialog",
                        custom_attrs={"data-emoji": "true"},
                    ),
                    icon_button(
                        "microphone",
                        say("Record a voice message"),
                        class_name="icon-button record-button",
                        custom_attrs={"data-record": "true"},
                    ),
                    class_name="composer-field",
                ),
                mentions_element(event_name(MentionState.find)),
                emoji_names_element(),
                icon_button(
                    "clock",
                    say("Send later"),
                    class_name="icon-button send-later",
                    aria_haspopup="dialog",
                    custom_attrs={"data-send-later": "true"},
                ),
                icon_button("send", say("Send"), type="submit", class_name="icon-button send"),
                class_name="composer-row",
            ),
            rx.el.p(
                id="composer-room",
                hidden=True,
                class_name="composer-room",
                custom_attrs={"data-composer-room": "true"},
            ),
            rx.el.p(
                class_name="error-text",
                role="alert",
                hidden=True,
                custom_attrs={"data-composer-error": "true"},
            ),
            _done(),
            method="post",
            class_name="composer",
        ),
        conversation_id=conversation_id,
        user_id=account_id(),
    )


def _editing() -> rx.Component:
    """Show that a message is being edited; hidden until the script begins an edit."""
    return rx.el.div(
        icon("edit"),
        rx.el.span(say("Editing"), class_name="one-line"),
        button(say("Cancel"), kind="quiet", custom_attrs={"data-cancel-edit": "true"}),
        hidden=True,
        class_name="editing",
        custom_attrs={"data-editing": "true"},
    )


def _replying() -> rx.Component:
    """Show the message that is replied to; hidden until the script begins a reply."""
    return rx.el.div(
        rx.el.div(
            rx.el.span(
                custom_attrs={"data-reply-name": "true"},
                class_name="quote-name one-line",
            ),
            rx.el.span(
                class_name="quote-text",
                dir="auto",
                custom_attrs={"data-reply-excerpt": "true"},
            ),
            class_name="quote",
        ),
        icon_button("cross", say("Cancel reply"), custom_attrs={"data-cancel-reply": "true"}),
        hidden=True,
        class_name="replying",
        custom_attrs={"data-replying": "true"},
    )


def _other_draft() -> rx.Component:
    """Show a draft of another device; hidden until the script finds one that differs."""
    return rx.el.div(
        rx.el.div(
            rx.el.span(say("Another draft"), class_name="quote-name one-line"),
            rx.el.span(
                class_name="quote-text",
                dir="auto",
                custom_attrs={"data-other-text": "true"},
            ),
            class_name="quote",
        ),
        button(say("Use it"), kind="quiet", custom_attrs={"data-use-draft": "true"}),
        icon_button(
            "cross", say("Remove the other draft"), custom_attrs={"data-drop-draft": "true"}
        ),
        role="status",
        hidden=True,
        class_name="replying",
        custom_attrs={"data-other-draft": "true"},
    )


def _done() -> rx.Component:
    """Show that a message was scheduled, and where it is; hidden until the script has done that."""
    return rx.el.p(
        rx.el.span(role="status"),
        " ",
        rx.el.a(say("Show what is scheduled"), to="/scheduled"),
        hidden=True,
        class_name="composer-done",
        custom_attrs={"data-composer-done": "true"},
    )


def _writing(text: rx.Var[str]) -> rx.Var[Any]:
    """Publish that the user types, at most every 2.5 s and not while the box is empty."""
    return rx.cond(text != "", throttled(TimelineState.write, 2_500), rx.noop())
