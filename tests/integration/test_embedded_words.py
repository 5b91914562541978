"""Titles, captions, keywords and stars of other programs: they come along, and never over what a person says."""

import json
import re
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from gallery.models import OPERATOR, Image
from gallery.services.ingest import accept_upload
from gallery.services.labels import check_labels
from tests.conftest import acting
from tests.integration.api_client import Api
from tests.worded_cases import WORD_CASES, WORDS
from tests.worded_pictures import alternatives, bag, exif, iptc, picture, xmp

TAKEOUT = {
    "title": "photo.jpg",
    "description": "Grandma's garden",
    "photoTakenTime": {"timestamp": "1588720089", "formatted": "5 May 2020, 23:08:09 UTC"},
    "geoData": {"latitude": 48.8, "longitude": 2.2},
    "people": [{"name": "Anna"}, {"name": "Bob"}, {"other": 1}],
}


@pytest.fixture(autouse=True)
def no_embedding(quick_worker):
    """Pictures stay in the queue: nothing here searches."""
    quick_worker.works = False


def brought_in(owner, content: bytes, *, takes=True, **labels):
    checked = check_labels(**labels, takes_embedded_words=takes)
    return accept_upload(BytesIO(content), owner=owner, name="photo", labels=checked, by=acting(owner))


def words_of(image: Image) -> tuple[str, list[str], int | None]:
    return image.description, sorted(tag.name for tag in image.tags.all()), image.rating


@pytest.mark.parametrize(
    ("content", "expected"), [case[1:] for case in WORD_CASES], ids=[case[0] for case in WORD_CASES]
)
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


@pytest.mark.parametrize(
    "face",
    [
        '<rdf:Description mwg-rs:Name="Anna" mwg-rs:Type="Face"/>',
        "<rdf:Description><mwg-rs:Name>Anna</mwg-rs:Name></rdf:Description>",
        '<rdf:Description MPReg:PersonDisplayName="Anna" MPReg:Rectangle="0.1, 0.1, 0.2, 0.2"/>',
    ],
)
def test_names_beside_faces_are_those_of_people(face, alice):
    spaces = (
        'xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" '
        'xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#"'
    )
    regions = f"<mwg-rs:Regions><rdf:Description><mwg-rs:RegionList>{bag('x', face)}</mwg-rs:RegionList>"
    packet = xmp(
        f"{regions.replace('<x>', '').replace('</x>', '')}</rdf:Description></mwg-rs:Regions>", attributes=spaces
    )

    upload = brought_in(alice, picture(xmp=packet))

    assert words_of(upload.image)[1] == ["Anna"]


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
    assert (body["description"], body["rating"], "warnings" in body) == (description, 4, False)


def test_api_tells_what_was_left_out(alice):
    answer = Api(alice).upload(picture(xmp=b"<x:xmpmeta"))

    assert answer.status_code == 201
    assert answer.json()["warnings"] == [
        "Not all that this file says was taken over: its XMP cannot be read, or not to the end."
    ]


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
    assert not is_ticked(visitors["alice"])


def test_switch_is_on_by_default(visitors):
    assert is_ticked(visitors["alice"])


def is_ticked(client) -> bool:
    [box] = re.findall(r'<input type="checkbox" name="embedded_words"[^>]*>', client.get("/upload/").content.decode())
    return " checked" in box


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


def test_xmp_in_utf_16_beside_a_picture_is_read(imported):
    report = imported({"photo.jpg": picture(), "photo.xmp": WORDS.decode().encode("utf-16")})

    assert (report["added"], report["warnings"]) == (1, [])
    assert words_of(Image.objects.get()) == ("Summer at the lake\nAnna swims", ["lake", "夏天"], 4)


def test_a_day_beside_a_picture_leaves_its_clock_alone(imported):
    day = xmp(attributes='photoshop:DateCreated="2020-05-06"')

    imported({"photo.jpg": picture(exif=exif(DateTimeOriginal="2020:05:06 07:08:09")), "photo.xmp": day})

    assert Image.objects.get().taken_text == "2020-05-06T07:08:09"


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
        ("photo-modificato.jpg", "photo.jpg.json"),
        ("photo-已编辑.jpg", "photo.jpg.supplemental-metadata.json"),
        ("photo-изменено(2).jpg", "photo.jpg(2).json"),
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
