"""The members of a group, in its details."""

import reflex as rx

from chat_app.ui.groups.adding_state import AddingState
from chat_app.ui.groups.facts import group_facts, member_list
from chat_app.ui.groups.rows import MemberRow
from chat_app.ui.groups.state import MAX_QUERY_LENGTH, GroupState
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import button, icon
from chat_app.ui.reflex.elements import said, say
from chat_app.ui.reflex.vars import Cells, call, cells, debounced

HEADING = "group-members"
# So many can be seen without a search.
FEW = 8


@rx.memo
def members_region() -> rx.Component:
    """Show the members of the open group, with what the reader may do."""
    group = group_facts()
    manages = group["role"] != "member"
    return rx.el.section(
        rx.el.div(
            rx.el.h3(say("Members"), id=HEADING),
            rx.el.span(group["members_count"], class_name="field-hint"),
            class_name="details-line",
        ),
        rx.cond(
            manages,
            rx.el.div(
                button(
                    say("Add people"),
                    on_click=call(AddingState.open_for, group["id"]),
                    aria_haspopup="dialog",
                ),
                button(
                    say("Invite link"),
                    on_click=GroupState.show_invites,
                    aria_haspopup="dialog",
                ),
                class_name="settings-actions",
            ),
        ),
        rx.cond((group["members_count"] > FEW) | (group["query"] != ""), _search()),
        rx.cond(
            cells(member_list()).length() > 0,
            rx.el.ul(
                rx.foreach(
                    member_list(),
                    lambda row: rx.fragment(member_item(row=row), key=row["id"]),
                ),
                custom_attrs={"data-arrows": "true"},
                class_name="details-list",
            ),
            rx.cond(
                group["query"] != "",
                rx.el.p(say("Nobody by that name in this group."), class_name="field-hint"),
            ),
        ),
        rx.cond(
            group["has_more"],
            button(say("Show more members"), kind="quiet", on_click=GroupState.load_more),
        ),
        aria_labelledby=HEADING,
    )


def _search() -> rx.Component:
    return rx.el.div(
        icon("search"),
        rx.el.input(
            type="search",
            placeholder=say("Search members"),
            aria_label=say("Search members"),
            auto_complete="off",
            spell_check=False,
            max_length=MAX_QUERY_LENGTH,
            on_change=debounced(GroupState.search, 200),
            class_name="input",
            dir="auto",
        ),
        class_name="search",
    )


@rx.memo
def member_item(row: rx.Var[MemberRow]) -> rx.Component:
    """Show one member."""
    person = cells(row)
    name_id = rx.Var.create(f"member-{person['id']}")
    return rx.el.li(
        avatar(person, online=person["online"]),
        rx.el.div(
            rx.el.div(
                rx.el.span(person["name"], id=name_id, class_name="row-name one-line", dir="auto"),
                rx.match(
                    person["role"],
                    ("owner", rx.el.span(say("Owner"), class_name="tag")),
                    ("admin", rx.el.span(say("Admin"), class_name="tag")),
                    rx.fragment(),
                ),
                class_name="row-line",
            ),
            rx.el.div(person["handle"], class_name="row-preview one-line", dir="auto"),
            rx.el.div(
                _promotion(person, name_id),
                rx.cond(
                    person["demotable"],
                    button(
                        say("Make member"),
                        kind="quiet",
                        on_click=call(GroupState.set_role, person["id"], "member"),
                        aria_describedby=name_id,
                    ),
                ),
                rx.cond(
                    person["removable"],
                    button(
                        say("Remove"),
                        kind="quiet",
                        on_click=call(GroupState.remove, person["id"]),
                        aria_describedby=name_id,
                    ),
                ),
                class_name="member-actions",
            ),
            rx.cond(
                GroupState.failed_id == person["id"],
                rx.el.div(said(GroupState.failed), role="alert", class_name="error-text"),
            ),
            class_name="row-text",
        ),
        class_name="row member",
    )


def _promotion(person: Cells, name_id: rx.Var[str]) -> rx.Component:
    def give(role: str, label: rx.Var[str]) -> rx.Component:
        return button(
            label,
            kind="quiet",
            on_click=call(GroupState.set_role, person["id"], role),
            aria_describedby=name_id,
        )

    return rx.match(
        person["promotion"],
        ("admin", give("admin", say("Make admin"))),
        ("owner", give("owner", say("Make owner"))),
        rx.fragment(),
    )
