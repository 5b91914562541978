"""Titles, captions, keywords and stars of other programs: they come along, and never over what a person says."""

import json
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from gallery.models import OPERATOR, Image
from gallery.services.ingest import accept_upload
from gallery.services.labels import check_labels
from tests.conftest import acting
from tests.integration.api_client import Api
from tests.worded_pictures import (
    alternatives,
    bag,
    exif,
    iptc,
    picture,
    png_with_late_text,
    tiff_with_iptc_as_numbers,
    wide,
    xmp,
)

WORDS = xmp(
    alternatives("dc:title", x_default="Summer at the lake")
    + alternatives("dc:description", x_default="Anna swims", de="Anna schwimmt")
    + bag("dc:subject", "lake", "夏天")
    + "<xmp:Rating>4</xmp:Rating>"
)
TAKEOUT = {
    "title": "photo.jpg",
    "description": "Grandma's garden",
    "photoTakenTime": {"timestamp": "1588720089", "formatted": "5 May 2020, 23:08:09 UTC"},
    "geoData": {"latitude": 48.8, "longitude": 2.2},
    "people": [{"name": "Anna"}, {"name": "Bob"}, {"other": 1}],
}


@pytest.fixture(autouse=True)
def no_embedding(settings):
    """Pictures stay in the queue: nothing here searches."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend"}}


def brought_in(owner, content: bytes, *, takes=True, **labels):
    checked = check_labels(**labels, takes_embedded_words=takes)
    return accept_upload(BytesIO(content), owner=owner, name="photo", labels=checked, by=acting(owner))


def words_of(image: Image) -> tuple[str, list[str], int | None]:
    return image.description, sorted(tag.name for tag in image.tags.all()), image.rating


ROWS = [
    ("XMP in JPEG", picture(xmp=WORDS), ("Summer at the lake\nAnna swims", ["lake", "夏天"], 4)),
    ("XMP in PNG", picture("PNG", xmp=WORDS), ("Summer at the lake\nAnna swims", ["lake", "夏天"], 4)),
    ("XMP in WebP", picture("WEBP", xmp=WORDS), ("Summer at the lake\nAnna swims", ["lake", "夏天"], 4)),
    ("XMP in TIFF", picture("TIFF", xmp=WORDS), ("Summer at the lake\nAnna swims", ["lake", "夏天"], 4)),
    ("XMP in AVIF", picture("AVIF", xmp=WORDS), ("Summer at the lake\nAnna swims", ["lake", "夏天"], 4)),
    ("XMP in HEIC", picture("HEIF", xmp=WORDS), ("Summer at the lake\nAnna swims", ["lake", "夏天"], 4)),
    ("XMP in JPEG XL", picture("JXL", xmp=WORDS), ("Summer at the lake\nAnna swims", ["lake", "夏天"], 4)),
    ("XMP in GIF", picture("GIF", xmp=WORDS), ("Summer at the lake\nAnna swims", ["lake", "夏天"], 4)),
    ("attributes", picture(xmp=xmp(attributes='xmp:Rating="2" dc:title="Short"')), ("Short", [], 2)),
    ("languages", picture(xmp=xmp(alternatives("dc:title", de="Katze", en="Cat"))), ("Cat", [], None)),
    ("one language", picture(xmp=xmp(alternatives("dc:title", fr="Chat"))), ("Chat", [], None)),
    (
        "hierarchy alone",
        picture(xmp=xmp(bag("lr:hierarchicalSubject", "Places|France|Paris"))),
        ("", ["France", "Paris", "Places"], None),
    ),
    (
        "hierarchy beside its flat list",
        picture(xmp=xmp(bag("dc:subject", "Paris") + bag("lr:hierarchicalSubject", "Places|France|Paris"))),
        ("", ["Paris"], None),
    ),
    ("digiKam", picture(xmp=xmp(bag("digiKam:TagsList", "Animals/Cat", kind="Seq"))), ("", ["Animals", "Cat"], None)),
    ("Windows in XMP", picture(xmp=xmp("<MicrosoftPhoto:Rating>75</MicrosoftPhoto:Rating>")), ("", [], 4)),
    ("rejected", picture(xmp=xmp("<xmp:Rating>-1</xmp:Rating>")), ("", [], None)),
    (
        "IPTC in UTF-8",
        picture(iptc=iptc((5, "Ярмарка"), (120, "Люди"), (25, "фото"), (25, "площадь"))),
        ("Ярмарка\nЛюди", ["площадь", "фото"], None),
    ),
    (
        "IPTC in Latin-1",
        picture(iptc=iptc((120, "Fête créée".encode("latin-1")), charset=None)),
        ("Fête créée", [], None),
    ),
    ("IPTC in GB 2312", picture(iptc=iptc((25, "北京".encode("gb2312")), charset=None)), ("", ["北京"], None)),
    ("IPTC in a TIFF", picture("TIFF", iptc=iptc((120, "A boat"), (25, "boat"))), ("A boat", ["boat"], None)),
    ("IPTC in a TIFF, as numbers", tiff_with_iptc_as_numbers(), ("A boat", ["boat"], None)),
    (
        "a keyword that IPTC cut",
        picture(iptc=iptc((25, "k" * 62)), xmp=xmp(bag("dc:subject", "k" * 64))),
        ("", ["k" * 64], None),
    ),
    (
        "EXIF description",
        picture(exif=exif(ImageDescription="Über den Wolken".encode())),
        ("Über den Wolken", [], None),
    ),
    (
        "EXIF of Windows",
        picture(exif=exif(XPTitle=wide("标题"), XPComment=wide("说明"), XPKeywords=wide("a;猫"), Rating=5)),
        ("标题\n说明", ["a", "猫"], 5),
    ),
    ("EXIF percent", picture(exif=exif(RatingPercent=50)), ("", [], 3)),
    ("comment", picture(exif=exif(UserComment=b"ASCII\0\0\0A comment\0\0")), ("A comment", [], None)),
    (
        "wide comment",
        picture(exif=exif(UserComment=b"UNICODE\0" + "说明文字".encode("utf-16-be"))),
        ("说明文字", [], None),
    ),
    ("blank comment", picture(exif=exif(UserComment=b"ASCII\0\0\0" + b" " * 40)), ("", [], None)),
    ("camera's words", picture(exif=exif(ImageDescription="OLYMPUS DIGITAL CAMERA         ")), ("", [], None)),
    ("camera's words 2", picture(exif=exif(ImageDescription="SAMSUNG CSC", UserComment=b"\0" * 60)), ("", [], None)),
    ("camera's path", picture(exif=exif(ImageDescription="DCIM\\100MEDIA\\DJI_0042.JPG")), ("", [], None)),
    ("camera's name", picture(exif=exif(ImageDescription="Lumix", Make="Lumix")), ("", [], None)),
    ("PNG texts", picture("PNG", texts={"Title": "A map", "Description": "Of 上海"}), ("A map\nOf 上海", [], None)),
    ("PNG text behind the pixels", png_with_late_text("Description", "Late"), ("Late", [], None)),
    (
        "the same title and caption",
        picture(iptc=iptc((5, "A boat"), (120, "A boat at sea"))),
        ("A boat at sea", [], None),
    ),
    (
        "XMP before IPTC",
        picture(iptc=iptc((120, "old")), xmp=xmp(alternatives("dc:description", x_default="new"))),
        ("new", [], None),
    ),
    ("nothing", picture(), ("", [], None)),
]


@pytest.mark.parametrize(("content", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_words_in_a_file_become_labels(alice, content, expected):
    upload = brought_in(alice, content)

    assert words_of(upload.image) == expected
    assert upload.warnings == ()


def test_description_of_a_person_stays_alone_and_tags_are_joined(alice):
    upload = brought_in(alice, picture(xmp=WORDS), description="Mine", tags="holiday, LAKE")

    assert words_of(upload.image) == ("Mine", ["LAKE", "holiday", "夏天"], 4)


def test_switch_leaves_words_where_they_are_but_not_the_date(alice):
    both = picture(xmp=WORDS, exif=exif(DateTimeOriginal="2020:05:06 07:08:09"))

    upload = brought_in(alice, both, takes=False)

    assert words_of(upload.image) == ("", [], 4)
    assert upload.image.taken_text == "2020-05-06T07:08:09"


def test_names_of_people_are_no_tags_of_a_public_picture(alice):
    named = xmp(bag("Iptc4xmpExt:PersonInImage", "Anna"))

    private = brought_in(alice, picture(xmp=named))
    public = brought_in(alice, picture(xmp=named, colour="red"), visibility="public")

    assert (words_of(private.image)[1], words_of(public.image)[1]) == (["Anna"], [])


def test_repeated_upload_changes_no_labels(alice):
    first = brought_in(alice, picture(xmp=WORDS), takes=False, description="Mine")

    again = brought_in(alice, picture(xmp=WORDS))

    assert (again.created, again.image.pk, again.warnings) == (False, first.image.pk, ())
    assert words_of(Image.objects.get()) == ("Mine", [], 4)


def test_what_is_cut_is_told(alice):
    many = picture(xmp=xmp(bag("dc:subject", *(f"word {number}" for number in range(60)), "x" * 65)))
    long = picture(xmp=xmp(alternatives("dc:description", x_default="y" * 2500)), colour="red")

    tagged, described = brought_in(alice, many, tags="mine"), brought_in(alice, long)

    assert tagged.image.tags.count() == 50
    assert [warning.message for warning in tagged.warnings] == [
        "Not all that this file says was taken over: 1 of its keywords are left out: a tag has at most 64 characters.",
        "Not all that this file says was taken over: 11 of its keywords are left out: a picture has at most 50 tags.",
    ]
    assert len(described.image.description) == 2000
    assert "longer than 2,000 characters" in described.warnings[0].message


@pytest.mark.parametrize(
    ("content", "block"),
    [
        (picture(xmp=b"<x:xmpmeta"), "XMP"),
        (picture(xmp=WORDS.replace(b"<x:xmpmeta", b'<!DOCTYPE a [<!ENTITY b "c">]><x:xmpmeta')), "XMP"),
        (picture(iptc=iptc((120, "A boat"))[:-3]), "IPTC"),
    ],
    ids=["cut", "entities", "IPTC cut"],
)
def test_what_cannot_be_read_is_told(alice, content, block):
    upload = brought_in(alice, content)

    assert [warning.message for warning in upload.warnings] == [
        f"Not all that this file says was taken over: its {block} cannot be read, or not to the end."
    ]


@pytest.mark.parametrize(
    ("sent", "description"),
    [
        ({}, "Summer at the lake\nAnna swims"),
        ({"embedded_words": "true"}, "Summer at the lake\nAnna swims"),
        ({"embedded_words": "false"}, ""),
        ({"description": "Mine"}, "Mine"),
    ],
)
def test_api_has_the_switch(alice, sent, description):
    answer = Api(alice).upload(picture(xmp=WORDS), **sent)

    assert answer.status_code == 201
    body = answer.json()
    assert (body["description"], body["rating"], body["warnings"]) == (description, 4, [])


@pytest.mark.parametrize(
    ("sent", "description"),
    [
        ({}, "Summer at the lake\nAnna swims"),
        ({"embedded_words": ["off", "on"]}, "Summer at the lake\nAnna swims"),
        ({"embedded_words": "off"}, ""),
    ],
)
def test_upload_page_has_the_switch(alice, visitors, sent, description):
    file = SimpleUploadedFile("photo.jpg", picture(xmp=WORDS))

    answer = visitors["alice"].post("/upload/", {"files": file, **sent})

    assert answer.status_code == 200
    assert Image.objects.get().description == description


def test_settings_decide_where_nobody_says(alice, visitors, limits_of):
    limits_of(embedded_words=False)

    visitors["alice"].post("/upload/", {"files": SimpleUploadedFile("photo.jpg", picture(xmp=WORDS))})

    assert Image.objects.get().description == ""
    assert b'name="embedded_words" id="id_embedded_words" checked' not in visitors["alice"].get("/upload/").content


# Beside files


@pytest.fixture
def imported(alice, tmp_path, capsys, quick_encoder):
    """Import one folder of these files: imported(name=content, ...), and tell the report."""

    def run(files: dict[str, bytes], *options: str) -> dict:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        call_command("import_images", str(tmp_path / "photos"), "--owner", "alice", "--json", *options)
        return json.loads(capsys.readouterr().out.strip().splitlines()[-1])

    (tmp_path / "photos").mkdir()
    return lambda files, *options: run({f"photos/{name}": content for name, content in files.items()}, *options)


@pytest.mark.parametrize("sidecar", ["photo.jpg.xmp", "photo.xmp", "PHOTO.JPG.XMP"])
def test_xmp_beside_a_picture_goes_before_what_is_in_it(imported, sidecar):
    older = xmp(alternatives("dc:description", x_default="older") + bag("dc:subject", "lake", "boat"))

    report = imported({"photo.jpg": picture(xmp=older), sidecar: WORDS})

    assert (report["added"], report["warnings"]) == (1, [])
    assert words_of(Image.objects.get()) == ("Summer at the lake\nAnna swims", ["boat", "lake", "夏天"], 4)


@pytest.mark.parametrize(
    ("photo", "sidecar"),
    [
        ("photo.jpg", "photo.jpg.json"),
        ("photo.jpg", "photo.jpg.supplemental-metadata.json"),
        ("photo.jpg", "photo.jpg.suppl.json"),
        ("photo(1).jpg", "photo.jpg(1).json"),
        ("photo(1).jpg", "photo.jpg.supplemental-metadata(1).json"),
        ("photo-edited.jpg", "photo.jpg.json"),
        ("a_name_that_is_so_long_that_takeout_cuts_it.jpg", "a_name_that_is_so_long_that_takeout_cuts_it.jp.json"),
    ],
)
def test_takeout_describes_its_picture(imported, photo, sidecar):
    report = imported({photo: picture(), sidecar: json.dumps(TAKEOUT).encode()})

    assert (report["added"], report["warnings"]) == (1, [])
    image = Image.objects.get()
    assert words_of(image) == ("Grandma's garden", ["Anna", "Bob"], None)
    assert image.taken_text == "2020-05-05T23:08:09Z"


def test_clock_on_the_wall_goes_before_the_time_of_takeout(imported):
    photo = picture(exif=exif(DateTimeOriginal="2020:05:06 07:08:09"))

    imported({"photo.jpg": photo, "photo.jpg.json": json.dumps(TAKEOUT).encode()})

    assert Image.objects.get().taken_text == "2020-05-06T07:08:09"


def test_json_of_another_program_is_left_alone(imported):
    report = imported({"photo.jpg": picture(), "photo.jpg.json": b'{"description": "settings"}'})

    assert report["warnings"] == []
    assert words_of(Image.objects.get()) == ("", [], None)


@pytest.mark.parametrize(
    ("sidecar", "content", "kind"),
    [("photo.xmp", b"<x", "XMP"), ("photo.jpg.json", b"{", "JSON"), ("photo.jpg.json", b"[" * 100_000, "JSON")],
)
def test_sidecar_that_cannot_be_read_is_told(imported, sidecar, content, kind):
    report = imported({"photo.jpg": picture(), sidecar: content})

    assert (report["added"], report["failed"]) == (1, [])
    [warning] = report["warnings"]
    assert warning["path"].endswith("photo.jpg")
    assert f"its {kind} cannot be read" in warning["error"]


def test_import_leaves_words_where_they_are_if_told_so(imported):
    imported(
        {"photo.jpg": picture(xmp=WORDS), "photo.jpg.json": json.dumps(TAKEOUT).encode()}, "--without-embedded-words"
    )

    assert words_of(Image.objects.get()) == ("", [], 4)


def test_repeated_import_changes_no_labels(imported):
    files = {"photo.jpg": picture()}
    imported(files)

    report = imported(files | {"photo.xmp": WORDS})

    assert report["duplicates"] == 1
    assert words_of(Image.objects.get()) == ("", [], None)


def test_operator_brings_words_of_any_owner(bob):
    labels = check_labels(takes_embedded_words=True)

    upload = accept_upload(BytesIO(picture(xmp=WORDS)), owner=bob, name="photo", labels=labels, by=OPERATOR)

    assert words_of(upload.image)[1] == ["lake", "夏天"]
