"""The log of messages."""

from typing import Literal, TypedDict

import reflex as rx

from chat_app.ui.browser import (
    attached_files,
    full_time,
    new_day,
    plain_text,
    rich_text,
    time_of_day,
    timeline_element,
)
from chat_app.ui.conversations.lists import account_id
from chat_app.ui.conversations.rows import DELETED
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import button, icon, icon_button
from chat_app.ui.kit.states import empty_state, notice
from chat_app.ui.messages.actions import MENU, REACT, REPLY, message_actions
from chat_app.ui.messages.head import LIST, NO_HEAD, Head
from chat_app.ui.messages.rows import ShownMessage, ShownReaction
from chat_app.ui.messages.state import TimelineState
from chat_app.ui.reflex.elements import (
    event_name,
    kept_facts_of,
    kept_row,
    kept_timeline,
    said,
    say,
)
from chat_app.ui.reflex.vars import Cells, cells

WAITING_CLASS = rx.Var.create({"Queued": "pending", "Sent": "pending", "Failed": "failed"})


class Facts(TypedDict):
    """The facts about the messages of a conversation: see `assets/browser/messages.js`."""

    loaded: bool
    older: bool
    newer: bool
    unread_from: int
    own_read_seq: int
    problem: str


NO_FACTS = Facts(loaded=False, older=False, newer=False, unread_from=0, own_read_seq=0, problem="")


def chat_row(conversation_id: rx.Var[str]) -> Cells:
    """Return the row of a conversation that was opened."""
    return kept_row(LIST, conversation_id, NO_HEAD).to(Head)


def timeline_facts(conversation_id: rx.Var[str]) -> Cells:
    """Return the facts about the messages of a conversation."""
    return kept_facts_of("messages", conversation_id, NO_FACTS).to(Facts)


def timeline(conversation_id: rx.Var[str]) -> rx.Component:
    """Show the messages that the page has, those that wait among them, and the way to the end."""
    return rx.fragment(
        timeline_element(
            message_log(conversation_id=conversation_id),
            rx.el.div(_back(), _jump(), class_name="ways"),
            _lost(),
            message_actions(),
            conversation_id=conversation_id,
            user_id=account_id(),
            read_seq=timeline_facts(conversation_id)["own_read_seq"],
            page_event=event_name(TimelineState.send_page),
        ),
        # Another conversation gets an element of its own: nothing of the last one lingers.
        key=conversation_id,
    )


@rx.memo
def message_log(conversation_id: rx.Var[str]) -> rx.Component:
    """Show the log of a conversation's messages."""
    facts = timeline_facts(conversation_id)
    chat = chat_row(conversation_id)
    rows = kept_timeline(conversation_id).to(list[ShownMessage])
    return rx.el.div(
        rx.el.div(
            rx.cond(facts["older"], _page_turn(say("Show earlier messages"), "older")),
            rx.cond(rows.length() > 0, rx.fragment(), _nothing_yet()),
            rx.foreach(
                rows,
                lambda message: rx.fragment(
                    message_item(
                        message=message,
                        is_delivered=message["order"] <= chat["delivered_seq"],
                        is_read=message["order"] <= chat["read_seq"],
                        begins_new=message["order"] == facts["unread_from"],
                    ),
                    key=message["key"],
                ),
            ),
            rx.cond(facts["newer"], _page_turn(say("Show later messages"), "newer")),
            rx.cond(
                facts["problem"] != "",
                notice(facts["problem"], _page_turn(say("Try again"), "missing")),
            ),
            class_name="column",
        ),
        role="log",
        aria_label=say("Messages"),
        tab_index=0,
        class_name="log",
        # What only those who may write here can do is hidden by the style.
        custom_attrs={"data-readonly": rx.cond(may_write(chat), None, "")},
    )


def may_write(chat: Cells) -> rx.Var[bool]:
    """Return whether the reader may write in a conversation, as far as the page knows."""
    is_reachable = (chat["kind"] == "group") | (chat["peer_id"] != "")
    return cells(chat["may_write"] & (chat["friendship"] != "blocked") & is_reachable)


@rx.memo
def message_item(
    message: rx.Var[ShownMessage],
    is_delivered: rx.Var[bool],
    is_read: rx.Var[bool],
    begins_new: rx.Var[bool],
) -> rx.Component:
    """Show one message, after the lines that stand above it."""
    cell = cells(message)
    return rx.fragment(
        _day_line(cell),
        rx.cond(begins_new, rx.el.div(say("New messages"), class_name="new-line")),
        rx.cond(cell["notice"], _notice(cell), _article(cell, is_delivered, is_read)),
    )


