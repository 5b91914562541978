"""What is expected of the dates, words and stars in files: by the names under which the documents list them."""

from typing import Any

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

LOCAL = "2020:05:06 07:08:09"
DEFAULT = "2003:01:02 03:04:05"
WORDS = xmp(
    alternatives("dc:title", x_default="Summer at the lake")
    + alternatives("dc:description", x_default="Anna swims", de="Anna schwimmt")
    + bag("dc:subject", "lake", "夏天")
    + "<xmp:Rating>4</xmp:Rating>"
)

# Files that are given: when they were taken
DATE_FILES = {
    "D01_only_DateTimeDigitized": "2003-05-06T07:08:09",
    "D02_only_DateTime": "2003-05-06T07:08:09",
    "D04_DateTimeOriginal_in_IFD0": "2003-05-06T07:08:09",
    "D05_offset_behind_the_seconds_plus0800": "2025-01-14T18:31:30+08:00",
    "D06_only_OffsetTime_plus0800": "2020-05-06T07:08:09+08:00",
    "D07_iso_T": "2025-01-14T18:31:30",
    "D08_slashes": "2010-03-05T12:22:33",
    "D10_date_only": "2020-05-06T00:00:00",
    "D12_gps_date_only": "2021-01-02T03:04:05Z",
    "D14_offset_plus0800_shown_in_site_zone": "2020-05-06T07:08:09+08:00",
}

# Files that are made here: of which blocks, and when they were taken
DATE_CASES: list[tuple[str, dict[str, Any], str | None]] = [
    (
        "taken before digitized and changed",
        {"exif": exif(DateTimeOriginal=LOCAL, DateTimeDigitized=DEFAULT, DateTime=DEFAULT)},
        "2020-05-06T07:08:09",
    ),
    (
        "no sound date taken",
        {"exif": exif(DateTimeOriginal="0000:00:00 00:00:00", DateTimeDigitized=LOCAL)},
        "2020-05-06T07:08:09",
    ),
    (
        "digitized, with its offset",
        {"exif": exif(DateTimeDigitized=LOCAL, OffsetTimeDigitized="+02:00")},
        "2020-05-06T07:08:09+02:00",
    ),
    (
        "the offset that belongs to it",
        {"exif": exif(DateTimeOriginal=LOCAL, OffsetTimeOriginal="+01:00", OffsetTime="+09:00")},
        "2020-05-06T07:08:09+01:00",
    ),
    (
        "an offset that is none",
        {"exif": exif(DateTimeOriginal=LOCAL, OffsetTimeOriginal="noon")},
        "2020-05-06T07:08:09",
    ),
    ("changed, with its offset", {"exif": exif(DateTime=LOCAL, OffsetTime="-05:00")}, "2020-05-06T07:08:09-05:00"),
    ("TIFF/EP's time zone", {"exif": exif(DateTimeOriginal=LOCAL, TimeZoneOffset=-7)}, "2020-05-06T07:08:09-07:00"),
    (
        "offset by satellite",
        {"exif": exif(DateTimeOriginal=LOCAL, satellite=("2020:05:05", (23.0, 8.0, 5.0)))},
        "2020-05-06T07:08:09+08:00",
    ),
    (
        "satellite time that is minutes old",
        {"exif": exif(DateTimeOriginal=LOCAL, satellite=("2020:05:05", (22.0, 59.0, 0.0)))},
        "2020-05-06T07:08:09",
    ),
    (
        "satellite minutes with a fraction",
        {"exif": exif(satellite=("2020:05:06", (7.0, 8.15, 0.0)))},
        "2020-05-06T07:08:09Z",
    ),
    (
        "satellite hours with a fraction",
        {"exif": exif(satellite=("2020/05/06", (7.25, 0.0, 0.0)))},
        "2020-05-06T07:15:00Z",
    ),
    ("satellite time that is none", {"exif": exif(satellite=("2020:05:06", (25.0, 0.0, 0.0)))}, None),
    (
        "day and clock parted by a zero",
        {"exif": exif(DateTimeOriginal=b"2020:05:06\x0007:08:09")},
        "2020-05-06T07:08:09",
    ),
    ("English words, afternoon", {"exif": exif(DateTimeOriginal="May 6, 2020 7:08:09 PM")}, "2020-05-06T19:08:09"),
    ("Chinese signs", {"exif": exif(DateTimeOriginal="2020年5月6日 07时08分09秒".encode())}, "2020-05-06T07:08:09"),
    (
        "satellite before changed",
        {"exif": exif(DateTime=DEFAULT, satellite=("2020:05:06", (7.0, 8.0, 9.0)))},
        "2020-05-06T07:08:09Z",
    ),
    (
        "XMP before changed",
        {
            "exif": exif(DateTime=DEFAULT),
            "xmp": xmp(attributes='exif:DateTimeOriginal="2020-05-06T07:08:09+08:00"'),
        },
        "2020-05-06T07:08:09+08:00",
    ),
    (
        "XMP, date alone",
        {"xmp": xmp("<photoshop:DateCreated>2020-05-06</photoshop:DateCreated>")},
        "2020-05-06T00:00:00",
    ),
    ("XMP in UTC", {"xmp": xmp("<xmp:CreateDate>2020-05-06T07:08:09.5Z</xmp:CreateDate>")}, "2020-05-06T07:08:09Z"),
    (
        "offset from XMP",
        {
            "exif": exif(DateTimeOriginal=LOCAL),
            "xmp": xmp(attributes='photoshop:DateCreated="2020-05-06T07:08:09+08:00"'),
        },
        "2020-05-06T07:08:09+08:00",
    ),
    ("IPTC date and time", {"iptc": iptc((55, "20200506"), (60, "070809+0800"))}, "2020-05-06T07:08:09+08:00"),
    (
        "PNG Creation Time",
        {"format": "PNG", "texts": {"Creation Time": "Wed, 06 May 2020 07:08:09 +0800"}},
        "2020-05-06T07:08:09+08:00",
    ),
    ("EXIF in WebP", {"format": "WEBP", "exif": exif(DateTimeOriginal="2020-05-06T07:08:09Z")}, "2020-05-06T07:08:09Z"),
    ("no date", {}, None),
]

