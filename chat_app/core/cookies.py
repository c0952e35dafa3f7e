"""Session cookies in a Cookie header, whatever other programs of the host have set beside them."""

from collections.abc import Iterator, Sequence

# A name can occur once for each path and domain; each value costs a look-up.
MAX_VALUES = 4


def cookie_values(header: str, names: Sequence[str]) -> list[str]:
    """Return the values of cookies with these names, in the order of `names`; at most four.

    A header is split at its semicolons alone (RFC 6265, section 4.2.1). Python's `SimpleCookie`
    stops at the first cookie that it cannot read: a page of another program may set any.
    """
    pairs = list(_pairs(header))
    return [value for wanted in names for name, value in pairs if name == wanted][:MAX_VALUES]


def _pairs(header: str) -> Iterator[tuple[str, str]]:
    for pair in header.split(";"):
        name, _, value = pair.partition("=")
        yield name.strip(), value.strip()
