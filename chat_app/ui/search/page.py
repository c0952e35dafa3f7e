"""The pane of `/search`: messages by their words, and the words that narrow a search."""

from typing import TypedDict

import reflex as rx

from chat_app.search.criteria import MAX_QUERY_LENGTH
from chat_app.ui.browser import named_conversations, search_element
from chat_app.ui.conversations.lists import conversation_rows, listed_name
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import PANE, IconName, back_link, button, icon, icon_button
from chat_app.ui.kit.states import empty_state, notice, skeleton
from chat_app.ui.messages.timeline import chat_row
from chat_app.ui.reflex.elements import event_name, kept_facts, kept_rows, said, say
from chat_app.ui.reflex.vars import Cells, cells
from chat_app.ui.saved.page import found_message
from chat_app.ui.search.rows import HitRow, Piece
from chat_app.ui.search.state import ROUTE, SearchState
from chat_app.ui.search.view import LIST

TITLE = say("Search messages")

# Words, and the text that a press inserts into the field; `search.js` puts the date of today for
# TODAY, and the caret where the bar is.
TODAY = "{today}"
WORDS = (
    ("from:", "from:|", say("Written by a person: from:anna")),
    ("in:", "in:|", say("In a group or with a person: in:choir")),
    ("has:link", "has:link|", say("With a link")),
    ("before:", f"before:{TODAY}|", say("Before a day: before:2026-11-28")),
    ("after:", f"after:{TODAY}|", say("After a day: after:2026-11-28")),
    (say("“in this order”"), '"|"', say("These words in this order")),
    ("-without", "-|", say("Without a word: -rain")),
)


class Place(TypedDict):
    """A conversation that was found by its name (`named.js`)."""

    id: str
    name: str
    about: str
    letters: str
    tone: str
    picture: str
    href: str


class Facts(TypedDict):
    """The facts about the messages found.

    The page itself sets what is `asked` for and the conversation `within` which, and counts its
    `question`s; the server has `answered` this one or an older one.
    """

    asked: str
    within: str
    question: int
    answered: int
    problem: str
    has_more: bool
    has_new: bool
    announcement: str


NO_FACTS = Facts(
    asked="",
    within="",
    question=0,
    answered=0,
    problem="",
    has_more=False,
    has_new=False,
    announcement="",
)


def search_link() -> rx.Component:
    """Show the link to the search of all messages."""
    return _link("search-text", say("Search in messages"), "")


def search_here_link(conversation_id: rx.Var[str]) -> rx.Component:
    """Show the link to the search in one conversation."""
    return _link("search", say("Search in this chat"), conversation_id)


def _link(picture: IconName, label: rx.Var[str], within: str | rx.Var[str]) -> rx.Component:
    # The page writes into its address what is asked (`search.js`).
    return rx.el.a(
        icon(picture),
        to=ROUTE,
        aria_label=label,
        title=label,
        class_name="icon-button",
        custom_attrs={"data-search-within": within},
    )


def search_pane() -> rx.Component:
    """Show the search field and the messages found; each leads to its place."""
    return rx.el.section(
        search_element(
            rx.el.header(
                back_link(),
                rx.el.h1(TITLE, class_name="one-line"),
                class_name="chat-head page-head",
            ),
            rx.el.div(
                rx.el.div(_search_box(), places(), hits(), class_name="people finding"),
                class_name="people-scroll",
            ),
            new_results(),
            event=event_name(SearchState.search),
            more_event=event_name(SearchState.load_more),
        ),
        id=PANE,
        tab_index=-1,
        class_name="pane",
    )


def _search_box() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            icon("search"),
            rx.el.input(
                type="search",
                placeholder=TITLE,
                aria_label=TITLE,
                auto_complete="off",
                spell_check=False,
                enter_key_hint="search",
                max_length=MAX_QUERY_LENGTH,
                class_name="input",
                dir="auto",
                custom_attrs={"data-search": "true"},
            ),
            class_name="search",
        ),
        rx.el.div(
            within_chip(),
            *(
                button(
                    rx.el.bdi(label),
                    kind="quiet",
                    title=meaning,
                    custom_attrs={"data-insert": text},
                )
                for label, text, meaning in WORDS
            ),
            role="group",
            aria_label=say("Narrow the search"),
            class_name="search-words",
        ),
        role="search",
        aria_label=say("Messages"),
        class_name="search-form",
    )


