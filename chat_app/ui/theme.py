"""The look: `assets/chat.css` holds tokens and the style of every part, `assets/icons.css` icons.

Light or dark is Reflex's colour mode: a class on the page's root that is there before the first
paint. Nothing here is decided in Python, so that a designer finds all of it in one place.
"""

import reflex as rx

STYLESHEETS = ["/chat.css", "/icons.css"]


def head_components() -> list[rx.Component]:
    """Return what every page's head says about the look."""
    return [
        rx.el.meta(
            name="viewport",
            # The on-screen keyboard shrinks the page, so that the composer stays above it.
            content="width=device-width, initial-scale=1, interactive-widget=resizes-content",
        ),
        rx.el.meta(name="color-scheme", content="light dark"),
        # Before every other script: they ask it where the server is.
        rx.el.script(src="/server.js"),
        rx.el.link(rel="icon", href="/icon.svg", type="image/svg+xml"),
    ]
