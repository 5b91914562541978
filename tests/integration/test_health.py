"""What machines that look after the site are told."""

from pathlib import Path
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection
from django.test import Client

from gallery import __version__
from gallery.models import Image
from gallery.services.search import find_images
from tests.conftest import acting, drawn_picture
from tests.searches import request_for


def test_healthz_asks_no_database(client):
    with patch.object(connection, "cursor", side_effect=AssertionError("no database")):
        response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_readyz_answers_for_each_part(client, alice, upload):
    upload(alice, content=drawn_picture())

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "parts": {"database": "ok", "files": "ok", "index": "ok", "encoder": "ok"},
        "text_in_pictures": "off",
    }


def test_readyz_is_ready_before_the_first_picture(client, db):
    assert client.get("/readyz").status_code == 200


def test_readyz_tells_no_secret_when_the_database_is_away(client, db):
    error = OperationalError("password authentication failed for user root")
    with patch("gallery.services.readiness.connection.cursor", side_effect=error):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["parts"]["database"] == "OperationalError"
    assert "password" not in response.content.decode()


def test_readyz_names_an_encoder_without_weights(client, db, limits_of):
    limits_of(encoder="clip:nowhere/nothing")

    response = client.get("/readyz")

    assert (response.status_code, response.json()["status"]) == (503, "not ready")
    assert response.json()["parts"]["encoder"] == "encoder_unavailable"


def test_readyz_names_a_folder_that_cannot_be_written(client, db):
    with patch("gallery.services.readiness.os.access", return_value=False):
        response = client.get("/readyz")

    assert (response.status_code, response.json()["parts"]["files"]) == (503, "storage_not_writable")


def test_readyz_names_vectors_that_are_gone_though_this_process_still_has_them(client, alice, upload, data_dir):
    upload(alice, content=drawn_picture())
    assert len(find_images(request_for("red"), by=acting(alice)).results) == 1
    (data_dir / "vectors" / "embeddings-1.npy").unlink()

    response = client.get("/readyz")

    assert (response.status_code, response.json()["parts"]["index"]) == (503, "store_damaged")


def test_metrics_are_off_unless_configured(client, db):
    assert client.get("/metrics").status_code == 404


def test_metrics_count_pictures_and_rows(client, alice, upload, limits_of):
    limits_of(metrics_enabled=True)
    upload(alice, content=drawn_picture("red"))
    failed = upload(alice, content=drawn_picture("blue"))
    Image.objects.filter(pk=failed.pk).update(embedding_row=None, embed_error="broken")

    response = client.get("/metrics")

    values = dict(line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#"))
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert values["imagesearch_images"] == "2"
    assert values["imagesearch_images_pending"] == "0"
    assert values["imagesearch_images_failed"] == "1"
    assert values["imagesearch_index_rows"] == "2"
    assert values[f'imagesearch_info{{version="{__version__}"}}'] == "1"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_not_sent_to_https_nor_cached(db, settings, path):
    settings.SECURE_SSL_REDIRECT = True

    response = Client().get(path)

    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    assert Client().get("/").status_code == 301


def test_the_version_is_the_project_s():
    assert f'version = "{__version__}"' in (Path(__file__).parents[2] / "pyproject.toml").read_text()
