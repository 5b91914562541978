"""What people wrote is found whatever its letter case, marks and forms, alike on both databases."""

import unicodedata
from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gallery.models import AccessState, Album, FoldedText, Image, ImageQuerySet, Tag, User, access_triggers
from gallery.models.actor import OPERATOR
from gallery.search_index import search_index
from gallery.services import folding
from gallery.services.curation import relabel
from gallery.services.folding import fold_some_texts, fold_waiting_texts, waiting_text_count
from gallery.services.labels import check_labels
from tests.conftest import acting, drawn_picture
from tests.integration.api_client import Api
from tests.integration.test_models import stored
from tests.quick_encoder import unit_rows

WRITTEN_AND_ASKED = [
    ("ФОТО.png", "фото"),
    ("Ärger.png", "ärger"),
    ("Ärger.png", "ARGER"),
    ("İstanbul.png", "istanbul"),
    ("İstanbul.png", "ISTANBUL"),
    ("istanbul.png", "İstanbul"),
    ("Straße.png", "strasse"),
    ("Łódź.png", "lodz"),
    ("café.png", unicodedata.normalize("NFD", "CAFÉ")),
    ("한국.png", unicodedata.normalize("NFD", "한국")),
    ("ＰＨＯＴＯ１.png", "photo1"),
    ("ガラス.png", "ｶﾞﾗｽ"),
    ("IMG_2034.png", "g_20"),
    ("50%_off.png", "0%_O"),
    ("猫在睡觉.png", "在睡"),
    ("黑貓.png", "黑猫"),
    ("黑猫.png", "黑貓"),
    ("長頭髮.png", "长头发"),
    ("长头发.png", "長頭髮"),
    ("麵條.png", "面条"),
]


@pytest.mark.parametrize(("name", "asked"), WRITTEN_AND_ASKED)
def test_library_and_api_find_a_name_however_it_is_spelled(name, asked, alice, draw, visitors):
    draw(alice, name)
    draw(alice, "other.png", colour="blue")

    assert names_in(Api(alice).json("/images/", q=asked)) == [name]
    page = visitors["alice"].get(reverse("library"), {"q": asked})
    assert [image.original_name for image in page.context["page"].object_list] == [name]


def test_descriptions_are_found_within_not_across_lines(alice, draw):
    draw(alice, "one.png", description="Ein ÄRGERLICHER\nTag in Łódź")

    assert names_in(Api(alice).json("/images/", q="argerlicher")) == ["one.png"]
    assert names_in(Api(alice).json("/images/", q="tag in lo")) == ["one.png"]
    assert names_in(Api(alice).json("/images/", q="png ein")) == []


def test_letters_of_their_own_are_not_mixed_up(alice, draw):
    draw(alice, "かき.png")
    draw(alice, "がき.png", colour="blue")

    assert names_in(Api(alice).json("/images/", q="か")) == ["かき.png"]


def test_signs_that_nobody_sees_do_not_find_everything(alice, draw):
    draw(alice, "one.png")

    assert names_in(Api(alice).json("/images/", q="\u200b")) == []


@pytest.mark.parametrize(
    ("name", "asked"),
    [("İstanbul", "istanbul"), ("ЁЛКА", "елка"), ("Café", "cafe"), ("黑貓", "黑猫"), ("头发", "頭髮")],
)
def test_tags_are_found_by_their_folded_name_and_stay_as_they_are(name, asked, alice, draw):
    draw(alice, "one.png", tags=name)
    draw(alice, "two.png", colour="blue", tags=asked)

    assert sorted(names_in(Api(alice).json("/images/", tag=asked))) == ["one.png", "two.png"]
    assert sorted(names_in(Api(alice).json("/images/", tag=name.upper()))) == ["one.png", "two.png"]
    assert sorted(Tag.objects.values_list("name", flat=True)) == sorted([name, asked])


