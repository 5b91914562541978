"""Which files beside a picture describe it, told by their names alone.

| sidecar | of | written by |
| --- | --- | --- |
| `IMG_1.jpg.xmp` | `IMG_1.jpg` | darktable, digiKam |
| `IMG_1.xmp` | every picture `IMG_1.*` | Lightroom, Bridge |
| `IMG_1.jpg.json`, `IMG_1.jpg.supplemental-metadata.json` | `IMG_1.jpg`, `IMG_1-edited.jpg` | Google Takeout |
| `IMG_1.jpg(2).json`, `….supplemental-metadata(2).json` | `IMG_1(2).jpg` | Google Takeout, for a name used twice |
| `IMG_1.json` | every picture `IMG_1.*` | Google Takeout, where the title had no extension |

Takeout cuts what stands before `.json` after 46 characters. Letter case never counts.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePath

XMP, JSON = ".xmp", ".json"
TAKEOUT_CHARACTERS = 46
TAKEOUT_SUFFIX = ".supplemental-metadata"
EDITED = re.compile(  # as Takeout says it in its languages
    r"-(edited|bearbeitet|modifié|modificato|modificata|editado|editada|ha editado|editat|edytowane|edytowany|bewerkt"
    r"|redigerad|redigeret|redigert|muokattu|upraveno|upravené|düzenlendi|изменено|отредактировано|已修改|已编辑|已編輯"
    r"|編集済み|수정됨|편집됨)$"
)
NUMBER = re.compile(r"\(\d+\)$")


class Sidecars:
    """The sidecars that lie in one folder. `names` are those of all its files."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_name: dict[str, list[str]] = defaultdict(list)  # as written, by their names in small letters
        for name in names:
            if PurePath(name).suffix.lower() in (XMP, JSON):
                self._by_name[name.lower()].append(name)
        self._json = sorted(name.removesuffix(JSON) for name in self._by_name if name.endswith(JSON))

    def of(self, picture: str) -> tuple[str, ...]:
        """Return the names of a file's sidecars, the most particular first; one may be several files'."""
        name = picture.lower()
        stem = PurePath(name).stem
        wanted = [name + XMP, stem + XMP, *self._takeout(name), stem + JSON]
        return tuple(dict.fromkeys(each for key in wanted for each in sorted(self._by_name.get(key, ()))))

    def _takeout(self, name: str) -> Sequence[str]:
        """Return the names that Takeout may have given: `IMG_1(2).jpg` is described by `IMG_1.jpg….(2).json`."""
        path = PurePath(name)
        stem, number = _without_number(path.stem)
        titles = dict.fromkeys([f"{stem}{path.suffix}", f"{EDITED.sub('', stem)}{path.suffix}"])
        return [found for title in titles for found in self._described_by(title, number)]

    def _described_by(self, title: str, number: str) -> Sequence[str]:
        """Return the .json files whose names are `title`, or it with a part of Takeout's suffix, and this number."""
        whole = f"{title}{TAKEOUT_SUFFIX}"
        shortest = min(len(title), TAKEOUT_CHARACTERS)
        found = []
        for place in range(bisect_left(self._json, whole[:shortest]), len(self._json)):
            if not self._json[place].startswith(whole[:shortest]):
                break
            start, its_number = _without_number(self._json[place])
            if its_number == number and whole.startswith(start):
                found.append(self._json[place] + JSON)
        return found


def _without_number(stem: str) -> tuple[str, str]:
    """Return `IMG_1(2)` as `IMG_1` and `(2)`."""
    number = NUMBER.search(stem)
    return (stem[: number.start()], number[0]) if number else (stem, "")