def _notice(cell: Cells) -> rx.Component:
    return rx.el.p(
        cell["text"],
        " ",
        rx.el.time(time_of_day(cell["at"]), date_time=cell["at"], title=full_time(cell["at"])),
        class_name="notice-line",
        custom_attrs={"data-id": cell["id"], "data-seq": cell["order"]},
    )


def _article(cell: Cells, is_delivered: rx.Var[bool], is_read: rx.Var[bool]) -> rx.Component:
    return rx.el.article(
        rx.cond(
            cell["mine"],
            rx.el.span(say("You"), class_name="visually-hidden"),
            _author(cell),
        ),
        rx.el.div(
            # Elements and text, and never HTML: React escapes what people write.
            rx.el.div(
                _origin(cell),
                attached_files(cell["files"], cell["client_id"]),
                rich_text(cell["text"]),
                class_name=[
                    "bubble",
                    rx.cond(cell["files"].length() > 0, "has-files", ""),
                    rx.cond(cell["text"] == "", "wordless", ""),
                ],
                dir="auto",
            ),
            _tools(cell),
            _meta(cell, is_delivered, is_read),
            class_name="said",
        ),
        rx.cond(cell["reacted"].length() > 0, _reactions(cell)),
        rx.cond(cell["reason"] != "", _refusal(cell)),
        class_name=[
            "message",
            rx.cond(cell["mine"], "mine", ""),
            rx.cond(cell["first"], "first", ""),
            rx.cond(cell["last"], "last", ""),
            rx.cond(cell["deleted"], "deleted", ""),
            rx.cond(cell["called"], "called", ""),
            rx.cond(cell["state"] != "", WAITING_CLASS[cell["state"]], ""),
        ],
        # A message that waits is not announced: the stored one will be.
        aria_live=rx.cond(cell["state"] != "", "off", None),
        custom_attrs={
            "data-id": rx.cond(cell["id"] != "", cell["id"], None),
            "data-seq": cell["order"],
            "data-client-id": cell["client_id"],
        },
    )


def _day_line(cell: Cells) -> rx.Component:
    day = new_day(cell["before"], cell["at"])
    return rx.cond(
        day != "",
        rx.el.div(
            rx.el.button(
                rx.el.time(day, date_time=cell["at"]),
                type="button",
                title=say("Go to a date"),
                custom_attrs={"data-day": cell["at"]},
            ),
            class_name="day",
        ),
    )


def _author(cell: Cells) -> rx.Component:
    return rx.cond(
        cell["first"],
        rx.fragment(
            avatar(cell),
            rx.el.span(cell["author"], class_name=["author", "one-line", cell["tone"]], dir="auto"),
        ),
        rx.el.span(cell["author"], class_name="visually-hidden"),
    )


def _origin(cell: Cells) -> rx.Component:
    """Show whose text is forwarded, and what the message replies to."""
    return rx.fragment(
        rx.cond(
            cell["forwarded"] != "",
            rx.el.div(
                icon("forward"),
                rx.el.span(say("Forwarded from {name}", name=cell["forwarded"])),
                class_name="forwarded",
            ),
        ),
        rx.cond(cell["quoted"]["id"] != "", _quote(cell["quoted"])),
    )


def _quote(quote: Cells) -> rx.Component:
    return rx.el.button(
        rx.el.span(quote["name"], class_name="quote-name one-line", dir="auto"),
        rx.cond(
            quote["deleted"],
            rx.el.span(say(DELETED), class_name="quote-text gone"),
            rx.el.span(
                rx.cond(quote["excerpt"] != "", plain_text(quote["excerpt"]), say("Attachment")),
                class_name="quote-text",
                dir="auto",
            ),
        ),
        type="button",
        title=say("Show this message"),
        class_name=["quote", quote["tone"]],
        custom_attrs={"data-go-to": quote["seq"]},
    )


def _reactions(cell: Cells) -> rx.Component:
    """Show the reactions: a press adds the reader's own, or takes it back."""
    return rx.el.div(
        rx.foreach(
            cell["reacted"].to(list[ShownReaction]),
            lambda reaction: rx.el.button(
                rx.el.span(reaction["emoji"], class_name="reaction-emoji", aria_hidden="true"),
                rx.el.span(reaction["count"], aria_hidden="true"),
                type="button",
                title=reaction["title"],
                aria_label=reaction["label"],
                aria_pressed=reaction["mine"],
                key=reaction["emoji"],
                class_name=["reaction", rx.cond(reaction["extra"], "extra", "")],
                custom_attrs={"data-reaction": reaction["emoji"]},
            ),
        ),
        rx.cond(
            cell["unshown"] > 0,
            rx.el.button(
                f"+{cell['unshown']}",
                type="button",
                aria_label=say("Show {n} more reaction|Show {n} more reactions", n=cell["unshown"]),
                class_name="reaction rest",
                custom_attrs={"data-more-reactions": "true"},
            ),
        ),
        role="group",
        aria_label=say("Reactions"),
        class_name="reactions",
        aria_live="off",
    )


