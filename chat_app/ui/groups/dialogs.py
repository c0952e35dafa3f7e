"""The dialogs of a group's details: edit, invitation links, leave and delete."""

import reflex as rx

from chat_app.ui.browser import copy_element, full_time
from chat_app.ui.groups.adding import VISIBILITIES
from chat_app.ui.groups.facts import group_facts
from chat_app.ui.groups.rows import InviteRow
from chat_app.ui.groups.state import GroupState
from chat_app.ui.kit.controls import button, dialog, field, select_field
from chat_app.ui.reflex.elements import said, say
from chat_app.ui.reflex.vars import Cells, call, cells

FORM = "group-form"
HISTORIES = {"all": say("Everything"), "joining": say("Only what is written after they join")}
POSTINGS = {"everyone": say("All members"), "admins": say("Admins only")}
LIFETIMES = {
    "week": say("A week"),
    "hour": say("An hour"),
    "day": say("A day"),
    "month": say("30 days"),
}
USES = {
    "any": say("Any number of people"),
    "1": say("One person"),
    "10": say("{n} person|{n} people", n=10),
    "100": say("{n} person|{n} people", n=100),
}


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
        rx.el.p(said(GroupState.failed), role="alert", class_name="error-text"),
        rx.fragment(),
    )


def _edit(group: Cells) -> rx.Component:
    return dialog(
        rx.el.span(say("Edit group")),
        rx.el.form(
            field(
                "title",
                say("Group name"),
                error=GroupState.errors.get("title", ""),
                default_value=group["title"],
                auto_complete="off",
                dir="auto",
                custom_attrs={"data-first": "true"},
            ),
            field(
                "description",
                say("Description"),
                lines=3,
                error=GroupState.errors.get("description", ""),
                default_value=group["description"],
                auto_complete="off",
                dir="auto",
            ),
            select_field(
                "visibility", say("Who may join"), VISIBILITIES, default_value=group["visibility"]
            ),
            select_field(
                "history", say("New members can read"), HISTORIES, default_value=group["history"]
            ),
            select_field("posting", say("Who can write"), POSTINGS, default_value=group["posting"]),
            id=FORM,
            on_submit=GroupState.save,
            no_validate=True,
            class_name="form",
        ),
        _failed(),
        on_dismiss=GroupState.dismiss,
        beside=button(say("Save"), kind="primary", type="submit", form=FORM),
        name="group-dialog-title",
    )


def _invite() -> rx.Component:
    return dialog(
        rx.el.span(say("Invite link")),
        rx.cond(
            GroupState.link != "",
            copy_element(
                rx.el.div(
                    rx.el.input(
                        value=GroupState.link,
                        read_only=True,
                        aria_label=say("Link to this group"),
                        class_name="input",
                        dir="ltr",
                        custom_attrs={"data-copied": "true"},
                    ),
                    button(say("Copy"), kind="primary", custom_attrs={"data-copy": "true"}),
                    class_name="copy-line",
                ),
                rx.el.p(
                    say("Everybody who has the link can join. It is shown this once."),
                    role="status",
                    class_name="field-hint",
                    custom_attrs={"data-copy-state": "true"},
                ),
                rx.el.img(
                    src=GroupState.link_qr,
                    alt=say("QR code of the invitation link"),
                    class_name="qr-code",
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
                aria_label=say("Valid links"),
                class_name="details-list",
            ),
            rx.fragment(),
        ),
        rx.el.details(
            rx.el.summary(say("Another link"), class_name="button plain"),
            rx.el.form(
                select_field("lifetime", say("Valid for"), LIFETIMES, default_value="week"),
                select_field("uses", say("For#how many people"), USES, default_value="any"),
                button(say("Make a link"), type="submit"),
                on_submit=GroupState.invite,
                no_validate=True,
                class_name="form confirm",
            ),
        ),
        on_dismiss=GroupState.dismiss,
        leave=say("Close"),
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
                say("Link by {name}", name=invite["name"]),
                id=about_id,
                class_name="row-name one-line",
            ),
            rx.el.div(
                said(invite["uses"]),
                say(" · until "),
                rx.el.time(full_time(invite["expires_at"]), date_time=invite["expires_at"]),
                class_name="row-preview",
            ),
            class_name="row-text",
        ),
        button(
            say("Withdraw"),
            on_click=call(GroupState.withdraw, invite["id"]),
            aria_describedby=about_id,
        ),
        class_name="row",
    )


def _leave(group: Cells) -> rx.Component:
    return dialog(
        rx.el.span(say("Leave this group?")),
        rx.el.p(
            rx.cond(
                group["members_count"] > 1,
                say(
                    "You get no more messages from it, and cannot read it any more. "
                    "To come back you need an invitation, unless the group is open."
                ),
                say("You are its last member: the group and its messages are deleted."),
            ),
            class_name="sheet-text",
        ),
        _failed(),
        on_dismiss=GroupState.dismiss,
        beside=button(say("Leave"), kind="danger", on_click=GroupState.leave),
        name="group-dialog-title",
    )


def _delete(group: Cells) -> rx.Component:
    return dialog(
        rx.el.span(say("Delete this group?")),
        rx.el.p(
            say(
                "{name} and all its messages are deleted for everybody. Nobody can take that back.",
                name=group["title"],
            ),
            class_name="sheet-text",
        ),
        _failed(),
        on_dismiss=GroupState.dismiss,
        beside=button(say("Delete for everybody"), kind="danger", on_click=GroupState.delete),
        name="group-dialog-title",
    )
