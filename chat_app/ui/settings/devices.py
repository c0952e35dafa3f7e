"""Settings of devices: the open sessions of the user."""

import reflex as rx

from chat_app.ui.browser import full_time, short_time
from chat_app.ui.kit.controls import button
from chat_app.ui.reflex.elements import said, say
from chat_app.ui.reflex.vars import Cells, call, cells
from chat_app.ui.settings.rows import DeviceRow
from chat_app.ui.settings.state import SettingsState


def devices() -> rx.Component:
    """Show the open sessions, with buttons to end them."""
    return rx.el.section(
        rx.el.h2(say("Devices")),
        rx.el.p(
            say("Where you are signed in. Sign out what you do not know."), class_name="field-hint"
        ),
        rx.el.ul(
            rx.foreach(
                SettingsState.devices,
                lambda row: rx.fragment(device_item(row=row), key=row["id"]),
            ),
            class_name="devices",
        ),
        rx.cond(cells(SettingsState.devices).length() > 1, _everywhere_else()),
        # The script presses it when the page becomes visible or gets the focus, and each minute.
        rx.el.button(
            type="button",
            hidden=True,
            on_click=SettingsState.refresh,
            custom_attrs={"data-refresh": "true"},
        ),
        aria_label=say("Devices"),
    )


@rx.memo
def device_item(row: rx.Var[DeviceRow]) -> rx.Component:
    """Show one session."""
    cell = cells(row)
    return rx.el.li(
        rx.el.div(
            rx.el.div(said(cell["client"]), class_name="row-name one-line"),
            rx.el.div(
                rx.cond(cell["address"] != "", f"{cell['address']} · ", ""),
                say("first used "),
                _time(cell["first_used"]),
                say(", last used "),
                _time(cell["last_used"]),
                class_name="row-preview",
            ),
            class_name="row-text",
        ),
        rx.cond(
            cell["current"],
            rx.el.span(say("This device"), class_name="tag"),
            button(
                say("Sign out {device}", device=said(cell["client"])),
                on_click=call(SettingsState.end_device, cell["id"]),
            ),
        ),
        class_name="device",
    )


def _time(moment: Cells) -> rx.Component:
    return rx.el.time(short_time(moment), date_time=moment, title=full_time(moment))


def _everywhere_else() -> rx.Component:
    return rx.el.details(
        rx.el.summary(say("Sign out everywhere else"), class_name="button plain"),
        rx.el.div(
            rx.el.p(say("All devices in this list but this one will have to sign in again.")),
            button(say("Yes, sign them out"), kind="danger", on_click=SettingsState.end_others),
            class_name="confirm",
        ),
    )
