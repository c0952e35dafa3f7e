"""Base64url, in which push writes its keys."""

import pytest

from chat_app.push.base64url import decode, encode


@pytest.mark.parametrize("data", [b"", b"a", b"ab", b"\xfb\xff\xfe"])
def test_encoded_bytes_come_back_with_padding_and_without(data: bytes) -> None:
    letters = encode(data)

    assert decode(letters) == decode(letters + "=" * (-len(letters) % 4)) == data


@pytest.mark.parametrize("text", ["*", "a", "ä", "AA AA"])
def test_other_texts_are_refused_in_words_of_the_chat(text: str) -> None:
    with pytest.raises(ValueError, match="This is not base64url"):
        decode(text)
