"""Words of a text: folded, cut into units, and found again where they stand."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from chat_app.search.criteria import parse
from chat_app.search.words import (
    MAX_WORD_LENGTH,
    Term,
    fold_graphemes,
    fold_with_places,
    has_phrase,
    has_term,
    is_exact,
    matches,
    patterns_of,
    phrase_of,
    terms_of,
    units_of,
    words_of,
)

# Letters of many scripts, with marks, symbols and separators between them.
LETTERS = (
    "abZÅßéŁıﬁ½ 9_-.,\n'\u00ad\u200d\u0301Жжёאבשلاكअआकिीกขาำສລຊកខាမမြကျ한국어ㄱㅏ"  # noqa: RUF001  # letters of other scripts
    "日本語カがゞー、👍🏽❤️🇩🇪\u1112\u1161\u11ab"
)
TEXTS = st.text(st.sampled_from(LETTERS) | st.characters(), max_size=40)


def found(text: str, query: str) -> list[str]:
    """Return the parts of a text that the words of a query find."""
    folded = fold_with_places(text)
    return [
        text[slice(*folded.place(*place))]
        for term in parse(query).terms
        for place in matches(units_of(folded.text), term)
    ]


def test_words_are_found_whatever_case_accents_and_forms() -> None:
    for text, query, wanted in (
        ("Ein Gruß aus ZÜRICH", "gruss zurich", ["Gruß", "ZÜRICH"]),
        ("Zoe\u0308 and Zoë", "zoe", ["Zoe\u0308", "Zoë"]),
        ("the ﬁle on ＤＩＳＫ", "file disk", ["ﬁle", "ＤＩＳＫ"]),  # noqa: RUF001  # letters of other scripts
        ("Łódź, İstanbul, Ælfric", "lodz istanbul aelfric", ["Łódź", "İstanbul", "Ælfric"]),
        ("Привет, Ёлка", "ПРИВЕТ елка", ["Привет", "Ёлка"]),
        ("مُحَمَّد", "محمد", ["مُحَمَّد"]),
        ("co\u00adoperate", "cooperate", ["co\u00adoperate"]),
        ("ΟΔΟΣ", "οδος", ["ΟΔΟΣ"]),
        ("well done 👍🏽", "👍", ["👍🏽"]),
    ):
        assert found(text, query) == wanted, (text, query)


def test_a_word_of_three_letters_is_the_beginning_of_words() -> None:
    assert found("installing an installer, reinstalled", "inst") == ["inst", "inst"]
    assert found("in an inn", "in") == ["in"]
    assert found("회의에서 회", "회의") == ["회의"]
    assert found("회의에서 회", "회") == ["회"]


def test_letters_without_spaces_are_found_beside_each_other() -> None:
    for text, query, wanted in (
        ("我喜欢手机壳", "手机", ["手机"]),
        ("我喜欢手机壳", "机", ["机"]),
        ("我喜欢手机壳", "喜欢手机壳", ["喜欢手机壳"]),
        ("我的手。机会", "手机", []),
        ("我的手机很好", "手很", []),
        ("東京タワーへ行く", "タワー", ["タワー"]),
        ("สวัสดีครับ", "ดีค", ["ดีค"]),
        ("ສະບາຍດີ", "ບາຍ", ["ບາຍ"]),
        ("ខ្ញុំស្រលាញ់", "ស្រ", ["ស្រ"]),
        ("iPhone手机", "iphone 手机", ["iPhone", "手机"]),
    ):
        assert found(text, query) == wanted, (text, query)


def test_a_phrase_is_whole_words_in_its_order() -> None:
    for text, query, wanted in (
        ("the blue, sky is blue", '"blue sky"', ["blue, sky"]),
        ("the blue skyline", '"blue sky"', []),
        ("sky blue", '"blue sky"', []),
        ("blue blue sky", '"blue sky', ["blue sky"]),
        ("买手机 壳", '"手机 壳"', ["手机 壳"]),
    ):
        assert found(text, query) == wanted, (text, query)


def test_a_long_word_counts_up_to_forty_letters() -> None:
    long = "x" * 300
    assert words_of(long) == {"x" * MAX_WORD_LENGTH}
    assert found(long, long[:200]) == ["x" * MAX_WORD_LENGTH]


def test_what_separates_is_no_word() -> None:
    for text in ("", " \n\t", "%_'\"\\*()&|!:", "\x00\ue000\ue003\ufeff", "\ud800"):
        assert not words_of(text), ascii(text)
        assert not terms_of(text), ascii(text)
        assert phrase_of(text) is None, ascii(text)


@given(TEXTS)
def test_places_are_those_of_whole_graphemes(text: str) -> None:
    folded = fold_with_places(text)

    assert folded.text == fold_graphemes(text)
    for unit in units_of(folded.text):
        if unit.text:
            start, end = folded.place(unit.start, unit.end)
            assert 0 <= start < end <= len(text)
            assert not unicodedata.combining(text[start]) or start == 0
            assert end == len(text) or not unicodedata.combining(text[end])
            assert unit.text[0] in fold_graphemes(text[start:end])


@given(TEXTS)
def test_forms_of_unicode_have_the_same_words(text: str) -> None:
    plain = "".join(letter for letter in text if unicodedata.category(letter) not in ("Cf", "Cs"))

    assert words_of(unicodedata.normalize("NFC", plain)) == words_of(
        unicodedata.normalize("NFD", plain)
    )


@given(TEXTS, TEXTS)
def test_an_index_finds_each_text_that_has_a_term(text: str, query: str) -> None:
    """The index may find too much, never too little; the exact ones not even that."""
    words = words_of(text)
    units = units_of(fold_graphemes(text))
    phrase = phrase_of(text[len(text) // 3 :][: len(query)])
    terms: list[Term] = [*terms_of(query), *terms_of(text[:10]), *([phrase] if phrase else [])]
    for term in terms:
        is_candidate = all(
            any(
                word.startswith(pattern.word) if pattern.is_prefix else word == pattern.word
                for word in words
            )
            for pattern in patterns_of(term)
        )
        assert is_candidate or not has_term(units, term), term
        assert has_term(units, term) or not (is_candidate and is_exact(term)), term


@given(
    st.text("ab1 -Z" + "x" * 8, max_size=60) | TEXTS,
    st.integers(0, 40),
    st.integers(1, 4),
    st.sampled_from(["", "x" * MAX_WORD_LENGTH, "日"]),
)
def test_a_phrase_is_found_without_units_as_with_them(
    text: str, start: int, count: int, more: str
) -> None:
    folded = fold_graphemes(f"{text} {more}y a{more}")
    own = tuple(unit.text for unit in units_of(folded))
    for units in (own[start : start + count], own[:count], (*own[:1], *own[-1:])):
        if units:
            expected = has_term(units_of(folded), Term(units))
            assert has_phrase(folded, units) is expected
            assert has_phrase(fold_graphemes(f"a{text}"), units) is has_term(
                units_of(fold_graphemes(f"a{text}")), Term(units)
            )
