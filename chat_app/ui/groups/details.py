"""The details of a group, beside its chat."""

import reflex as rx

from chat_app.ui.browser import full_time, panel_element
from chat_app.ui.files.shared import shared_files_button
from chat_app.ui.groups.dialogs import group_dialogs
from chat_app.ui.groups.facts import group_facts
from chat_app.ui.groups.members import members_region
from chat_app.ui.groups.state import GroupState
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.avatar_choice import avatar_choice
from chat_app.ui.kit.controls import button, icon_button, switch
from chat_app.ui.kit.states import notice, problem
from chat_app.ui.reflex.elements import event_name, say
from chat_app.ui.reflex.vars import Cells, call

PERIODS = {"hour": say("1 hour"), "day": say("8 hours"), "week": say("1 week")}


@rx.memo
def group_details(group_id: rx.Var[str]) -> rx.Component:
    """Show the details of a group while they are open, with their dialogs."""
    group = group_facts()
    is_open = (group["id"] == group_id) & (group_id != "") & ~group["kept"]
    return rx.cond(
        is_open,
        rx.fragment(
            panel_element(
                rx.el.aside(
                    rx.el.header(
                        icon_button(
                            "cross",
                            say("Close the details"),
                            on_click=GroupState.close,
                            custom_attrs={"data-dismiss": "true"},
                        ),
                        rx.el.h2(say("Group details")),
                        class_name="chat-head details-head",
                    ),
                    rx.el.div(
                        rx.cond(group["loaded"], _everything(group), notice(group["problem"])),
                        class_name="details-scroll",
                    ),
                    aria_label=say("Group details"),
                    class_name="details",
                ),
                event=event_name(GroupState.follow),
                payload=rx.Var.create({"group_id": group_id}).to_string(),
            ),
            group_dialogs(),
        ),
        rx.fragment(),
    )


def _everything(group: Cells) -> rx.Component:
    return rx.el.div(
        _about(group),
        problem(group["problem"]),
        rx.cond(
            (GroupState.failed != "") & (GroupState.failed_id == "") & (GroupState.asking == ""),
            notice(GroupState.failed),
        ),
        _own_part(group),
        members_region(),
        rx.el.div(
            button(
                say("Leave group"),
                kind="danger",
                on_click=call(GroupState.ask, "leave"),
                aria_haspopup="dialog",
            ),
            rx.cond(
                group["role"] == "owner",
                button(
                    say("Delete group"),
                    kind="danger",
                    on_click=call(GroupState.ask, "delete"),
                    aria_haspopup="dialog",
                ),
            ),
            class_name="settings-actions",
        ),
        class_name="details-column",
    )


def _about(group: Cells) -> rx.Component:
    return rx.el.div(
        rx.cond(
            group["role"] != "member",
            avatar_choice(
                group,
                path=rx.Var.create(f"/api/conversations/{group['id']}/avatar"),
                event=event_name(GroupState.load_again),
            ),
            avatar(group),
        ),
        rx.el.h3(rx.el.bdi(group["title"])),
        rx.el.p(group["about"], class_name="field-hint"),
        rx.cond(
            group["description"] != "",
            rx.el.p(group["description"], class_name="details-text", dir="auto"),
        ),
        rx.cond(
            group["role"] != "member",
            button(
                say("Edit group"), on_click=call(GroupState.ask, "edit"), aria_haspopup="dialog"
            ),
        ),
        class_name="details-about",
    )


def _own_part(group: Cells) -> rx.Component:
    """Show what concerns the reader alone: mute, favourite and archive."""
    return rx.el.div(
        switch(
            say("Mute"),
            on=group["muted"],
            turn=call(GroupState.mute, rx.cond(group["muted"], "off", "forever")),
        ),
        rx.cond(
            group["muted"],
            rx.cond(
                group["muted_until"] != "forever",
                rx.el.p(
                    say("Until {time}", time=full_time(group["muted_until"])),
                    class_name="field-hint",
                ),
            ),
            rx.el.div(
                rx.el.span(say("Only for"), class_name="field-hint"),
                *(
                    button(
                        label,
                        kind="quiet",
                        on_click=call(GroupState.mute, period),
                        aria_label=say("Only for {time}", time=label),
                    )
                    for period, label in PERIODS.items()
                ),
                class_name="periods",
            ),
        ),
        switch(
            say("Favourite"),
            on=group["favourite"],
            turn=call(GroupState.set_favourite, ~group["favourite"]),
        ),
        rx.el.div(
            button(
                rx.cond(group["archived"], say("Unarchive"), say("Archive")),
                on_click=call(GroupState.set_archived, ~group["archived"]),
            ),
            shared_files_button(group["id"]),
            class_name="settings-actions",
        ),
        class_name="details-own",
    )
