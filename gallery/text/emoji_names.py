"""Emoji as words: encoders learned what things are called, not their signs."""

import re
import unicodedata
from functools import lru_cache
from typing import Any

LANGUAGES = ("en", "zh")
TEXT_SIGNS = "©®™"
PICTURED = ("So", "Cn")  # what Python's Unicode does not know yet may be an emoji of this year
EMOJI_STYLE = "\ufe0f\u20e3"  # behind a sign that else is text
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
SKIN_TONE_OF_A_SIGN = re.compile("(?<=[^\\s\\w])\ufe0f?[\U0001f3fb-\U0001f3ff]")
JOINERS_AND_STYLES = re.compile("[\u200d\ufe0e\ufe0f]")
FACE = {"en": " face", "zh": "脸"}


def has_chinese(text: str) -> bool:
    return HAN.search(text) is not None


def emoji_as_words(text: str) -> str:
    """Return `text` with the Unicode (CLDR) short name of each emoji in its place, in the language of the text.

    That is Chinese where the text has Chinese signs, else English. A skin tone is left out: keyboards keep it from one
    message to the next. An emoji that stands there several times is named once. Text without emoji stays as it is.
    """
    if not any(unicodedata.category(character) in PICTURED or character in EMOJI_STYLE for character in text):
        return text
    language = "zh" if has_chinese(text) else "en"
    named: set[str] = set()

    def name(signs: str, names: dict[str, Any]) -> str:
        if len(signs) == 1 and (signs in TEXT_SIGNS or unicodedata.category(signs) not in PICTURED):
            return signs  # written as text, for all its having a name
        if language not in names:
            return signs
        said = _words(names[language], language)
        if said in named:
            return " "
        named.add(said)
        return f" {said} "

    words = _emoji().replace_emoji(SKIN_TONE_OF_A_SIGN.sub("", text), replace=name)
    return " ".join(JOINERS_AND_STYLES.sub("", words).split()) if named else text


@lru_cache(maxsize=4096)
def _words(short_name: str, language: str) -> str:
    """Return `:dog_face:` as people say it: “dog”, where that is an emoji's name as well."""
    said = short_name.strip(":").replace("_", " ")
    animal = said.removesuffix(FACE[language])
    return animal if animal in _names(language) else said


@lru_cache(maxsize=2)
def _names(language: str) -> frozenset[str]:
    names = (names.get(language, "") for names in _emoji().EMOJI_DATA.values())
    return frozenset(name.strip(":").replace("_", " ") for name in names)


@lru_cache(maxsize=1)
def _emoji() -> Any:
    """Return the library that knows the names, with those of both languages."""
    import emoji  # noqa: PLC0415 -- slow import: half a megabyte of names that few queries need

    emoji.config.load_language(list(LANGUAGES))
    return emoji