def _meta(cell: Cells, is_delivered: rx.Var[bool], is_read: rx.Var[bool]) -> rx.Component:
    return rx.el.div(
        rx.cond(
            cell["pinned"] != "",
            rx.el.span(
                icon("pin"),
                role="img",
                aria_label=say("Pinned"),
                title=say("Pinned by {name}", name=cell["pinned"]),
                class_name="edited pin-mark",
            ),
        ),
        rx.cond(
            cell["edited"],
            rx.el.button(
                say("edited"),
                type="button",
                title=say("Show the earlier texts"),
                aria_haspopup="dialog",
                class_name="edited",
                custom_attrs={"data-do": "edits"},
            ),
        ),
        rx.el.time(time_of_day(cell["at"]), date_time=cell["at"], title=full_time(cell["at"])),
        rx.cond(
            cell["mine"],
            rx.match(
                cell["state"],
                ("Queued", _status(say("Queued"), "glyph queued")),
                ("Failed", _status(say("Failed"), "glyph failed")),
                ("Sent", _status(say("Sent"), "glyph sent")),
                rx.cond(
                    is_read,
                    _status(say("Read#by the others"), "glyph read"),
                    rx.cond(
                        is_delivered,
                        _status(say("Delivered"), "glyph delivered"),
                        _status(say("Sent"), "glyph sent"),
                    ),
                ),
            ),
        ),
        class_name="meta",
        aria_live="off",
    )


def _status(word: rx.Var[str], class_name: str) -> rx.Component:
    return rx.el.span(role="img", aria_label=word, title=word, class_name=class_name)


def _tools(cell: Cells) -> rx.Component:
    """Show what can be done with a message, beside it; a deleted one of the user has no actions."""
    return rx.cond(
        (cell["mine"] & cell["deleted"]) | (cell["id"] == ""),
        rx.fragment(),
        rx.el.div(
            rx.el.div(
                rx.cond(
                    cell["deleted"],
                    rx.fragment(),
                    rx.fragment(
                        _tool("smile", say("React"), REACT, "true"),
                        _tool("reply", say("Reply"), REPLY, None),
                    ),
                ),
                icon_button(
                    "more",
                    say("More actions"),
                    class_name="icon-button more",
                    aria_haspopup="menu",
                    custom_attrs={MENU: "true"},
                ),
                class_name="tools-bar",
            ),
            class_name="tools",
            # To be found, and not to be read out with every message that comes.
            aria_live="off",
        ),
    )


def _tool(
    picture: Literal["smile", "reply"], label: rx.Var[str], action: str, has_popup: str | None
) -> rx.Component:
    return icon_button(
        picture,
        label,
        class_name="icon-button writes",
        aria_haspopup=has_popup,
        custom_attrs={"data-do": action},
    )


def _refusal(cell: Cells) -> rx.Component:
    """Show why a message was refused, and what can be done about it."""
    return rx.el.div(
        rx.el.span(said(cell["reason"]), role="alert", class_name="error-text"),
        *(
            button(label, kind="quiet", custom_attrs={"data-act": act})
            for act, label in (
                ("edit", say("Edit")),
                ("retry", say("Retry")),
                ("delete", say("Delete")),
            )
        ),
        class_name="refusal",
    )


def _page_turn(label: rx.Var[str], which: str) -> rx.Component:
    # The script asks near the end of what is shown; people with a keyboard press the button.
    return button(label, kind="quiet", custom_attrs={"data-page": which})


def _jump() -> rx.Component:
    return rx.el.button(
        rx.el.span(say("New messages"), class_name="when-fresh"),
        rx.el.span(say("Newest"), class_name="when-stale"),
        icon("down"),
        type="button",
        hidden=True,
        class_name="button way jump",
        custom_attrs={"data-jump": "true"},
    )


def _back() -> rx.Component:
    return rx.el.button(
        icon("back"),
        say("Back"),
        type="button",
        hidden=True,
        title=say("Back to where you were"),
        class_name="button way",
        custom_attrs={"data-way-back": "true"},
    )


def _lost() -> rx.Component:
    """Show that a message could not be shown."""
    return rx.el.p(
        class_name="notice actions-problem",
        role="alert",
        hidden=True,
        custom_attrs={"data-lost": "true"},
    )


def _nothing_yet() -> rx.Component:
    return empty_state("bubbles", say("No messages yet. Say hello."))