@rx.memo
def within_chip() -> rx.Component:
    """Show in which conversation is searched, where it is not in all of them."""
    within = _facts()["within"]
    opened = chat_row(within)["name"]
    # A link that was shared may lead to one that was never opened here, or to none of the viewer's.
    name = rx.cond(opened != "", opened, listed_name(within))
    return rx.cond(
        within != "",
        rx.el.span(
            rx.cond(
                name != "",
                rx.el.span(say("In {name}", name=name), class_name="one-line"),
                say("In one conversation"),
            ),
            icon_button(
                "cross", say("Search everywhere"), custom_attrs={"data-everywhere": "true"}
            ),
            class_name="chip",
        ),
    )


@rx.memo
def places() -> rx.Component:
    """Show the conversations that are called so, where the search is not in one of them."""
    facts = _facts()
    found = named_conversations(conversation_rows(), facts["asked"]).to(list[Place])
    return rx.cond(
        (found.length() > 0) & (facts["within"] == ""),
        rx.el.ul(
            rx.foreach(found, lambda row: rx.fragment(place(row=row), key=row["id"])),
            aria_label=say("Conversations found"),
            class_name="found-messages",
            custom_attrs={"data-arrows": "true"},
        ),
    )


@rx.memo
def place(row: rx.Var[Place]) -> rx.Component:
    """Show a conversation that was found by its name."""
    one = cells(row)
    return rx.el.li(
        rx.el.a(
            avatar(one),
            rx.el.span(one["name"], class_name="row-name one-line", dir="auto"),
            rx.el.span(one["about"], class_name="row-time"),
            to=one["href"],
            class_name="row found-place",
        )
    )


@rx.memo
def hits() -> rx.Component:
    """Show the messages found, or why there are none."""
    facts = _facts()
    rows = kept_rows(LIST).to(list[HitRow])
    is_answered = facts["question"] == facts["answered"]
    return rx.el.div(
        # Always there: a live region must exist before its text changes.
        rx.el.div(said(facts["announcement"]), role="status", class_name="visually-hidden"),
        rx.cond(
            facts["problem"] != "",
            notice(
                facts["problem"],
                button(say("Try again"), custom_attrs={"data-search-again": "true"}),
            ),
        ),
        rx.cond(
            facts["asked"] == "",
            empty_state("search", say("Find what was written, in all your conversations.")),
            rx.cond(
                cells(rows).length() > 0,
                _list(rows, facts),
                rx.cond(facts["problem"] == "", _none(facts, is_answered)),
            ),
        ),
        aria_busy=~is_answered & (facts["problem"] == ""),
        class_name="hits",
    )


@rx.memo
def new_results() -> rx.Component:
    """Show, above the results, that there are others since."""
    return rx.cond(
        _facts()["has_new"],
        rx.el.div(
            rx.el.button(
                say("New results"),
                type="button",
                class_name="button way",
                custom_attrs={"data-search-new": "true"},
            ),
            class_name="ways",
        ),
    )


def _facts() -> Cells:
    return cells(kept_facts(LIST, NO_FACTS).to(Facts))


def _list(rows: rx.Var[list[HitRow]], facts: Cells) -> rx.Component:
    return rx.fragment(
        rx.el.ul(
            rx.foreach(rows, lambda row: rx.fragment(hit(row=row), key=row["id"])),
            aria_label=say("Messages found"),
            class_name="found-messages",
            custom_attrs={"data-arrows": "true"},
        ),
        rx.cond(facts["has_more"], _more()),
    )


def _none(facts: Cells, is_answered: rx.Var[bool]) -> rx.Component:
    return rx.cond(
        is_answered,
        rx.cond(
            facts["has_more"],
            empty_state("lost", say("Nothing among the newest messages."), _more()),
            empty_state(
                "lost", say("No message has these words. Try fewer, or the beginning of one.")
            ),
        ),
        skeleton(say("Searching…"), rows=4),
    )


def _more() -> rx.Component:
    return button(say("Show earlier ones"), kind="quiet", custom_attrs={"data-search-more": "true"})


@rx.memo
def hit(row: rx.Var[HitRow]) -> rx.Component:
    """Show a message that was found as a link to its place, with its hits marked."""
    one = cells(row)
    return rx.el.li(
        rx.el.a(
            found_message(one, _snippet(one["pieces"])),
            to=one["href"],
            class_name="row found-message",
            custom_attrs={"data-hit": one["id"]},
        ),
        class_name="found-item",
    )


def _snippet(pieces: Cells) -> rx.Component:
    # Text in elements, and never HTML: React escapes what people write.
    return rx.fragment(
        rx.foreach(
            pieces.to(list[Piece]),
            lambda piece: rx.cond(piece["hit"], rx.el.mark(piece["text"]), piece["text"]),
        )
    )
