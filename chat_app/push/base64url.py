"""Base64url (RFC 4648, section 5), in which push writes its keys."""

import base64


def encode(data: bytes) -> str:
    """Return the letters of some bytes, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return the bytes of a text, with padding or without. Raises ValueError."""
    letters = text.rstrip("=")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
    except ValueError:
        # Of binascii, or for letters beyond ASCII; its own words are of no use to whom they reach.
        message = "This is not base64url."
        raise ValueError(message) from None
