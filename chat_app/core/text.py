"""Text: folding for searches, and checks for invisible and control characters."""

import unicodedata

import regex

# Invisible though Unicode files them under letters or marks: fillers that fake an empty name.
BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
# Embeddings, overrides and isolates: they turn the text around them, too.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


# Letters that people take for others, though Unicode does not decompose them; the first is the
# Turkish i without a dot.
PLAIN_LETTERS = str.maketrans({"\u0131": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"})
# Accents and enclosing marks, and what cannot be seen: it comes along when text is copied.
MARKS = ("Mn", "Me", "Cf")

_GRAPHEMES = regex.compile(r"\X")


def fold(text: str) -> str:
    """Return `text` without case, accents and compatibility forms, for searching only.

    Words are one space apart.
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold()).translate(PLAIN_LETTERS)
    bare = "".join(letter for letter in decomposed if unicodedata.category(letter) not in MARKS)
    return " ".join(unicodedata.normalize("NFKC", bare).casefold().split())


def beginning(text: str, most: int) -> str:
    """Return at most `most` characters of a text, cut between graphemes (Unicode's UAX 29)."""
    if len(text) <= most:
        return text
    end = 0
    # What combines with the last letter may follow the cut.
    for grapheme in _GRAPHEMES.finditer(text, 0, most + 1):
        if grapheme.end() > most:
            break
        end = grapheme.end()
    return text[:end]


def has_lone_surrogate(text: str) -> bool:
    """Return whether `text` cannot be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def has_control(text: str, *, allowed: str = "") -> bool:
    """Return whether `text` holds a control character (C0, C1, DEL) other than those allowed."""
    return any(unicodedata.category(c) == "Cc" and c not in allowed for c in text)


def has_invisible(text: str) -> bool:
    """Return whether `text` holds what cannot be seen or turns the text around it: names may not.

    Control and format characters (zero-width, bidi overrides and marks), line separators,
    surrogates, private and unassigned code points, and letters that show as nothing.
    """
    hidden = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return any(unicodedata.category(c) in hidden or c in BLANK_LETTERS for c in text)


def shows_something(text: str) -> bool:
    """Return whether `text` has a visible character."""
    # The first letter decides nearly always; only texts of fillers are read to their end.
    return any(
        letter not in BLANK_LETTERS
        and not letter.isspace()
        and unicodedata.category(letter) not in ("Cf", "Mn", "Cc")
        for letter in text
    )


def turns_text(text: str) -> bool:
    """Return whether `text` holds what turns the direction of the text around it."""
    return not TURNING.isdisjoint(text)


def has_stacked_marks(text: str, *, most: int) -> bool:
    """Return whether a letter of `text` carries more than `most` combining marks."""
    marks = 0
    for letter in unicodedata.normalize("NFD", text):
        marks = marks + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        if marks > most:
            return True
    return False
