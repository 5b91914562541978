"""The Chinese catalogue is complete and in step with the source. Works without GNU gettext."""

import ast
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import polib
import pytest
from django.utils.translation import override
from django.utils.translation.template import templatize

from gallery.error_messages import sentence, stored_sentence
from gallery.errors import BrokenPicture, EncoderUnavailable, ImageSearchError, Phrase, StoredError, TooManyPixels

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "gallery" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
SOURCES = sorted(path for folder in ("gallery", "imagesearch_project") for path in (ROOT / folder).rglob("*.py"))
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.suffix in (".html", ".txt"))
ARGUMENTS = {"_": "m", "gettext": "m", "ngettext": "mp", "pgettext": "cm", "npgettext": "cmp"}
STRING = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
CALL = re.compile(rf"\b(_|n?p?gettext)\(((?:\s*{STRING}\s*,?)+)", re.DOTALL)
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")
SAME_IN_EVERY_LANGUAGE = {"English", "ISO", "MD5", "px", "mm", "s", "f"}


class Message(NamedTuple):
    context: str | None
    text: str
    plural: str | None


def message(function: str, arguments: list[str]) -> Message:
    values = dict(zip(ARGUMENTS[function], arguments, strict=False))
    return Message(values.get("c"), values["m"], values.get("p"))


def marked_in_python(path: Path) -> Iterator[Message]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        function = re.sub(r"_(lazy|noop)$", "", name)
        texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        if function in ARGUMENTS and texts and isinstance(texts[0], str):
            yield message(function, texts)
        if function in ARGUMENTS:  # what is put together at run time is in no catalogue
            assert not any(isinstance(argument, ast.JoinedStr | ast.BinOp) for argument in node.args), ast.unparse(node)


def marked_in_template(path: Path) -> Iterator[Message]:
    code = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    for found in CALL.finditer(code):
        yield message(found[1], list(ast.literal_eval(f"({found[2].rstrip(', ')},)")))


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(CATALOGUE))


def keys(catalogue: polib.POFile | polib.MOFile) -> set[Message]:
    return {Message(entry.msgctxt, entry.msgid, entry.msgid_plural or None) for entry in catalogue}


def translation(entry: polib.POEntry | polib.MOEntry) -> str:
    return entry.msgstr_plural[0] if entry.msgid_plural else entry.msgstr


def test_every_message_is_translated(catalogue: polib.POFile) -> None:
    assert [entry.msgid for entry in catalogue.untranslated_entries()] == []
    assert [entry.msgid for entry in catalogue.fuzzy_entries()] == []
    assert [entry.msgid for entry in catalogue.obsolete_entries()] == []


def test_every_marked_string_is_in_the_catalogue(catalogue: polib.POFile) -> None:
    """Run `make messages` and translate what is new."""
    marked = {found for path in SOURCES for found in marked_in_python(path)}
    marked |= {found for path in TEMPLATES for found in marked_in_template(path)}

    texts = {Message(found.context, found.text, None) for found in marked}
    in_catalogue = {Message(found.context, found.text, None) for found in keys(catalogue)}
    assert texts - in_catalogue == set()
    assert in_catalogue - texts == set()
    assert {found for found in marked if found.plural} == {found for found in keys(catalogue) if found.plural}


def test_placeholders_are_those_of_the_english(catalogue: polib.POFile) -> None:
    wrong = [
        entry.msgid
        for entry in catalogue
        if set(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid)) != set(PLACEHOLDER.findall(translation(entry)))
    ]

    assert wrong == []


def test_there_is_one_plural_form(catalogue: polib.POFile) -> None:
    assert catalogue.metadata["Plural-Forms"] == "nplurals=1; plural=0;"
    assert [entry.msgid for entry in catalogue if entry.msgid_plural and list(entry.msgstr_plural) != [0]] == []


def test_compiled_catalogue_is_what_the_catalogue_compiles_to(catalogue: polib.POFile) -> None:
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))

    translations = {(entry.msgctxt, entry.msgid): translation(entry) for entry in catalogue}
    assert {(entry.msgctxt, entry.msgid): translation(entry) for entry in compiled} == translations


