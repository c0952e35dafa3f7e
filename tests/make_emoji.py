"""Make the lists of emoji: `python tests/make_emoji.py`.

`chat_app/messages/emoji.txt` comes from the package `emoji` of requirements-dev.txt, and
`assets/emoji/en.json` from the npm package `emoji-picker-element-data`. Run it after a newer
version of either was pinned.
"""

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import emoji

ROOT = Path(__file__).resolve().parents[1]
SEQUENCES = ROOT / "chat_app/messages/emoji.txt"
PICKER = ROOT / "assets/emoji/en.json"
PICKER_PACKAGE = "emoji-picker-element-data@1.8.0"

TONES = re.compile("[\U0001f3fb-\U0001f3ff]")
VARIATION = "\ufe0f"


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


def picker_data(entries: list[dict[str, Any]], qualified: dict[str, str]) -> str:
    """Return the picker's data in the fully qualified forms, without what it does not use."""
    kept = []
    for entry in entries:
        text = entry["emoji"].replace(VARIATION, "")
        # A person of two tones has no place in the picker's one choice.
        skins = [skin for skin in entry.pop("skins", []) if isinstance(skin["tone"], int)]
        kept.append({**entry, "emoji": qualified[text]} | ({"skins": skins} if skins else {}))
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).replace("},{", "},\n{")


def _is_toned(text: str) -> bool:
    return len(text) > 1 and TONES.search(text) is not None


def _plain_name(name: str) -> str:
    tones = r"(_(medium-)?(light|dark|medium)_skin_tone){2}:$"
    return re.sub(tones, ":", name).replace("_person_person:", ":")


def _picker_entries() -> list[dict[str, Any]]:
    npm = Path(sys.executable).with_name("npm")
    with TemporaryDirectory() as folder:
        command: list[str | Path] = [
            npm,
            "pack",
            "--silent",
            "--pack-destination",
            folder,
            PICKER_PACKAGE,
        ]
        subprocess.run(command, check=True)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as files:
            data = files.extractfile("package/en/emojibase/data.json")
            if data is None:
                raise SystemExit("The package holds no data.")
            entries: list[dict[str, Any]] = json.load(data)
            return entries


if __name__ == "__main__":
    lines = sequences()
    SEQUENCES.write_text(lines, encoding="utf-8")
    bases = [line.split(" ")[0] for line in lines.splitlines()]
    qualified_forms = {base.replace(VARIATION, ""): base for base in bases}
    PICKER.parent.mkdir(exist_ok=True)
    PICKER.write_text(picker_data(_picker_entries(), qualified_forms), encoding="utf-8")
