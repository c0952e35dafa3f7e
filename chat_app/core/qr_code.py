"""QR codes: of an address in the terminal, and of a link as a picture."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

# The quiet zone around a code, in modules (ISO/IEC 18004).
QUIET = 4
# The fixed colours of terminals, whatever their theme: readers expect dark on light.
BLACK_ON_WHITE = "\x1b[38;5;16;48;5;231m"
PLAIN = "\x1b[0m"
# Two modules in one place, the upper and the lower one; a dark one is 1.
HALVES = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}

# These signs need no escape in such an address (RFC 3986).
UNQUOTED = "'=/:,"

Modules = Sequence[Sequence[int]]


def terminal_lines(text: str) -> list[str]:
    """Return the QR code of a text as lines for a terminal, two rows of modules each."""
    rows = [*_modules(text)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    return [
        BLACK_ON_WHITE + "".join(HALVES[pair] for pair in zip(upper, lower, strict=True)) + PLAIN
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]


def picture_address(text: str) -> str:
    """Return the QR code of a text as the address (`data:`) of an SVG with its quiet zone."""
    rows = _modules(text)
    size = len(rows)
    # A run of dark modules is one box: none is drawn with a seam.
    boxes = "".join(
        f"M{x},{y}h{width}v1h-{width}z" for y, row in enumerate(rows) for x, width in _runs(row)
    )
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {size} {size}' "
        f"shape-rendering='crispEdges'><path fill='#fff' d='M0 0h{size}v{size}H0z'/>"
        f"<path d='{boxes}'/></svg>"
    )
    return f"data:image/svg+xml,{quote(svg, safe=UNQUOTED)}"


def _modules(text: str) -> Modules:
    import segno  # noqa: PLC0415  # loaded for the first code: most processes make none

    # The lowest level of errors has the fewest and largest modules: a screen has no dirt.
    code = segno.make_qr(text, error="l")
    return [[int(module) for module in row] for row in code.matrix_iter(border=QUIET)]


def _runs(row: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the place and the width of each run of dark modules."""
    start = None
    for x, module in enumerate((*row, 0)):
        if module and start is None:
            start = x
        elif not module and start is not None:
            yield start, x - start
            start = None
