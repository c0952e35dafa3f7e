"""Custom elements, JavaScript functions and hooks as Reflex components and vars."""

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import reflex as rx
from reflex.style import color_mode, set_color_mode
from reflex.utils.imports import ImportVar
from reflex.vars import VarData
from reflex.vars.function import FunctionStringVar
from reflex_base.constants.compiler import MemoizationDisposition, MemoizationMode
from reflex_base.utils.format import format_event_handler
from reflex_components_core.base.error_boundary import (  # type: ignore[import-untyped]  # ships no types
    error_boundary,
)
from reflex_components_core.core.banner import (  # type: ignore[import-untyped]  # ships no types
    has_connection_errors,
)

# Folder of the scripts as the bundler sees it: `assets/browser/`.
SCRIPTS = "$/public/browser"

# Packages that the scripts import. Their checks take the same version from .config/javascript.
PACKAGES = (
    "@floating-ui/dom@1.8.0",
    "@primer/behaviors@1.11.0",
    "emoji-picker-element@1.29.1",
    "highlight.js@11.12.0",
    "idb@8.0.4",
    "tus-js-client@4.3.1",
)

ColorMode = Literal["system", "light", "dark"]

# Positions and names of Reflex's own components around every page.
OVERLAY = (5, "Overlay")
BOUNDARY = (55, "ErrorBoundary")
# Inside the boundary: nothing of Reflex is between it and the pages.
SHELL = (10, "Shell")


class ScriptedElement(rx.el.Div):
    """A custom element whose behaviour is in one script of `assets/browser/`."""

    script: ClassVar[str] = ""
    # Reflex would name its wrapper after the tag, and a hyphen cannot be in a JavaScript name.
    # Elements that read a state are wrapped in an `rx.memo` instead.
    _memoization_mode = MemoizationMode(disposition=MemoizationDisposition.NEVER)

    def add_imports(self) -> dict[str, Any]:
        """Bundle the script, and what it imports, with the pages that show the element."""
        return {
            "": f"{SCRIPTS}/{self.script}",
            **{package: ImportVar(tag=None, render=False) for package in PACKAGES},
        }


def call_script(script: str, function: str, *arguments: rx.Var[Any]) -> rx.Var[str]:
    """Return what a function that a script exports returns in the browser."""
    data = VarData(imports={f"{SCRIPTS}/{script}": [ImportVar(tag=function)]})
    return FunctionStringVar.create(function, _var_data=data).call(*arguments).to(str)


def say(text: str, **places: Any) -> rx.Var[str]:  # noqa: ANN401  # vars and values
    """Return a text in the language of the page, with its places filled (`texts.js`).

    `text` is the English one, a key of the catalogues. With a number `n` it has two forms,
    "{n} member|{n} members"; a note after "#" tells it apart from an equal text.
    """
    filled = [rx.Var.create(places)] if places else []
    return call_script("texts.js", "say", rx.Var.create(text), *filled)


def said(text: str | rx.Var[str]) -> rx.Var[str]:
    """Return a text of a state in the language of the page: one that is `told`, or an error's."""
    return call_script("texts.js", "said", rx.Var.create(text))


def call_hook(script: str, hook: str) -> rx.Var[int]:
    """Return what a React hook that a script exports returns in the component that uses the var."""
    name = f"chat{hook.removeprefix('use')}"
    data = VarData(
        hooks={f"const {name} = {hook}()": None},
        imports={f"{SCRIPTS}/{script}": [ImportVar(tag=hook)]},
    )
    return rx.Var(name, _var_data=data).to(int)


def call_inline(function: str, argument: Any) -> rx.Var[Any]:  # noqa: ANN401  # any var
    """Return what a JavaScript function expression returns in the browser."""
    return FunctionStringVar.create(function).call(argument)


