import json

import pytest
from django.core.management import call_command

from gallery.models import Image, IndexState, User, Visibility
from gallery.services.samples import SAMPLES, sample_path
from gallery.services.search import find_images
from tests.conftest import acting
from tests.searches import request_for


@pytest.fixture
def welcome(transactional_db, capsys):
    def run() -> dict:
        call_command("welcome", "--json", verbosity=0)
        return json.loads(capsys.readouterr().out)

    return run


def test_every_sample_is_installed_with_its_package():
    assert [sample.name for sample in SAMPLES if not sample_path(sample).is_file()] == []


def test_welcome_makes_an_administrator_and_searchable_public_samples_once(welcome):
    first, second = welcome(), welcome()

    administrator = User.objects.get()
    assert administrator.check_password(first["password"])
    assert (first["samples"], second["samples"], second["password"]) == (len(SAMPLES), 0, None)
    assert set(Image.objects.values_list("visibility", flat=True)) == {Visibility.PUBLIC}
    assert Image.objects.searchable().count() == len(SAMPLES)
    found = find_images(request_for("an astronaut"), by=acting(administrator))
    assert found.results[0].image.original_name == "astronaut.png"


def test_welcome_adds_no_samples_to_a_library_with_pictures(welcome, alice, upload):
    upload(alice, "coffee.png")

    assert welcome()["samples"] == 0
    assert Image.objects.count() == 1


def test_welcome_says_what_an_index_of_an_earlier_version_needs(welcome, alice, upload, quick_encoder):
    upload(alice, "coffee.png")
    IndexState.objects.update(encoder_revision="earlier")
    Image.objects.update(embedding_row=None)

    said = welcome()["outdated"]

    assert said.startswith("The index was made by “offline (earlier)” but this version brings “offline (")
    assert said.endswith("Run: manage.py reindex --encoder offline")
    assert Image.objects.pending().count() == 1  # left in the queue: the site starts all the same
