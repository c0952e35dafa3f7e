"""Encoding of long lists and dictionaries as JSON, with other tasks between the steps."""

from collections.abc import Iterator
from itertools import islice

import msgspec

from chat_app.core.time_slice import TimeSlice

ENTRIES_IN_STEP = 100
# A larger piece of fresh memory costs more than what is written into it.
CHUNK_BYTES = 64 * 1024
# Stands in for what is long; JSON never contains it.
GAP = b"\x00"
_encoder = msgspec.json.Encoder()


async def encode_large(shape: msgspec.Struct) -> list[bytes]:
    """Return the JSON of a struct whose lists and dictionaries may be long, in chunks.

    Other tasks may run meanwhile. The lists are empty afterwards.
    """
    time_slice = TimeSlice()
    chunks: list[bytes] = []
    steps: list[bytes] = []
    size = 0
    for step in _steps(shape):
        steps.append(step)
        size += len(step)
        if size >= CHUNK_BYTES:
            chunks.append(b"".join(steps))
            steps, size = [], 0
        await time_slice.pause()
    return [*chunks, b"".join(steps)]


def _steps(shape: msgspec.Struct) -> Iterator[bytes]:
    fields = {name: getattr(shape, name) for name in shape.__struct_fields__}
    large = {name: value for name, value in fields.items() if isinstance(value, list | dict)}
    outline = msgspec.structs.replace(shape, **dict.fromkeys(large, msgspec.Raw(GAP)))
    before, *others = _encoder.encode(outline).split(GAP)
    yield before
    for value, after in zip(large.values(), others, strict=True):
        opened, closed = (b"[", b"]") if isinstance(value, list) else (b"{", b"}")
        yield opened
        comma = b""
        for step in _items(value) if isinstance(value, list) else _entries(value):
            yield comma + step
            comma = b","
        yield closed + after


def _items(value: list[object]) -> Iterator[bytes]:
    value.reverse()
    while value:
        # Not a name: the item is freed with its step. All of them at once would take milliseconds.
        yield _encoder.encode(value.pop())


def _entries(value: dict[object, object]) -> Iterator[bytes]:
    left = iter(value.items())
    while some := dict(islice(left, ENTRIES_IN_STEP)):
        yield _encoder.encode(some)[1:-1]
