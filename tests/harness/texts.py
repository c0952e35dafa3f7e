"""The texts of the sources: what the catalogues must have, and what says something without them.

Python is read by its own parser, the scripts by espree (`texts.js`), which ESLint brings.
"""

import ast
import json
import re
import subprocess
import sysconfig
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from chat_app.ui.told import MARK
from tests.harness.servers import ROOT

NODE = Path(sysconfig.get_path("scripts")) / "node"
UI = ROOT / "chat_app" / "ui"
CATALOGUES = ROOT / "chat_app" / "languages"
SAYING = {"say", "told"}
# Names of browsers, and the beginning of the names of files, which are the same in all languages.
NAMES = {"files/rows.py": ("VOICE",), "settings/rows.py": ("BROWSERS", "SYSTEMS")}
# Calls whose arguments look like texts: names of classes, of scripts, of programs.
UNSEEN = {
    "call_hook",
    "call_script",
    "event_name",
    "getLogger",
    "TypeVar",
    "RuntimeError",
    "script",
}
ATTRIBUTES = {"class_name", "custom_attrs", "key", "kind", "id", "content"}
WORDS = re.compile(r"[A-Z][a-z]|[a-z] [a-z]|…")
NO_TEXT = re.compile(
    r"Chat|…|Queued|Sent|Failed|Receipts|Mozilla/|[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)*|.*[=(){}].*"
)

# Constants whose texts are said where they are used: the values of dicts and tuples included.
CONSTANTS = {
    "conversations/rows.py": ("DELETED", "NOTICES"),
    "groups/rows.py": ("OPEN", "PRIVATE"),
    "people/rows.py": ("FRIENDSHIPS",),
    "scheduled/rows.py": ("UNKNOWN", "GONE", "NOBODY", "REASONS", "REFUSED"),
    "search/view.py": ("NEW",),
    "settings/rows.py": ("UNKNOWN",),
}
# Packages whose errors people may see, as sentences.
REFUSING = ("accounts", "admin", "conversations", "core", "files", "friends", "messages", "search")
# Sentences that only programs and operators get.
OF_PROGRAMS = re.compile(
    r"client_id|receiver_id|before, after|before or after|tus 1|offset|byte|no id\.|its zone|range"
    r"|time zone|length of the upload|no group\.|Give each|draft|[a-z]_[a-z]|PostgreSQL|SQLite"
    r"|In any script|Without control|Compatibility forms|Something visible|place in the list"
    r"|Upload|database|setting|CHAT_|migrat|Python|bucket|scanner"
    r"|S3|cursor|archive|file system"
)
SENTENCE = re.compile(r"[A-Z“][^{}<>=;]* [^{}<>=;]*\.")
NUMBERS = re.compile(r"\d+(?:,\d{3})*|\0")
Say = Callable[[str], str]


def sayer(language: str) -> Say:
    """Return a function that looks the texts of a language up by their keys."""
    if language == "en":
        return in_plain_english
    texts = json.loads((CATALOGUES / f"{language}.json").read_text(encoding="utf-8"))

    def say(key: str) -> str:
        text: str = texts[key]
        return text

    return say


def in_plain_english(key: str) -> str:
    """Return the English text of a key, without the note that nobody sees."""
    return key.partition("#")[0]


def in_english(text: str) -> str:
    """Return a told text as a page in English says it; any other one as it is."""
    # Forged requests have a NUL of their own, which comes back in what the page asked for.
    if not text.startswith(f"{MARK}["):
        return text
    key, places = (*json.loads(text.removeprefix(MARK)), {})[:2]
    one, _, other = key.partition("#")[0].partition("|")
    form = one if places.get("n") == 1 or not other else other
    return re.sub(r"\{(\w+)\}", lambda place: _placed(places.get(place[1], place[0])), form)


