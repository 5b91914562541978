"""Pictures within JSON."""

from base64 import b64decode

WHITE_SPACE = b" \t\r\n\f\v"


def decoded_picture(text: str) -> bytes:
    """Return the bytes of a picture in base64, white space within and a data: URL allowed. Raises ValueError."""
    start = text.index(",") + 1 if text.startswith("data:") else 0
    encoded = text[start:].encode("ascii").translate(None, WHITE_SPACE)
    return b64decode(encoded, validate=True)
