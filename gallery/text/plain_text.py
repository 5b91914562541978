import re
import unicodedata

# What turns the direction of a line (it makes exe.gpj out of a name), ends it or marks up a text. Joiners and variation
# selectors stay: Persian and Indic words, and emoji of several signs, fall apart without them.
DANGEROUS = re.compile("[\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0001]")


def plain_text(text: str) -> str:
    """Return `text` in NFC without what no database keeps and no page may show.

    These are control characters, lone surrogates, and signs that turn the direction of a line. Line breaks stay, each
    as one character.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    kept = (character for character in lines if character == "\n" or not is_control_character(character))
    return unicodedata.normalize("NFC", DANGEROUS.sub("", "".join(kept)))


def is_control_character(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs")
