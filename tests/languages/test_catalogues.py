"""The catalogues: every text of the sources in every language, in the forms of its plural rules."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from chat_app.core.languages import ENGLISH, NAMES
from tests.harness import texts
from tests.harness.servers import ROOT

EMOJI = ROOT / "assets" / "emoji"
PLACE = re.compile(r"\{(\w+)\}")
CATALOGUES = sorted(texts.CATALOGUES.glob("*.json"))

Text = str | dict[str, str]


def catalogue(path: Path) -> dict[str, Text]:
    read: dict[str, Text] = json.loads(path.read_text(encoding="utf-8"))
    return read


def forms(text: Text) -> list[str]:
    return list(text.values()) if isinstance(text, dict) else [text]


def categories(language: str) -> list[str]:
    code = f"new Intl.PluralRules('{language}').resolvedOptions().pluralCategories"
    command = [str(texts.NODE), "--print", f"JSON.stringify({code})"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # our own code
    found: list[str] = json.loads(run.stdout)
    return sorted(found)


def test_every_language_but_english_has_a_catalogue() -> None:
    assert {path.stem for path in CATALOGUES} == NAMES.keys() - {ENGLISH}


def test_every_language_has_names_of_all_emoji() -> None:
    lists = {path.stem: json.loads(path.read_bytes()) for path in EMOJI.glob("*.json")}
    assert lists.keys() == NAMES.keys()
    english = [(one["emoji"], one["annotation"]) for one in lists.pop(ENGLISH)]
    for language, entries in lists.items():
        named = [(one["emoji"], one["annotation"]) for one in entries]
        assert [text for text, _ in named] == [text for text, _ in english], language
        assert all(name for _, name in named), language
        # Some are called the same, as "Burrito".
        assert len(set(named) & set(english)) < len(english) / 50, language


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_has_the_texts_of_the_sources_and_no_others(path: Path) -> None:
    have = catalogue(path)

    assert sorted(texts.keys() - have.keys()) == []
    assert sorted(have.keys() - texts.keys()) == []
    assert list(have) == sorted(have)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_texts_with_a_number_have_the_forms_of_the_language(path: Path) -> None:
    wanted = categories(path.stem)

    for key, text in catalogue(path).items():
        if isinstance(text, dict):
            assert sorted(text) == wanted, key
        assert isinstance(text, dict) == ("|" in key or key == "{n} unread messages"), key


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_translations_have_the_places_and_the_blanks_around_of_their_keys(path: Path) -> None:
    for key, text in catalogue(path).items():
        english = key.partition("#")[0].partition("|")[0]
        for form in forms(text):
            places = set(PLACE.findall(form))
            assert form, key
            # "Nobody" and "one person" need no number, nor what it is counted from.
            allowed = set(PLACE.findall(key))
            assert places <= allowed, key
            if not isinstance(text, dict):
                assert places == allowed, key
            if english[0] == " " or english[-1] == " ":
                assert form[-1].isspace() == english[-1].isspace(), key
                assert form[0].isspace() == english[0].isspace(), key
        if isinstance(text, dict):
            assert set(PLACE.findall(text["other"])) == set(PLACE.findall(key)), key