@pytest.mark.parametrize("half_width", [r"[一-鿿][,;:?!](?:\s|$|[一-鿿])", r"[一-鿿]\.(?:\s|$)", r"[一-鿿]\.\.\."])
def test_chinese_sentences_have_chinese_punctuation(catalogue: polib.POFile, half_width: str) -> None:
    assert [translation(entry) for entry in catalogue if re.search(half_width, translation(entry))] == []


def test_chinese_and_latin_stand_apart(catalogue: polib.POFile) -> None:
    touching = re.compile(r"[一-鿿][A-Za-z0-9]|[A-Za-z0-9][一-鿿]|[一-鿿]%[(sd]|%\(\w+\)[sd][一-鿿]|%[sd][一-鿿]")

    assert [translation(entry) for entry in catalogue if touching.search(translation(entry))] == []


class TextFinder(HTMLParser):
    """Collects what people read or hear of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        heard = ("alt", "aria-label", "placeholder", "title") + (("value",) if ("type", "submit") in attrs else ())
        self.texts += [value for name, value in attrs if value and name in heard and tag != "button"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_template_has_no_unmarked_words(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    source = re.sub(r"{% block \w*class %}.*?{% endblock %}", "", source)
    source = re.sub(r"{%\s*blocktrans(?:late)?\b.*?{%\s*endblocktrans(?:late)?\s*%}", " ", source, flags=re.DOTALL)
    finder = TextFinder()
    finder.feed(re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}|&\w+;", " ", source, flags=re.DOTALL))

    words = {word for text in finder.texts for word in re.findall(r"[A-Za-z][A-Za-z0-9]*", text)}
    expected = SAME_IN_EVERY_LANGUAGE | ({"http", "https"} if path.suffix == ".txt" else set())
    assert words - expected == set()


def test_error_is_said_with_its_reasons_in_the_readers_language() -> None:
    error = EncoderUnavailable(
        encoder="clip:x",
        reason=Phrase("its weights are incomplete (%(missing)s arrays are missing)", missing=1200),
        remedy=Phrase("Choose another model."),
    )

    with override("zh-hans"):
        told = sentence(error)
    assert told == "无法使用编码器“clip:x”：其权重不完整（缺少 1,200 个数组）。请选择其他模型。"
    assert str(error) == (
        "The encoder “clip:x” cannot be used: its weights are incomplete (1,200 arrays are missing). "
        "Choose another model."
    )


def kept(error: ImageSearchError) -> StoredError:
    """Return the error as a database gives it back."""
    return StoredError.from_json(json.loads(json.dumps(StoredError.of(error).as_json())))


@pytest.mark.parametrize(
    "error",
    [
        TooManyPixels(size_px=181_000_000, limit_px=128_000_000),
        BrokenPicture(format="PNG", reason="image file is truncated"),
        ImageSearchError(),
        EncoderUnavailable(
            encoder="clip:x",
            reason=Phrase("its weights are incomplete (%(missing)s arrays are missing)", missing=1200),
            remedy=Phrase("Choose another model."),
        ),
    ],
    ids=lambda error: error.code,
)
def test_stored_error_is_said_in_the_readers_language(error: ImageSearchError) -> None:
    with override("zh-hans"):
        assert stored_sentence(kept(error)) == sentence(error) != str(error)
    with override("en"):
        assert stored_sentence(kept(error)) == str(error)


@pytest.mark.parametrize(
    "error",
    [
        StoredError("[Errno 5] 100 % broken"),
        StoredError("100 % broken", "no_longer_known"),
        StoredError("The PNG is damaged.", "broken_picture", {"kind": "details of another version"}),
    ],
)
def test_stored_error_that_is_not_known_is_said_as_it_was_stored(error: StoredError) -> None:
    with override("zh-hans"):
        assert stored_sentence(error) == error.message


def test_no_stored_error_is_said_with_nothing() -> None:
    assert stored_sentence(None) == ""