def address_parameter(name: str) -> rx.Var[str]:
    """Return a parameter of the page's address, before the server has answered; "" without it."""
    return rx.Var(
        f"(chatAddress.{name} ?? '')",
        _var_data=VarData(
            hooks={"const chatAddress = useParams()": None},
            imports={"react-router": [ImportVar(tag="useParams")]},
        ),
    ).to(str)


def shown_place() -> rx.Var[Any]:
    """Return the page that is shown in the shell, and the open conversation (`place.js`)."""
    hook = "usePlace(useLocation(), useContext(UNSAFE_FrameworkContext), useNavigate())"
    return rx.Var(
        "chatPlace",
        _var_data=VarData(
            hooks={f"const chatPlace = {hook}": None},
            imports={
                "react": [ImportVar(tag="useContext")],
                "react-router": [
                    ImportVar(tag="useLocation"),
                    ImportVar(tag="UNSAFE_FrameworkContext"),
                    ImportVar(tag="useNavigate"),
                ],
                f"{SCRIPTS}/place.js": [ImportVar(tag="usePlace")],
            },
        ),
    )


def kept_facts(name: str, others: Mapping[str, Any]) -> rx.Var[Any]:
    """Return the facts about a list that the page keeps; `others` where it has none."""
    return _kept("useAbout", f"{name}Facts", f"{json.dumps(name)}, {json.dumps(others)}")


def kept_rows(name: str) -> rx.Var[Any]:
    """Return the rows of a list that the page keeps."""
    return _kept("useRows", f"{name}Rows", json.dumps(name))


def kept_row(name: str, key: rx.Var[str], other: Mapping[str, Any]) -> rx.Var[Any]:
    """Return the row with this `id` of a list that the page keeps; `other` where there is none."""
    return _kept("useRow", f"{name}Row", f"{json.dumps(name)}, {key!s}, {json.dumps(other)}", key)


def kept_facts_of(name: str, key: rx.Var[str], others: Mapping[str, Any]) -> rx.Var[Any]:
    """Return the facts about the list of `name` that belongs to `key`."""
    arguments = f"`{name}:${{{key!s}}}`, {json.dumps(others)}"
    return _kept("useAbout", f"{name}FactsOf", arguments, key)


def kept_timeline(key: rx.Var[str]) -> rx.Var[Any]:
    """Return the messages of a conversation as they are shown."""
    return _kept("useTimeline", "timelineRows", f"{key!s}", key)


def _kept(hook: str, name: str, arguments: str, *uses: rx.Var[Any]) -> rx.Var[Any]:
    """Return what a hook of `replica.js` returns, under a name that is unique in a component."""
    data = VarData(
        hooks={f"const {name} = {hook}({arguments})": None},
        imports={f"{SCRIPTS}/replica.js": [ImportVar(tag=hook)]},
    )
    merged = VarData.merge(*(use._get_all_var_data() for use in uses), data)
    return rx.Var(name, _var_data=merged)


def event_name(handler: Any) -> str:  # noqa: ANN401  # a handler of a state, on the class
    """Return the name under which a script sends an event to a handler."""
    return format_event_handler(handler)


def is_disconnected() -> rx.Var[bool]:
    """Return whether Reflex's link to the server is down."""
    return has_connection_errors


def chosen_color_mode() -> rx.Var[ColorMode]:
    """Return the colour mode that was chosen: light, dark or system."""
    return color_mode


def choose_color_mode(mode: rx.Var[ColorMode]) -> Any:  # noqa: ANN401  # an event of the browser
    """Return the event that sets the colour mode."""
    return set_color_mode(mode)


def replace_wraps(
    app: rx.App, *, shell: Callable[[], rx.Component], error_page: Callable[[], rx.Component]
) -> None:
    """Put `shell` around every page in place of Reflex's connection banner.

    It stays while the pages change. `error_page` is shown for one that cannot be drawn.
    """
    app.app_wraps.pop(OVERLAY, None)
    app.app_wraps[SHELL] = lambda _: shell()
    app.app_wraps[BOUNDARY] = lambda _: error_boundary(fallback_render=error_page())
