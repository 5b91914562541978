"""A search that cannot be carried out says why, and where in the query, at every door and in both languages."""

from tests.conftest import drawn_picture
from tests.integration.api_client import Api


def test_a_picture_that_waits_has_its_place_in_the_query(alice, upload, quick_worker, quick_encoder):
    upload(alice, "blue.png", content=drawn_picture("blue"))
    quick_worker.works = False
    waiting = upload(alice, "red.png", content=drawn_picture())

    error = Api(alice).get("/search/", q=f"snow like:{waiting.pk}").json()

    assert error["code"] == "not_searchable"
    assert (error["details"]["start"], error["details"]["end"]) == (5, len(f"snow like:{waiting.pk}"))
