"""Encryption of pushes: the example of RFC 8291, and texts and keys that do not fit."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from chat_app.push.base64url import decode, encode
from chat_app.push.encryption import (
    CURVE,
    MAX_PLAINTEXT,
    BrowserKeys,
    check_public_key,
    encrypt,
    seal,
)
from tests.harness.push import Browser

# RFC 8291, section 5 and appendix A.
PLAINTEXT = b"When I grow up, I want to be a watermelon"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
RECEIVER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
SEALED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def browser() -> Browser:
    return Browser("one", "https://push.example.org/one")


def keys_of(one: Browser) -> BrowserKeys:
    return BrowserKeys(one.point, one.auth)


def test_a_push_is_sealed_as_in_the_example_of_the_standard() -> None:
    own_key = ec.derive_private_key(int.from_bytes(decode(SENDER), "big"), CURVE)
    keys = BrowserKeys(decode(RECEIVER), decode(AUTH))

    assert encode(seal(PLAINTEXT, keys, own_key, decode(SALT))) == SEALED


def test_a_browser_reads_what_was_encrypted_for_it() -> None:
    one = browser()

    bodies = {encrypt(PLAINTEXT, keys_of(one)) for _ in range(2)}

    assert len(bodies) == 2
    assert {one.read(body) for body in bodies} == {PLAINTEXT}


def test_the_longest_push_fits_into_one_request_of_4096_bytes() -> None:
    one = browser()

    assert len(encrypt(b"x" * MAX_PLAINTEXT, keys_of(one))) <= 4_096
    with pytest.raises(ValueError, match="too long"):
        encrypt(b"x" * (MAX_PLAINTEXT + 1), keys_of(one))


@pytest.mark.parametrize(
    "point", [b"", b"\x04" + b"\x01" * 64, b"\x02" + b"\x01" * 32, b"\x04" + b"\x00" * 63]
)
def test_a_key_that_is_no_point_of_the_curve_is_refused(point: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whatever is wrong with it
        check_public_key(point)
