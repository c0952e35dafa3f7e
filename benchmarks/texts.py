"""Made-up messages: words as frequent as in life, in scripts with and without spaces."""

import random
from collections.abc import Iterator

# Of words by their rank, in a language: the second is half as frequent as the first (Zipf).
VOCABULARY = 30_000
SYLLABLES = [
    "ba",
    "de",
    "fi",
    "go",
    "hu",
    "ka",
    "le",
    "mi",
    "no",
    "pu",
    "ra",
    "se",
    "ti",
    "vo",
    "wa",
    "xe",
    "yi",
    "zo",
    "an",
    "er",
    "in",
    "on",
    "st",
    "th",
]
FREQUENT = [
    "the",
    "and",
    "of",
    "to",
    "in",
    "is",
    "you",
    "that",
    "it",
    "he",
    "was",
    "for",
    "on",
    "are",
    "as",
    "with",
    "his",
    "they",
    "at",
    "be",
]
MARKED = str.maketrans("aou", "äöü")
HAN, HANGUL = range(0x4E00, 0x4E00 + 2_500), range(0xAC00, 0xAC00 + 2_000)
# The average of a message, in words.
LENGTH = 11


def texts(count: int, *, seed: int = 14) -> Iterator[str]:
    """Yield so many messages of 66 letters on average; 8 % have no spaces, 6 % have umlauts."""
    chance = random.Random(seed)  # noqa: S311  # texts, not secrets
    words = [*FREQUENT, *(_word(chance) for _ in range(VOCABULARY - len(FREQUENT)))]
    weights = [1 / rank for rank in range(1, VOCABULARY + 1)]
    totals = [0.0]
    for weight in weights:
        totals.append(totals[-1] + weight)
    for _ in range(count):
        kind = chance.random()
        if kind < 0.08:  # noqa: PLR2004  # a part of all
            yield _dense(chance)
            continue
        some = chance.choices(words, cum_weights=totals[1:], k=1 + chance.randrange(2 * LENGTH))
        text = " ".join(some)
        yield text.translate(MARKED) if kind > 0.94 else text  # noqa: PLR2004  # the same


def asked(known: list[str], chance: random.Random) -> dict[str, str]:
    """Return a query of each kind, of words in texts that are known."""
    words = [word for text in chance.sample(known, 12) for word in text.split()]
    one, other = chance.choice(words), chance.choice(words)
    dense = _dense(chance)
    return {
        "a frequent word": chance.choice(FREQUENT),
        "three frequent words": " ".join(chance.sample(FREQUENT, 3)),
        "one word": one,
        "two words": f"{one} {other}",
        "a beginning": one[:3],
        "a phrase": f'"{" ".join(chance.choice(known).split()[:2])}"',
        "one without another": f"{one} -{other}",
        "two letters": dense[:2],
        "one letter": dense[0],
        "nothing": f"zzq{one}",
    }


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(SYLLABLES, k=chance.randint(1, 4)))


def _dense(chance: random.Random) -> str:
    if chance.random() < 0.5:  # noqa: PLR2004  # a half
        # Frequent letters, too: those of lower code points.
        return "".join(
            chr(HAN[int(len(HAN) * chance.random() ** 3)]) for _ in range(chance.randint(2, 30))
        )
    return " ".join(
        "".join(chr(HANGUL[int(len(HANGUL) * chance.random() ** 3)]) for _ in range(3))
        for _ in range(chance.randint(1, 9))
    )
