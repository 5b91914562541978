"""Write plurals.json: `python -m gallery.encoders.data.build_plurals` (needs requirements-dev.txt)."""

import json

from gallery.encoders.offline.concepts import read_phrases
from gallery.encoders.offline.plurals import PLURALS_FILE
from gallery.text.word_lists import is_english


def plurals() -> dict[str, str]:
    """Return the plural of each word that is a phrase of the bank, where the bank has not the plural itself."""
    import inflect  # noqa: PLC0415 -- only here: the site reads what was written

    phrases, engine = read_phrases(), inflect.engine()
    words = [phrase for phrase in phrases if phrase.isascii() and phrase.isalpha() and is_english(phrase)]
    pairs = {engine.plural_noun(word): word for word in words}
    return {plural: word for plural, word in sorted(pairs.items()) if plural not in phrases and is_english(plural)}


if __name__ == "__main__":
    PLURALS_FILE.write_text(json.dumps(plurals(), indent=0) + "\n", encoding="utf-8")
