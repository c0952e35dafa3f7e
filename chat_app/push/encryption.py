"""Encryption of a push for one browser: RFC 8291, over `aes128gcm` of RFC 8188.

Only the browser has the private key: the push service sees the length and nothing else.
"""

import os
import struct
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
AUTH_LENGTH, SALT_LENGTH = 16, 16
# One record: every push service takes 4,096 bytes in all (RFC 8030, section 7.2).
RECORD_SIZE = 4_096
MAX_PLAINTEXT = 3_993
# It ends the last record of the text (RFC 8188, section 2).
END = b"\x02"


class BrowserKeys(NamedTuple):
    """The keys of a subscription: a public key of P-256, and the secret `auth`."""

    p256dh: bytes
    auth: bytes


def check_public_key(point: bytes) -> None:
    """Check that bytes are an uncompressed point of the curve. Raises ValueError."""
    if len(point) != 65 or point[0] != 4:  # noqa: PLR2004  # its form (SEC 1, section 2.3.3)
        message = "This is no uncompressed point of P-256."
        raise ValueError(message)
    _public_key(point)


def encrypt(plaintext: bytes, keys: BrowserKeys) -> bytes:
    """Return the body of a push. Raises ValueError for a wrong key or too long a text."""
    return seal(plaintext, keys, ec.generate_private_key(CURVE), os.urandom(SALT_LENGTH))


def seal(
    plaintext: bytes, keys: BrowserKeys, own_key: ec.EllipticCurvePrivateKey, salt: bytes
) -> bytes:
    """Encrypt with a key and a salt, which must never be used again."""
    if len(plaintext) > MAX_PLAINTEXT:
        message = "The text of a push is too long."
        raise ValueError(message)
    own_public = public_bytes(own_key)
    shared = own_key.exchange(ec.ECDH(), _public_key(keys.p256dh))
    info = b"WebPush: info\0" + keys.p256dh + own_public
    secret = _derive(shared, salt=keys.auth, info=info, length=32)
    key = _derive(secret, salt=salt, info=b"Content-Encoding: aes128gcm\0", length=16)
    nonce = _derive(secret, salt=salt, info=b"Content-Encoding: nonce\0", length=12)
    header = salt + struct.pack(">IB", RECORD_SIZE, len(own_public)) + own_public
    return header + AESGCM(key).encrypt(nonce, plaintext + END, None)


def public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public key as an uncompressed point."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _public_key(point: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None


def _derive(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
