"""Settings that are wrong stop the start and say what is wrong."""

import dataclasses
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from gallery.conf import Gallery, gallery
from gallery.models import IndexState


def test_gallery_is_frozen_and_knows_its_folders(data_dir):
    conf = gallery()

    assert conf.vectors_dir == data_dir / "vectors"
    assert conf.locks_dir == data_dir / "locks"
    with pytest.raises(dataclasses.FrozenInstanceError):
        conf.encoder = "other"  # type: ignore[misc]


def test_gallery_follows_a_changed_setting(settings):
    settings.GALLERY = {**settings.GALLERY, "max_pixels": 7}

    assert gallery().max_pixels == 7


def test_unknown_key_is_named(settings):
    settings.GALLERY = {**settings.GALLERY, "max_pixel": 7}

    with pytest.raises(ImproperlyConfigured, match="check max_pixel"):
        gallery()


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Gallery)])
def test_missing_key_is_named(settings, name):
    settings.GALLERY = {key: value for key, value in settings.GALLERY.items() if key != name}

    with pytest.raises(ImproperlyConfigured, match=f"check {name}"):
        gallery()


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("max_pixels", "7", "int"),
        ("max_pixels", True, "int"),
        ("sign_up_open", 1, "bool"),
        ("encoder", None, "str"),
        ("data_dir", "/tmp", "Path"),
        ("import_ignore", "*.bak", "tuple"),
    ],
)
def test_wrong_type_is_named_with_its_value(settings, name, value, wanted):
    settings.GALLERY = {**settings.GALLERY, name: value}

    with pytest.raises(ImproperlyConfigured) as caught:
        gallery()

    assert str(caught.value) == f"settings.GALLERY['{name}'] is {value!r}; it must be {wanted}."


def test_every_setting_has_a_type_that_is_checked():
    assert {field.type for field in dataclasses.fields(Gallery)} <= {int, bool, str, Path, tuple[str, ...]}


# System checks


def _ids(**options):
    """Return what the checks say of the settings; tables may still be as large as other tests left them."""
    ids = [message.id for message in run_checks(**options)]
    return [each for each in ids if each.startswith("gallery.") and each != "gallery.W006"]


@pytest.mark.django_db
def test_a_misspelt_encoder_is_an_error_and_no_crash(limits_of):
    IndexState.objects.create(pk=1, encoder_id="offline", encoder_revision="1", dimension=4)
    limits_of(encoder="ofline")

    assert _ids(databases=["default"], include_deployment_checks=False) == ["gallery.E001"]


@pytest.mark.django_db
def test_an_index_of_another_encoder_is_a_warning(limits_of):
    IndexState.objects.create(pk=1, encoder_id="clip:some/model", encoder_revision="1", dimension=4)

    assert _ids(databases=["default"]) == ["gallery.W001"]
    assert _ids() == []  # `check` without a database asks none

    limits_of(encoder="auto")
    assert _ids(databases=["default"]) in (["gallery.I001"], [])