@pytest.mark.parametrize("asked", ["ärger", "arger", "ÄRGER"])
def test_admin_finds_pictures_tags_albums_and_people(asked, alice, draw, staff, visitors):
    draw(alice, "Ärger.png", visibility="public")
    Tag.objects.named(["Ärger"])
    Album.objects.create(owner=staff, title="Ärger")
    person = User.objects.create_user("ÄrgerMann", last_name="Ärger")

    found = {kind: in_admin(visitors["staff"], kind, asked) for kind in ("image", "tag", "album")}
    assert found == {"image": ["Ärger.png"], "tag": ["Ärger"], "album": ["Ärger"]}
    staff.is_superuser = True
    staff.save(update_fields=["is_superuser"])
    assert in_admin(visitors["staff"], "user", asked) == [str(person)]


def test_admin_finds_chinese_in_either_kind_of_characters(alice, draw, staff, visitors):
    draw(alice, "黑貓.png", visibility="public")
    Tag.objects.named(["黑猫"])
    Album.objects.create(owner=staff, title="黑猫")

    for asked in ("黑貓", "黑猫"):
        found = {kind: in_admin(visitors["staff"], kind, asked) for kind in ("image", "tag", "album")}
        assert found == {"image": ["黑貓.png"], "tag": ["黑猫"], "album": ["黑猫"]}


def test_admin_wants_each_word_and_takes_quotes_as_one(alice, draw, visitors):
    draw(alice, "Rotes Auto.png", visibility="public")
    draw(alice, "Auto ROT.png", colour="blue", visibility="public")

    assert in_admin(visitors["staff"], "image", "auto rot") == ["Auto ROT.png", "Rotes Auto.png"]
    assert in_admin(visitors["staff"], "image", '"auto rot"') == ["Auto ROT.png"]


