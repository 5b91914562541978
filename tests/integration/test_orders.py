"""Orders that are the same on every database, in every language."""

import pytest

from gallery.forms.image_filter import ordered
from gallery.models import Image
from tests.integration.test_models import stored

NAMES = [
    *("B.png", "a.png", "b.png", "A.png", "Z.png", "_.png", "[.png", "~.png", "É.png", "é.png", "Ä.png", "ä.png"),
    *("ß.png", "Я.png", "я.png", "ё.png", "İ.png", "ı.png", "Σ.png", "ς.png", "猫.png", "😀.png", "ﾊ.png", "ハ.png"),
]


def small_ascii(name: str) -> bytes:
    return name.encode().lower()  # of bytes: ASCII alone


@pytest.mark.parametrize("key", ["name", "-name"])
def test_names_of_all_scripts_are_ordered_by_their_bytes(alice, key):
    for name in NAMES * 2:
        stored(alice, original_name=name)

    listed = list(ordered(Image.objects.all(), [key]).values_list("original_name", "pk"))

    by_bytes = sorted(listed, key=lambda row: (small_ascii(row[0]), row[1]), reverse=key == "-name")
    assert listed == by_bytes
