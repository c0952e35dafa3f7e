"""VAPID (RFC 8292): by its key the push services know that a push is from this chat.

The key is derived from the secret key, so all nodes have the same, and nothing more is to be kept.
Another secret key makes browsers subscribe anew.
"""

import hashlib
import time
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chat_app.core.clock import utc_now
from chat_app.push.base64url import encode
from chat_app.push.encryption import CURVE, public_bytes

# At most a day is allowed; a token is used for half of its life.
LIFETIME_S = 24 * 3_600 - 600
MAX_ORIGINS = 1_000
# The order of the curve's group (SEC 2, section 2.4.2).
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
COORDINATE_BYTES = 32


class Vapid:
    """The key of this chat, and its tokens for push services."""

    def __init__(self, *, secret: str, public_url: str) -> None:
        self._key = _derived_key(secret)
        self.public_key = encode(public_bytes(self._key))
        # Push services demand an address at which they would reach the operator.
        self._subject = f"https://{urlsplit(public_url).hostname}"
        self._tokens: dict[str, tuple[float, str]] = {}

    def authorization(self, origin: str) -> str:
        """Return the header by which a push service at `origin` knows this chat."""
        made_at, token = self._tokens.get(origin, (0.0, ""))
        now = time.monotonic()
        if not token or now - made_at > LIFETIME_S / 2:
            if len(self._tokens) >= MAX_ORIGINS:
                self._tokens.clear()
            token = self._sign(origin)
            self._tokens[origin] = (now, token)
        return f"vapid t={token}, k={self.public_key}"

    def _sign(self, origin: str) -> str:
        expires_at = int(utc_now().timestamp()) + LIFETIME_S
        claims = {"aud": origin, "exp": expires_at, "sub": self._subject}
        signed = f"{_part({'typ': 'JWT', 'alg': 'ES256'})}.{_part(claims)}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(SHA256())))
        # As JSON Web Algorithms write it (RFC 7518, section 3.4).
        signature = b"".join(one.to_bytes(COORDINATE_BYTES, "big") for one in (r, s))
        return f"{signed}.{encode(signature)}"


def _part(value: object) -> str:
    return encode(msgspec.json.encode(value))


def _derived_key(secret: str) -> ec.EllipticCurvePrivateKey:
    # Longer than the order, so that no number is more likely than another.
    derived = HKDF(SHA256(), 48, None, b"chat web push").derive(
        hashlib.sha256(secret.encode()).digest()
    )
    number = int.from_bytes(derived, "big") % (ORDER - 1) + 1
    return ec.derive_private_key(number, CURVE)
