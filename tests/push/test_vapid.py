"""VAPID: the key of a chat, and the tokens that push services verify."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from chat_app.core.clock import utc_now
from chat_app.push import vapid
from chat_app.push.base64url import decode
from chat_app.push.encryption import CURVE
from chat_app.push.vapid import Vapid
from tests.harness.chats import SECRET

ORIGIN = "https://push.example.org"


def vapid_of(secret: str = SECRET) -> Vapid:
    return Vapid(secret=secret, public_url="https://chat.example.org")


def test_a_push_service_verifies_a_token_by_the_key_beside_it() -> None:
    made = vapid_of()

    scheme, _, parameters = made.authorization(ORIGIN).partition(" ")

    token, key = (part.partition("=")[2] for part in parameters.split(", "))
    assert (scheme, key) == ("vapid", made.public_key)
    public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decode(key))
    claims = jwt.decode(token, public, algorithms=["ES256"], audience=ORIGIN)
    assert claims["sub"] == "https://chat.example.org"
    assert 0 < claims["exp"] - utc_now().timestamp() < 24 * 3_600


def test_nodes_of_one_secret_have_one_key() -> None:
    assert vapid_of().public_key == vapid_of().public_key
    assert vapid_of().public_key != vapid_of(SECRET[::-1]).public_key


def test_a_token_is_of_one_origin_and_used_for_half_of_its_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = vapid_of()
    first = made.authorization(ORIGIN)

    assert made.authorization(ORIGIN) == first
    assert made.authorization("https://other.example.org") != first
    monkeypatch.setattr(vapid, "LIFETIME_S", 0)
    assert made.authorization(ORIGIN) != first