# Their description, tags in alphabetical order, and stars
WORD_CASES: list[tuple[str, bytes, tuple[str, list[str], int | None]]] = [
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
    (
        "XMP for TIFF",
        picture(xmp=xmp(alternatives("tiff:ImageDescription", x_default="A pier"))),
        ("A pier", [], None),
    ),
    (
        "ACDSee",
        picture(xmp=xmp(attributes='acdsee:caption="Pier" acdsee:notes="At dawn" acdsee:rating="3"')),
        ("Pier\nAt dawn", [], 3),
    ),
    (
        "one Chinese keyword beside others",
        picture(iptc=iptc((25, "猫".encode("gbk")), (25, "长城".encode("gbk")), charset=None)),
        ("", ["猫", "长城"], None),
    ),
    (
        "two accents side by side beside other words",
        picture(iptc=iptc((25, "ÉÀÉÀ".encode("latin-1")), (25, "forêt".encode("latin-1")), charset=None)),
        ("", ["forêt", "ÉÀÉÀ"], None),
    ),
    (
        "IPTC in GBK",
        picture(iptc=iptc((5, "繁體中文標題".encode("gbk")), (25, "臺灣".encode("gbk")), charset=None)),
        ("繁體中文標題", ["臺灣"], None),
    ),
    (
        "wide comment in Korean",
        picture(exif=exif(UserComment=b"UNICODE\0" + "안녕하세요".encode("utf-16-be"))),
        ("안녕하세요", [], None),
    ),
    (
        "wide comment in Arabic",
        picture(exif=exif(UserComment=b"UNICODE\0" + "مرحبا".encode("utf-16-be"))),
        ("مرحبا", [], None),
    ),
    (
        "wide comment that is UTF-8",
        picture(exif=exif(UserComment=b"UNICODE\0" + "Hello 猫".encode())),
        ("Hello 猫", [], None),
    ),
    ("a person's brackets", picture(exif=exif(ImageDescription="[Paris in spring]")), ("[Paris in spring]", [], None)),
    ("a camera's brackets", picture(exif=exif(ImageDescription='{"ARInfo": {"IsUseAR": false}}')), ("", [], None)),
    ("nothing", picture(), ("", [], None)),
]
