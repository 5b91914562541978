"""Why something failed is told long after, to readers of any language; also what a version before has kept."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from django.utils.translation import override

from gallery.error_messages import sentence, stored_sentence
from gallery.errors import BrokenPicture, EncoderUnavailable, EncodingFailed, Phrase, StoredError
from gallery.models import EmbeddingFailure, Image, Job, ModelChange, NextEmbedding
from tests.pages import text_of

BEFORE = "0005_admin_log"
BROKEN = BrokenPicture(format="PNG", reason="cut short")
BROKEN_IN_CHINESE = "此 PNG 文件已损坏或不完整。请重新导出或复制该图片。"
UNAVAILABLE = EncoderUnavailable(
    encoder="clip:x", reason=Phrase("its weights are not on this machine"), remedy=Phrase("Choose another model.")
)
UNKNOWN = "The disk hums. 100 %"


def page(user, address: str, language: str) -> str:
    client = Client(headers={"Accept-Language": language})
    client.force_login(user)
    with override(language):  # what the request leaves active ends here
        return text_of(client.get(address))


def old_image(apps, owner_id: int, number: int, **values):
    return apps.get_model("gallery", "Image").objects.create(
        owner_id=owner_id,
        md5=f"{number:032x}",
        sha256=f"{number:064x}",
        size_bytes=10,
        format="PNG",
        width_px=1,
        height_px=1,
        original_name=f"{number}.png",
        **values,
    )


@pytest.fixture
def library_of_before(transactional_db, alice):
    """A library with failures of every kind as the version before kept them, then migrated."""
    call_command("migrate", "gallery", BEFORE, verbosity=0, skip_checks=True)
    try:
        apps = MigrationLoader(connection).project_state(("gallery", BEFORE)).apps
        old_image(apps, alice.pk, 1, embed_error=str(BROKEN))
        old_image(apps, alice.pk, 2, embed_error=UNKNOWN)
        old_image(apps, alice.pk, 3)
        moving = old_image(apps, alice.pk, 4, embedding_row=0)
        failing = EncodingFailed(encoder="clip:x", reason="RuntimeError: shape mismatch")
        apps.get_model("gallery", "NextEmbedding").objects.create(image=moving, error=str(failing))
        apps.get_model("gallery", "ModelChange").objects.create(pk=1, encoder_id="clip:x", error=str(UNAVAILABLE))
        failures = [{"path": "/a.png", "error": str(BROKEN)}, {"path": "/b.png", "error": UNKNOWN}]
        apps.get_model("gallery", "ImportJob").objects.create(
            owner_id=alice.pk, source="/", total=2, failures=failures, status="finished"
        )
    finally:
        call_command("migrate", verbosity=0, skip_checks=True)
    return alice


def test_failures_of_a_library_of_before_are_told_in_both_languages(library_of_before, staff):
    alice, job = library_of_before, Job.objects.get()

    for address, reader in (("/library/", alice), (f"/admin/gallery/job/{job.pk}/change/", staff)):
        english, chinese = page(reader, address, "en"), page(reader, address, "zh-hans")
        assert (str(BROKEN) in english, BROKEN_IN_CHINESE in chinese) == (True, True), address
        assert (UNKNOWN in english, UNKNOWN in chinese) == (True, True), address


def test_failures_of_before_have_their_code_and_the_others_their_sentence(library_of_before):
    by_name = {image.original_name: image for image in Image.objects.all()}

    assert by_name["1.png"].failure == StoredError(str(BROKEN), "broken_picture", {"format": by_detail("PNG")})
    assert by_name["2.png"].failure == StoredError(UNKNOWN)
    assert (by_name["3.png"].failure, by_name["4.png"].failure) == (None, None)
    assert NextEmbedding.objects.get().failure.code == "encoding_failed"
    with override("en"):
        assert stored_sentence(ModelChange.objects.get().failure) == str(UNAVAILABLE)
    with override("zh-hans"):
        assert stored_sentence(ModelChange.objects.get().failure) == sentence(UNAVAILABLE)
    assert [Image.objects.failed().count(), Image.objects.pending().count()] == [2, 1]


def by_detail(text: str) -> dict[str, object]:
    return {"template": text, "values": {}}


def test_way_back_keeps_the_sentences(library_of_before):
    call_command("migrate", "gallery", BEFORE, verbosity=0, skip_checks=True)
    try:
        apps = MigrationLoader(connection).project_state(("gallery", BEFORE)).apps
        sentences = apps.get_model("gallery", "Image").objects.exclude(embed_error="").order_by("pk")
        assert list(sentences.values_list("embed_error", flat=True)) == [str(BROKEN), UNKNOWN]
        assert apps.get_model("gallery", "ModelChange").objects.get().error == str(UNAVAILABLE)
        job = apps.get_model("gallery", "ImportJob").objects.get()
        assert [failure["error"] for failure in job.failures] == [str(BROKEN), UNKNOWN]
    finally:
        call_command("migrate", verbosity=0, skip_checks=True)


def test_failure_of_an_earlier_try_is_not_taken_for_that_of_the_last(alice, upload):
    image = upload(alice)
    Image.objects.filter(pk=image.pk).update(embedding_row=None)
    EmbeddingFailure.objects.fail(image.pk, StoredError.of(BROKEN))
    Image.objects.filter(pk=image.pk).update(embed_error="")  # tried again

    assert Image.objects.get(pk=image.pk).failure is None
    EmbeddingFailure.objects.fail(image.pk, StoredError.of(UNAVAILABLE))
    assert Image.objects.get(pk=image.pk).failure == StoredError.of(UNAVAILABLE)


def test_searchable_image_does_not_fail(alice, upload, quick_encoder):
    image = upload(alice)

    EmbeddingFailure.objects.fail(image.pk, StoredError.of(BROKEN))

    assert Image.objects.get(pk=image.pk).is_searchable
    assert not EmbeddingFailure.objects.exists()
