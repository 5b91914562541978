"""The whole thread, without a page: bring pictures in, find them by words and by picture, remove them."""

from io import BytesIO

import numpy as np
from PIL import Image as PillowImage

from gallery.models import OPERATOR, Image, IndexState
from gallery.retrieval.tree import Picture
from gallery.search_index import search_index
from gallery.services.curation import delete_forever, move_to_trash, restore
from gallery.services.maintenance import verify
from gallery.services.query_pictures import remember_picture
from gallery.services.search import find_images, similar_images
from tests.conftest import SAMPLES, acting
from tests.searches import request_for


def test_upload_makes_a_picture_searchable_in_both_languages(alice, upload):
    cat = upload(alice, "chelsea.png")
    rocket = upload(alice, "rocket.jpg")
    coffee = upload(alice, "coffee.png")

    assert find_images(request_for("a cat"), by=acting(alice)).image_ids[0] == cat.pk
    assert find_images(request_for("一只猫"), by=acting(alice)).image_ids[0] == cat.pk
    assert find_images(request_for("a cup of coffee"), by=acting(alice)).image_ids[0] == coffee.pk
    assert find_images(request_for("火箭"), by=acting(alice)).image_ids[0] == rocket.pk


def test_a_cropped_copy_finds_its_original(alice, upload):
    upload(alice, "rocket.jpg")
    cat = upload(alice, "chelsea.png")
    upload(alice, "coffee.png")
    with PillowImage.open(SAMPLES / "chelsea.png") as original:
        cropped = original.convert("RGB").crop((60, 20, 400, 280))
    file = BytesIO()
    cropped.save(file, "JPEG", quality=60)

    picture = remember_picture(file, name="crop.jpg")

    assert find_images(request_for(Picture(picture.pk)), by=acting(alice)).image_ids[0] == cat.pk


def test_similar_leaves_the_picture_itself_out(alice, upload):
    cat, coffee = upload(alice, "chelsea.png"), upload(alice, "coffee.png")

    page = similar_images(cat, by=acting(alice))

    assert page is not None
    assert page.image_ids == [coffee.pk]


def test_search_hides_private_image_from_stranger(alice, charlie, upload):
    secret = upload(alice, "chelsea.png")

    assert find_images(request_for("cat"), by=acting(charlie)).image_ids == []
    assert find_images(request_for("cat"), by=acting(alice)).image_ids == [secret.pk]


def test_the_trash_hides_and_gives_back(alice, upload):
    cat = upload(alice, "chelsea.png")

    move_to_trash(Image.objects.filter(pk=cat.pk), by=OPERATOR)
    assert find_images(request_for("cat"), by=acting(alice)).image_ids == []

    restore(Image.objects.in_trash_of(acting(alice)), by=OPERATOR)
    assert find_images(request_for("cat"), by=acting(alice)).image_ids == [cat.pk]


def test_deleting_removes_the_row_the_vector_and_the_files(alice, upload, data_dir):
    cat = upload(alice, "chelsea.png")
    coffee = upload(alice, "coffee.png")

    assert delete_forever(Image.objects.filter(pk=cat.pk), by=OPERATOR) == 1

    matrix = np.load(data_dir / "vectors" / "embeddings-1.npy")
    assert not matrix[0].any()
    assert matrix[1].any()
    assert len([path for path in (data_dir / "media").rglob("*") if path.is_file()]) == 3
    assert find_images(request_for("cat"), by=acting(alice)).image_ids == [coffee.pk]
    assert verify().problems == ()


def test_the_same_bytes_are_one_picture_per_owner_and_one_file(alice, bob, upload, data_dir):
    first, again = upload(alice), upload(alice)
    bobs = upload(bob)

    assert again == first
    assert bobs != first
    assert len([path for path in (data_dir / "media" / "originals").rglob("*") if path.is_file()]) == 1

    delete_forever(Image.objects.filter(pk=first.pk), by=OPERATOR)
    assert len([path for path in (data_dir / "media" / "originals").rglob("*") if path.is_file()]) == 1
    assert search_index().vectors([bobs.pk])[0].tolist() == [bobs.pk]
    assert IndexState.objects.current().encoder_id == "offline"
