"""The scripts that stand in the pages themselves, before all others."""

from pathlib import Path

import reflex as rx

from chat_app.ui.reflex.elements import say

RELOAD = Path(__file__).parents[2] / "assets" / "reload.js"


def reload_without_missing_files() -> rx.Component:
    """Reload a page that lacks a script or a style; show a notice where that does not help.

    The script stands in the page itself: a file of its own could be missing too.
    """
    lines = (line.strip() for line in RELOAD.read_text().splitlines())
    return rx.el.script(
        "\n".join(line for line in lines if line and not line.startswith("//")),
        custom_attrs={
            "data-lost": say("A part of this page could not be loaded. What you wrote is kept."),
            "data-again": say("Load again"),
        },
    )


def take_shared_text() -> rx.Component:
    """Take what another app shares out of the address before any other script runs.

    It would stay in the history, and go to the page to sign in. `share.js` shows it.
    """
    return rx.el.script(
        'if (location.pathname === "/share" && location.search) {'
        " const asked = new URLSearchParams(location.search);"
        ' const [title, text, url] = ["title", "text", "url"].map((name) => asked.get(name) ?? "");'
        " const shared = JSON.stringify({ at: Date.now(), title, text, url });"
        ' try { sessionStorage.setItem("chat.shared", shared); } catch {}'
        ' history.replaceState(history.state, "", location.pathname); }'
    )


def hold_early_forms() -> rx.Component:
    """Keep a form that is submitted before its script is loaded; the script then sends it.

    The script stands in the page's head: only there it is loaded before a visitor can act.
    """
    return rx.el.script(
        'addEventListener("submit", (event) => {'
        " if (!event.target.dataset.auth || window.chatForms) return;"
        " event.preventDefault();"
        " window.chatEarlyForm = event.target;"
        "}, true);"
    )
