"""XMP, the XML of photo programs: inside of a picture, or in a file beside it. Source: ISO 16684-1.

Read in one pass by expat. Entities are refused, so that nothing in it can grow; depth, elements and texts are bounded.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from xml.parsers import expat

from .texts import guessed_text

MAX_BYTES = 8_000_000
MAX_DEPTH = 60
MAX_ELEMENTS = 200_000
MAX_VALUES = 20_000  # of all properties together
MAX_VALUE_CHARACTERS = 20_000
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://ns.microsoft.com/photo/1.0/": "MicrosoftPhoto",
    "http://ns.microsoft.com/photo/1.0": "MicrosoftPhoto",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.acdsee.com/iptc/1.0/": "acdsee",
    "http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
    "http://ns.microsoft.com/photo/1.2/t/Region#": "MPReg",
}
_NAMES_OF_FACES = (
    "http://www.metadataworkinggroup.com/schemas/regions/ Name",  # Picasa, Lightroom, digiKam
    "http://ns.microsoft.com/photo/1.2/t/Region# PersonDisplayName",  # Windows
)
PEOPLE = ("Iptc4xmpExt:PersonInImage", "mwg-rs:Name", "MPReg:PersonDisplayName")
_LISTS = (f"{_RDF} Bag", f"{_RDF} Seq", f"{_RDF} Alt")
_LANGUAGES = ("x-default", "en", "zh")  # of an alternative, the first that there is; else its first


@dataclass(frozen=True, slots=True)
class Xmp:
    """Values by name, such as `dc:subject`, in order, each with its language. `is_whole`: all could be read."""

    values: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    is_whole: bool = True

    def text(self, name: str) -> str:
        """Return one value: of several languages the default one, English, Chinese or the first."""
        found = self.values.get(name, [])
        for wanted in _LANGUAGES:
            for language, text in found:
                if language == wanted or language.startswith(f"{wanted}-"):
                    return text
        return found[0][1] if found else ""

    def texts(self, name: str) -> list[str]:
        return [text for _language, text in self.values.get(name, [])]


def read_xmp(raw: bytes) -> Xmp:
    """Read as far as it can be read. Never raises."""
    inner = raw.strip(b"\0 \t\r\n")
    if not inner:
        return Xmp()
    raw = raw if b"\0" in inner[:4] else inner  # a zero is half of a sign in UTF-16
    if len(raw) > MAX_BYTES:
        return Xmp(is_whole=False)
    reader = _read(raw)
    if not reader.is_whole and _is_in_other_letters(raw):
        reader = _read(guessed_text(raw).encode("utf-8", "replace"), encoding="utf-8")
    return Xmp(dict(reader.values), reader.is_whole)


def _is_in_other_letters(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return b"\0" not in raw[:200]  # UTF-16 is none that has to be guessed
    return False


def _read(raw: bytes, encoding: str | None = None) -> "_Reader":
    reader = _Reader()
    parser = expat.ParserCreate(encoding, namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.take
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(raw, True)
    except (expat.ExpatError, _Refused, ValueError, LookupError):
        reader.is_whole = False
    return reader


class _Refused(Exception):
    """This XML is not what any photo program writes."""


def _refuse(*_: object) -> int:
    raise _Refused


class _Reader:
    """Takes the properties that stand directly in an rdf:Description of rdf:RDF, as elements or as attributes.

    Names of people also stand deeper, within the places of their faces.
    """

    def __init__(self) -> None:
        self.values: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self.is_whole = True
        self._path: list[str] = []
        self._base: int | None = None  # the depth of the rdf:Description that we are in
        self._language = ""
        self._text: list[str] = []
        self._length = 0
        self._elements = 0
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self._path.append(name)
        if len(self._path) > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise _Refused
        self._text, self._length = [], 0
        self._language = attributes.get(_LANGUAGE, "").lower()
        if self._base is None and name == f"{_RDF} Description" and f"{_RDF} RDF" in self._path[:-1]:
            self._base = len(self._path)
            for attribute, value in attributes.items():
                self._keep(attribute, "", value)
        elif self._base is not None:
            for attribute in _NAMES_OF_FACES:
                self._keep(attribute, "", attributes.get(attribute, ""))

    def take(self, text: str) -> None:
        if self._length < MAX_VALUE_CHARACTERS:
            self._text.append(text[:MAX_VALUE_CHARACTERS])
            self._length += len(text)

    def end(self, name: str) -> None:
        depth = len(self._path)
        if self._base is not None:
            inner = self._path[self._base :]
            if len(inner) == 1 or (len(inner) == 3 and inner[1] in _LISTS and name == f"{_RDF} li"):
                self._keep(inner[0], self._language, "".join(self._text))
            elif name in _NAMES_OF_FACES:
                self._keep(name, "", "".join(self._text))
            if depth == self._base:
                self._base = None
        self._path.pop()
        self._text, self._length, self._language = [], 0, ""

    def _keep(self, name: str, language: str, text: str) -> None:
        space, _, local = name.rpartition(" ")
        prefix = _PREFIXES.get(space)
        text = text.strip()[:MAX_VALUE_CHARACTERS]
        if prefix is None or not text:
            return
        self._count += 1
        if self._count > MAX_VALUES:
            raise _Refused
        self.values[f"{prefix}:{local}"].append((language, text))
