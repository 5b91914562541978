import unicodedata


def plain_text(text: str) -> str:
    """Return `text` in NFC without what no database keeps and no page shows: control characters, lone surrogates.

    Line breaks stay, each as one character.
    """
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(character for character in lines if character == "\n" or not is_control_character(character))


def is_control_character(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs")
