"""The dialogs of a group's details: edit, invitation links, leave and delete."""

import reflex as rx

from chat_app.ui.browser import copy_element, full_time
from chat_app.ui.groups.adding import VISIBILITIES
from chat_app.ui.groups.facts import group_facts
from chat_app.ui.groups.rows import InviteRow
from chat_app.ui.groups.state import GroupState
from chat_app.ui.kit.controls import button, dialog, field, select_field
from chat_app.ui.reflex.vars import Cells, call, cells

FORM = "group-form"
HISTORIES = {"all": "Everything", "joining": "Only what is written after they join"}
POSTINGS = {"everyone": "All members", "admins": "Admins only"}
LIFETIMES = {"week": "A week", "hour": "An hour", "day": "A day", "month": "30 days"}
USES = {"any": "Any number of people", "1": "One person", "10": "10 people", "100": "100 people"}


@rx.memo
def group_dialogs() -> rx.Component:
    """Show the dialog of the details that is open."""
    group = group_facts()
    return rx.match(
        GroupState.asking,
        ("edit", _edit(group)),
        ("invite", _invite()),
        ("leave", _leave(group)),
        ("delete", _delete(group)),
        rx.fragment(),
    )


def _failed() -> rx.Component:
    return rx.cond(
        (GroupState.failed != "") & (GroupState.failed_id == ""),
        rx.el.p(GroupState.failed, role="alert", class_name="error-text"),
        rx.fragment(),
    )


def _edit(group: Cells) -> rx.Component:
    return dialog(
        rx.el.span("Edit group"),
        rx.el.form(
            field(
                "title",
                "Group name",
                error=GroupState.errors.get("title", ""),
                default_value=group["title"],
                auto_complete="off",
                dir="auto",
                custom_attrs={"data-first": "true"},
            ),
            field(
                "description",
                "Description",
                lines=3,
                error=GroupState.errors.get("description", ""),
                default_value=group["description"],
                auto_complete="off",
                dir="auto",
            ),
            select_field(
                "visibility", "Who may join", VISIBILITIES, default_value=group["visibility"]
            ),
            select_field(
                "history", "New members can read", HISTORIES, default_value=group["history"]
            ),
            select_field("posting", "Who can write", POSTINGS, default_value=group["posting"]),
            id=FORM,
            on_submit=GroupState.save,
            no_validate=True,
            class_name="form",
        ),
        _failed(),
        on_dismiss=GroupState.dismiss,
        beside=button("Save", kind="primary", type="submit", form=FORM),
        name="group-dialog-title",
    )


def _invite() -> rx.Component:
    return dialog(
        rx.el.span("Invite link"),
        rx.cond(
            GroupState.link != "",
            copy_element(
                rx.el.div(
                    rx.el.input(
                        value=GroupState.link,
                        read_only=True,
                        aria_label="Link to this group",
                        class_name="input",
                        dir="ltr",
                        custom_attrs={"data-copied": "true"},
                    ),
                    button("Copy", kind="primary", custom_attrs={"data-copy": "true"}),
                    class_name="copy-line",
                ),
                rx.el.p(
                    "Everybody who has the link can join. It is shown this once.",
                    role="status",
                    class_name="field-hint",
                    custom_attrs={"data-copy-state": "true"},
                ),
            ),
            rx.fragment(),
        ),
        _failed(),
        rx.cond(
            GroupState.invites,
            rx.el.ul(
                rx.foreach(
                    GroupState.invites,
                    lambda row: rx.fragment(invite_item(row=row), key=row["id"]),
                ),
                aria_label="Valid links",
                class_name="details-list",
            ),
            rx.fragment(),
        ),
        rx.el.details(
            rx.el.summary("Another link", class_name="button plain"),
            rx.el.form(
                select_field("lifetime", "Valid for", LIFETIMES, default_value="week"),
                select_field("uses", "For", USES, default_value="any"),
                button("Make a link", type="submit"),
                on_submit=GroupState.invite,
                no_validate=True,
                class_name="form confirm",
            ),
        ),
        on_dismiss=GroupState.dismiss,
        leave="Close",
        name="group-dialog-title",
    )


@rx.memo
def invite_item(row: rx.Var[InviteRow]) -> rx.Component:
    """Show one invitation."""
    invite = cells(row)
    about_id = rx.Var.create(f"invite-{invite['id']}")
    return rx.el.li(
        rx.el.div(
            rx.el.div(
                "Link by ", rx.el.bdi(invite["name"]), id=about_id, class_name="row-name one-line"
            ),
            rx.el.div(
                invite["uses"],
                " · until ",
                rx.el.time(full_time(invite["expires_at"]), date_time=invite["expires_at"]),
                class_name="row-preview",
            ),
            class_name="row-text",
        ),
        button(
            "Withdraw",
            on_click=call(GroupState.withdraw, invite["id"]),
            aria_describedby=about_id,
        ),
        class_name="row",
    )


def _leave(group: Cells) -> rx.Component:
    return dialog(
        rx.el.span("Leave this group?"),
        rx.el.p(
            rx.cond(
                group["members_count"] > 1,
                "You get no more messages from it, and cannot read it any more. "
                "To come back you need an invitation, unless the group is open.",
                "You are its last member: the group and its messages are deleted.",
            ),
            class_name="sheet-text",
        ),
        _failed(),
        on_dismiss=GroupState.dismiss,
        beside=button("Leave", kind="danger", on_click=GroupState.leave),
        name="group-dialog-title",
    )


def _delete(group: Cells) -> rx.Component:
    return dialog(
        rx.el.span("Delete this group?"),
        rx.el.p(
            rx.el.bdi(group["title"]),
            " and all its messages are deleted for everybody. Nobody can take that back.",
            class_name="sheet-text",
        ),
        _failed(),
        on_dismiss=GroupState.dismiss,
        beside=button("Delete for everybody", kind="danger", on_click=GroupState.delete),
        name="group-dialog-title",
    )
