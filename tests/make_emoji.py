"""Make the lists of emoji: `python -m tests.make_emoji`.

`chat_app/messages/emoji.txt` comes from the package `emoji` of requirements-dev.txt, and
`assets/emoji/en.json` from the npm package `emoji-picker-element-data`. The other languages of the
screens get their names and topics from the annotations of CLDR, also packages of npm. Run it after
a newer version of one was pinned, and for a new language.
"""

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import emoji

from chat_app.core.languages import ENGLISH, NAMES

ROOT = Path(__file__).resolve().parents[1]
SEQUENCES = ROOT / "chat_app/messages/emoji.txt"
PICKERS = ROOT / "assets/emoji"
PICKER_PACKAGE = "emoji-picker-element-data@1.8.0"
# Names of emoji, and names of those that are made of several.
CLDR_PACKAGES = {
    "annotations": "cldr-annotations-full@48.2.0",
    "annotationsDerived": "cldr-annotations-derived-full@48.2.0",
}

TONES = re.compile("[\U0001f3fb-\U0001f3ff]")
VARIATION = "\ufe0f"

# An emoji as the picker has it.
Entry: TypeAlias = dict[str, Any]


def sequences() -> str:
    """Return Unicode's RGI set: a line for each emoji, followed by its forms with skin tones."""
    names = {
        text: about["en"]
        for text, about in emoji.EMOJI_DATA.items()
        if about["status"] in (emoji.STATUS["fully_qualified"], emoji.STATUS["component"])
    }
    forms: dict[str, list[str]] = {text: [] for text in names if not _is_toned(text)}
    by_text = {text.replace(VARIATION, ""): text for text in forms}
    by_name = {names[text]: text for text in forms}
    for text in filter(_is_toned, names):
        plain = TONES.sub("", text).replace(VARIATION, "")
        # Two people of two tones are another sequence than the two without: 👭, 👩🏽‍🤝‍👩🏿.
        base = by_text.get(plain) or by_name[_plain_name(names[text])]
        forms[base].append(text)
    return "".join(" ".join([base, *toned]) + "\n" for base, toned in forms.items())


def picker_data(entries: list[Entry], qualified: dict[str, str]) -> list[Entry]:
    """Return the picker's data in the fully qualified forms, without what it does not use."""
    kept = []
    for entry in entries:
        text = entry["emoji"].replace(VARIATION, "")
        # A person of two tones has no place in the picker's one choice.
        skins = [skin for skin in entry.pop("skins", []) if isinstance(skin["tone"], int)]
        kept.append({**entry, "emoji": qualified[text]} | ({"skins": skins} if skins else {}))
    return kept


def named(entries: list[Entry], names: dict[str, Any]) -> list[Entry]:
    """Return the picker's data with names and topics of CLDR; the shortcodes stay English."""
    translated = []
    for entry in entries:
        text = entry["emoji"]
        about = names.get(text.replace(VARIATION, "")) or names[text]
        tags = [tag for tag in about.get("default", []) if tag != about["tts"][0]]
        translated.append({**entry, "annotation": about["tts"][0], "tags": tags})
    return translated


def _json(entries: list[Entry]) -> str:
    return json.dumps(entries, ensure_ascii=False, separators=(",", ":")).replace("},{", "},\n{")


def _is_toned(text: str) -> bool:
    return len(text) > 1 and TONES.search(text) is not None


def _plain_name(name: str) -> str:
    tones = r"(_(medium-)?(light|dark|medium)_skin_tone){2}:$"
    return re.sub(tones, ":", name).replace("_person_person:", ":")


def _names(language: str) -> dict[str, Any]:
    """Return what CLDR says of emoji, by their texts: the name as `tts`, topics as `default`."""
    names: dict[str, Any] = {}
    for kind, package in CLDR_PACKAGES.items():
        found = _packed(package, f"package/{kind}/{language}/annotations.json")
        names |= found[kind]["annotations"]
    return names


def _packed(package: str, name: str) -> Any:  # noqa: ANN401  # any JSON
    """Return a JSON file of an npm package."""
    npm = Path(sys.executable).with_name("npm")
    with TemporaryDirectory() as folder:
        command: list[str | Path] = [
            npm,
            "pack",
            "--silent",
            "--pack-destination",
            folder,
            package,
        ]
        subprocess.run(command, check=True)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as files:
            data = files.extractfile(name)
            if data is None:
                raise SystemExit("The package holds no such file.")
            return json.load(data)


if __name__ == "__main__":
    lines = sequences()
    SEQUENCES.write_text(lines, encoding="utf-8")
    bases = [line.split(" ")[0] for line in lines.splitlines()]
    qualified_forms = {base.replace(VARIATION, ""): base for base in bases}
    english = picker_data(
        _packed(PICKER_PACKAGE, "package/en/emojibase/data.json"), qualified_forms
    )
    PICKERS.mkdir(exist_ok=True)
    for language in NAMES:
        data = english if language == ENGLISH else named(english, _names(language))
        (PICKERS / f"{language}.json").write_text(_json(data), encoding="utf-8")
