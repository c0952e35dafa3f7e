"""Criteria: what the words of a search ask for."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_app.core.errors import Invalid
from chat_app.search.criteria import Criteria, parse
from chat_app.search.words import Term

RED = Term(("red",), is_prefix=True)
BLUE_SKY = Term(("blue", "sky"))


def day(year: int, month: int, number: int) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


def test_words_phrases_and_operators_are_parsed() -> None:
    for text, wanted in (
        ("red", Criteria(terms=(RED,))),
        (' RED\t"blue  sky" ', Criteria(terms=(RED, BLUE_SKY))),
        ('red-"blue sky"', Criteria(terms=(RED, BLUE_SKY))),
        ('red -"blue sky"', Criteria(terms=(RED,), excluded=((BLUE_SKY,),))),
        ("-red", Criteria(excluded=((RED,),))),
        ('"blue sky', Criteria(terms=(BLUE_SKY,))),
        ("“blue sky” red", Criteria(terms=(BLUE_SKY, RED))),
        ("from:Anna", Criteria(senders=(Term(("anna",)),))),
        ("from:@anna.b From:x", Criteria(senders=(Term(("anna", "b")), Term(("x",))))),
        ('in:"Book club"', Criteria(titles=(Term(("book", "club")),))),
        ("-in:Book", Criteria(excluded_titles=(Term(("book",)),))),
        ("-from:anna", Criteria(excluded_senders=(Term(("anna",)),))),
        ("has:link HAS:Image", Criteria(contents=frozenset({"link", "image"}))),
        ("-has:file", Criteria(excluded_contents=frozenset({"file"}))),
        ("before:2026-11-28", Criteria(before=day(2026, 11, 28))),
        ("after:2026-11-28", Criteria(after=day(2026, 11, 29))),
        (
            "before:2026-11-28 before:2026-01-01 after:2025-01-01 after:2025-02-01",
            Criteria(before=day(2026, 1, 1), after=day(2025, 2, 2)),
        ),
    ):
        assert parse(text) == wanted, text


def test_an_operator_that_is_unknown_or_has_no_value_is_words() -> None:
    for text, wanted in (
        ("red:sky", ["red", "sky"]),
        ("from: sky", ["from", "sky"]),
        ("from:!", ["from"]),
        ("has:sound", ["has", "sound"]),
        ("before:2026-13-01", ["before", "2026", "13", "01"]),
        ("after:9999-12-31", ["after", "9999", "12", "31"]),
        ("before:today", ["before", "today"]),
        ("on:2026-11-28", ["on", "2026", "11", "28"]),
        ("https://example.org/a", ["https", "example", "org", "a"]),
    ):
        criteria = parse(text)
        assert [unit for term in criteria.terms for unit in term.units] == wanted, text
        assert criteria == Criteria(terms=criteria.terms), text


def test_what_has_no_words_asks_for_nothing() -> None:
    for text in ("%", "_", "- --", '""', '"', "\x00", "\ue000\ue001", ". , ;", "\ud800"):
        assert parse(text).is_empty, ascii(text)


def test_a_text_that_is_blank_or_too_long_is_refused() -> None:
    for text in ("", " \n ", "x" * 257):
        with pytest.raises(Invalid) as refused:
            parse(text)
        assert set(refused.value.fields) == {"q"}


@given(st.text(st.sampled_from(' "-:ab2手한👍\x00\ud800') | st.characters(), max_size=256))
def test_any_text_is_parsed(text: str) -> None:
    if text.strip():
        parse(text)