def shown(value: Any) -> Any:  # noqa: ANN401  # any JSON
    """Return what the server sent with its told texts in English, as a page shows it."""
    if isinstance(value, dict):
        return {name: shown(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shown(one) for one in value]
    return in_english(value) if isinstance(value, str) else value


def _placed(place: str | int | list[str]) -> str:
    if isinstance(place, int):
        return f"{place:,}"
    if isinstance(place, str):
        return _isolated(in_english(place))
    *parts, last = (_isolated(in_english(part)) for part in place)
    return f"{', '.join(parts)} and {last}" if parts else last


def _isolated(text: str) -> str:
    """Return a text that does not turn those around it (UAX #9, FSI and PDI)."""
    turns = any(unicodedata.bidirectional(letter) in {"R", "AL"} for letter in text)
    return f"\u2068{text}\u2069" if turns else text


@cache
def keys() -> frozenset[str]:
    """Return the keys of all texts."""
    return frozenset([*_said_in_python(), *_constants(), *_errors(), *scripts()["keys"]])


@cache
def scripts() -> dict[str, list[str]]:
    """Return the `keys` of the scripts, and the texts that they show `bare`, with their places."""
    command = [NODE, ROOT / "tests" / "harness" / "texts.js"]
    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)  # noqa: S603  # our own script
    found: dict[str, list[str]] = json.loads(run.stdout)
    return found


@cache
def trees() -> dict[Path, ast.Module]:
    """Return the parsed modules of the browser's door, by their paths."""
    return {path: ast.parse(path.read_text()) for path in sorted(UI.rglob("*.py"))}


def _said_in_python() -> Iterator[str]:
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node) in SAYING and node.args:
                yield from _literals(node.args[0])


def bare_in_python() -> Iterator[str]:
    """Yield the texts that the browser's door shows in English alone, with their places."""
    for path, tree in trees().items():
        if path.parent.name == "reflex":
            continue
        said = {id(part) for node in _saying(tree, path) for part in ast.walk(node)}
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if is_text and id(node) not in said and _is_shown(node.value):  # type: ignore[attr-defined]  # see above
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.value!r}"  # type: ignore[attr-defined]  # the same


def _saying(tree: ast.Module, path: Path) -> Iterator[ast.AST]:
    """Yield the parts of a module whose texts are said, or shown to nobody."""
    file = str(path.relative_to(UI))
    names = (*CONSTANTS.get(file, ()), *NAMES.get(file, ()), "msg", "message")
    for node in ast.walk(tree):
        if isinstance(node, ast.match_case):
            yield node.pattern
        elif isinstance(node, ast.Call):
            if name_of(node) in SAYING | UNSEEN:
                yield node
        elif isinstance(node, ast.keyword):
            if node.arg in ATTRIBUTES:
                yield node
        elif isinstance(node, ast.Expr | ast.Raise | ast.Subscript | ast.Compare):
            yield node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id in names:
                yield node


def _is_shown(text: str) -> bool:
    return bool(WORDS.search(text)) and not NO_TEXT.fullmatch(text)


def name_of(call: ast.Call) -> str:
    """Return the name of the function that is called."""
    return ast.unparse(call.func).rpartition(".")[2]


def _literals(node: ast.expr) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def _constants() -> Iterator[str]:
    for file, names in CONSTANTS.items():
        for node in trees()[UI / file].body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            target = node.target if isinstance(node, ast.AnnAssign) else target
            if isinstance(target, ast.Name) and target.id in names:
                value = node.value  # type: ignore[attr-defined]  # of an assignment, see above
                parts = value.values if isinstance(value, ast.Dict) else [value]
                yield from (text for part in parts for text in _literals(part) if text)


def _errors() -> Iterator[str]:
    for package in REFUSING:
        for path in (ROOT / "chat_app" / package).rglob("*.py"):
            tree = ast.parse(path.read_text())
            for text in _texts(tree):
                if SENTENCE.fullmatch(text) and not OF_PROGRAMS.search(text):
                    yield _numbered(text)


def _texts(tree: ast.Module) -> Iterator[str]:
    """Yield the texts of a module without its docstrings; a NUL stands for each value in them."""
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
    inside = {id(part) for node in strings for part in node.values}
    shown = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in inside | shown:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _numbered(text: str) -> str:
    """Return the key of an error: its numbers are places {a}, {b} … (`said` in texts.js)."""
    letters = iter("abcdef")
    return NUMBERS.sub(lambda _: f"{{{next(letters)}}}", text)