CHANGES: dict[str, Callable[[Image], object]] = {
    "edit": lambda image: relabel(image, check_labels(description="ЁЛКА"), by=OPERATOR),
    "saved": lambda image: saved(image, description="ЁЛКА"),
    "all at once": lambda image: Image.objects.filter(pk=image.pk).update(description="ЁЛКА"),
    "each its own": lambda image: Image.objects.bulk_update([changed(image, description="ЁЛКА")], ["description"]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_is_found_as_it_is_now(change, alice, draw):
    image = draw(alice, "one.png", description="ДОЖДЬ")

    CHANGES[change](image)
    fold_waiting_texts()

    assert names_in(Api(alice).json("/images/", q="елка")) == ["one.png"]
    assert names_in(Api(alice).json("/images/", q="дождь")) == []


def test_every_upload_is_folded_at_once(alice, draw):
    draw(alice, "Ärger.png", description="in Łódź")

    assert list(FoldedText.objects.values_list("text", flat=True)) == ["arger.png\nin lodz"]
    assert not Image.objects.not_folded().exists()


def test_what_waits_to_be_folded_is_found_the_old_way(alice, draw):
    draw(alice, "Summer.png", description="über Łódź")
    FoldedText.objects.all().delete()

    assert names_in(Api(alice).json("/images/", q="SUMM")) == ["Summer.png"]
    assert names_in(Api(alice).json("/images/", q="Łódź")) == ["Summer.png"]
    assert names_in(Api(alice).json("/images/", q=unicodedata.normalize("NFD", "Łódź"))) == ["Summer.png"]


def test_embed_pending_folds_what_waits_and_what_an_older_folding_made(alice, draw, capsys):
    for colour in ("red", "blue", "green"):
        draw(alice, f"Ärger {colour}.png", colour=colour)
    FoldedText.objects.filter(text__contains="red").delete()
    FoldedText.objects.filter(text__contains="blue").update(revision=0, text="long ago")

    call_command("embed_pending", "--json")

    assert '"folded": 2' in capsys.readouterr().out
    assert len(names_in(Api(alice).json("/images/", q="arger"))) == 3
    assert fold_waiting_texts() == 0


def test_migration_folds_a_library_that_is_there(alice, draw):
    image = draw(alice, "Ärger.png", tags="İstanbul")
    Album.objects.create(owner=alice, title="ФОТО", description="Łódź")
    access_triggers.remove(connection)  # as `migrate` does before
    MigrationExecutor(connection).migrate([("gallery", "0009_import_job_skipped")])
    try:
        MigrationExecutor(connection).migrate([("gallery", "0011_fold_texts")])
    finally:
        call_command("migrate", verbosity=0)

    assert FoldedText.objects.get().pk == image.pk
    assert FoldedText.objects.get().text == "arger.png\n"
    assert Tag.objects.get().folded_name == "istanbul"
    assert Album.objects.get().folded_text == "фото\nlodz"
    assert User.objects.get(pk=alice.pk).folded_username == "alice"


def test_what_is_folded_at_last_is_found_by_a_search_that_was_made_before(alice, draw):
    image = draw(alice, "İSTANBUL.png")
    FoldedText.objects.all().delete()
    named = Image.objects.library_of(acting(alice)).mentioning("istanbul")
    assert found_by_meaning(named) == []

    assert fold_waiting_texts() == 1

    assert found_by_meaning(named) == [image.pk]
    assert search_index().lists.count(named) == 1


def found_by_meaning(images: ImageQuerySet) -> list[int]:
    return search_index().search(unit_rows(1, dimension=1280), k=9, allowed=images).of(0).ids.tolist()


def test_worker_folds_in_portions_that_begin_where_the_last_one_ended(alice, monkeypatch):
    monkeypatch.setattr(folding, "AT_A_TIME", 2)
    ids = sorted(stored(alice).pk for _number in range(5))
    left, places = [], [0]

    while (place := fold_some_texts(places[-1])) is not None:
        left.append(waiting_text_count())
        places.append(place)

    assert (left, places) == ([3, 1], [0, ids[1], ids[3]])
    assert waiting_text_count() == 0


def test_worker_goes_through_no_pictures_where_all_are_folded(alice, draw, django_assert_num_queries):
    draw(alice, "red.png")

    with django_assert_num_queries(3):  # is one outdated, and two numbers
        assert fold_some_texts(0) is None


def test_folding_what_waits_moves_no_version(alice):
    stored(alice)
    before = AccessState.objects.current().version

    assert fold_waiting_texts() == 1

    assert AccessState.objects.current().version == before


@pytest.fixture
def draw(upload):
    def make(owner: User, name: str, *, colour: str = "red", **labels: str) -> Image:
        return upload(owner, name, content=drawn_picture(colour), **labels)

    return make


def names_in(page: dict) -> list[str]:
    return [image["name"] for image in page["results"]]


def in_admin(client, kind: str, asked: str) -> list[str]:
    page = client.get(reverse(f"admin:gallery_{kind}_changelist"), {"q": asked})
    return sorted(str(row) for row in page.context["cl"].result_list)


def changed(image: Image, **values: str) -> Image:
    for name, value in values.items():
        setattr(image, name, value)
    return image


def saved(image: Image, **values: str) -> None:
    changed(image, **values).save(update_fields=list(values))


def test_nobody_goes_through_folded_pictures_to_find_that_none_is_to_do(alice, upload):
    upload(alice, "coffee.png"), upload(alice, "chelsea.png")

    with CaptureQueriesContext(connection) as asked:
        assert (fold_waiting_texts(), waiting_text_count()) == (0, 0)

    assert not any("JOIN" in statement["sql"] for statement in asked.captured_queries)


@pytest.mark.parametrize("is_missing", [True, False])
def test_a_text_that_is_missing_or_outdated_is_found(alice, upload, is_missing):
    image = upload(alice, "coffee.png")
    texts = FoldedText.objects.filter(image=image)
    texts.delete() if is_missing else texts.update(revision=0)

    assert (waiting_text_count(), fold_waiting_texts(), waiting_text_count()) == (1, 1, 0)
