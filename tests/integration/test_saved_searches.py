"""Searches that one comes back to: named ones on the pages and in REST, and what one asked last."""

import re
import sqlite3

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.models import SavedSearch, SearchHistory
from gallery.services import saved_searches
from gallery.services.saved_searches import recent_searches, remember_search, save_search
from tests.conftest import acting
from tests.integration.api_client import Api
from tests.pages import as_user, main_of, text_of


@pytest.fixture
def beach(alice) -> SavedSearch:
    return save_search("q=beach+tag%3Atrip&order=newest", name="At the sea", by=acting(alice))


def test_a_search_is_saved_from_its_results_and_leads_back_to_them(alice, quick_encoder):
    client = as_user(alice)
    page = client.get("/search/?q=-tag:trip&order=name")
    kept = re.search(r'name="query" value="([^"]*)"', text_of(page))

    answer = client.post("/search/saved/new/", {"name": " Not the trip ", "query": "q=-tag%3Atrip&order=name"})

    assert kept is not None
    assert kept[1] == "q=-tag%3Atrip&amp;order=name"
    assert answer.headers["Location"] == "/search/?q=-tag%3Atrip&order=name"
    [saved] = SavedSearch.objects.all()
    assert (saved.owner, saved.name, saved.query) == (alice, "Not the trip", "q=-tag%3Atrip&order=name")
    assert "“Not the trip” is saved." in text_of(client.get("/search/"))


@pytest.mark.parametrize("query", ["", "q=is:portrat", "q=", "top=10", "like=abc"])
def test_what_is_no_search_is_not_saved(alice, query):
    as_user(alice).post("/search/saved/new/", {"name": "x", "query": query})

    assert not SavedSearch.objects.exists()


def test_saving_has_a_limit(alice, beach, monkeypatch):
    monkeypatch.setattr(saved_searches, "MAX_SAVED", 1)
    client = as_user(alice)

    client.post("/search/saved/new/", {"name": "x", "query": "q=x"})

    assert SavedSearch.objects.count() == 1
    assert "which is the limit" in text_of(client.get("/search/saved/"))


def test_saved_searches_stand_on_the_empty_search_page_and_on_their_own(alice, beach):
    client = as_user(alice)

    for path in ("/search/", "/search/saved/"):
        assert 'href="/search/?q=beach+tag%3Atrip&amp;order=newest">At the sea</a>' in main_of(client.get(path))


def test_saved_searches_are_their_owner_s_alone(beach, visitors):
    seen = {name: "At the sea" in text_of(client.get("/search/")) for name, client in visitors.items()}
    renamed = {
        name: client.post(f"/search/saved/{beach.pk}/rename/", {"name": name}).status_code
        for name, client in visitors.items()
    }
    beach.refresh_from_db()

    assert seen == {"alice": True, "bob": False, "charlie": False, "staff": False, "anonymous": False}
    assert renamed == {"alice": 302, "bob": 404, "charlie": 404, "staff": 404, "anonymous": 302}
    assert beach.name == "alice"


def test_a_saved_search_is_renamed_deleted_and_brought_back(alice, beach):
    client = as_user(alice)

    client.post(f"/search/saved/{beach.pk}/rename/", {"name": "Sea"})
    client.post(f"/search/saved/{beach.pk}/delete/")
    deleted = text_of(client.get("/search/saved/"))
    undo = re.search(r'action="(/search/saved/\d+/restore/)"', deleted)
    assert undo is not None
    client.post(undo[1])

    assert "“Sea” is deleted." in deleted
    assert "No search is saved yet" in deleted
    assert ">Sea</a>" in main_of(client.get("/search/saved/"))


def test_deleting_forgets_what_was_deleted_long_ago(alice, beach, monkeypatch):
    client = as_user(alice)
    client.post(f"/search/saved/{beach.pk}/delete/")
    monkeypatch.setattr(saved_searches, "DAYS_TO_UNDO", -1)
    other = save_search("q=x", name="x", by=acting(alice))

    client.post(f"/search/saved/{other.pk}/delete/")

    assert not SavedSearch.objects.exists()


def test_the_pages_of_saved_searches_ask_to_sign_in(db):
    for path in ("/search/saved/", "/search/saved/new/", "/search/recent/"):
        assert Client().get(path).status_code == 302
        assert Client().post(path).status_code in (302, 405)
    assert not SavedSearch.objects.exists()


def test_the_list_costs_the_same_for_one_and_three(alice, beach):
    client, counts = as_user(alice), []
    for number in range(3):
        client.get("/search/saved/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/search/saved/")
        counts.append(len(queries))
        save_search(f"q={number}", name=str(number), by=acting(alice))

    assert counts[0] == counts[2]


# What one asked last


def test_what_one_asked_last_comes_first_and_once(alice, quick_encoder):
    client = as_user(alice)

    for query in ("red", "blue", "red"):
        client.get("/search/", {"q": query})

    assert recent_searches(by=acting(alice)) == ["q=red", "q=blue"]
    assert 'href="/search/?q=red">red</a>' in main_of(client.get("/search/"))


def test_what_is_asked_again_in_another_order_is_kept_once(alice, quick_encoder):
    client = as_user(alice)

    for query in ("q=red", "q=blue", "q=red+&order=name", "q=red&view=table", "q=red&tag=warm"):
        client.get(f"/search/?{query}")

    assert recent_searches(by=acting(alice)) == ["q=red&tag=warm", "q=red&view=table", "q=blue"]


def test_the_same_search_again_and_later_pages_write_nothing(alice, quick_encoder):
    client = as_user(alice)
    client.get("/search/?q=red")

    with CaptureQueriesContext(connection) as queries:
        client.get("/search/?q=red")

    assert [query["sql"] for query in queries if "INSERT" in query["sql"] or "UPDATE" in query["sql"]] == []


def test_mistakes_are_not_remembered(alice):
    as_user(alice).get("/search/?q=is:portrat")

    assert recent_searches(by=acting(alice)) == []


def test_what_one_asked_is_bounded(alice):
    for number in range(30):
        remember_search(f"q={number}", by=acting(alice))

    assert recent_searches(by=acting(alice)) == [f"q={number}" for number in range(29, 9, -1)]


def test_a_visitor_s_searches_are_not_kept(db, quick_encoder):
    Client().get("/search/?q=red")

    assert not SearchHistory.objects.exists()


def test_what_one_asked_is_forgotten_and_switched_off_and_on(alice, quick_encoder):
    client, by = as_user(alice), acting(alice)
    client.get("/search/?q=red")

    client.post("/search/recent/", {"action": "forget"})
    assert recent_searches(by=by) == []
    client.get("/search/?q=red")
    client.post("/search/recent/", {"action": "stop"})
    assert recent_searches(by=by) == []
    client.get("/search/?q=blue")
    assert recent_searches(by=by) == []
    assert "They are not kept." in text_of(client.get("/search/saved/"))
    client.post("/search/recent/", {"action": "keep"})
    client.get("/search/?q=lime")
    assert recent_searches(by=by) == ["q=lime"]


# REST


def test_rest_saves_lists_renames_and_deletes(alice, charlie):
    api = Api(alice)

    created = api.post("/saved-searches/", {"name": "Sea", "query": "?q=beach&order=newest&cursor=x"})
    body = created.json()

    assert created.status_code == 201
    assert body["query"] == "q=beach&order=newest"
    assert body["page"] == "http://testserver/search/?q=beach&order=newest"
    path = f"/saved-searches/{body['id']}/"
    assert api.patch(path, name="Beach").json()["name"] == "Beach"
    assert [row["name"] for row in api.json("/saved-searches/")["results"]] == ["Beach"]
    assert Api(charlie).json("/saved-searches/")["results"] == []
    assert Api(charlie).get(path).status_code == 404
    assert Api(charlie).delete(path).status_code == 404
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_rest_refuses_what_is_no_search_and_who_is_nobody(alice):
    assert Api(alice).post("/saved-searches/", {"name": "x", "query": "q=is:portrat"}).status_code == 400
    assert Api(alice).post("/saved-searches/", {"name": "", "query": "q=x"}).status_code == 400
    assert Api().get("/saved-searches/").status_code == 401
    assert Api(alice, read_only=True).post("/saved-searches/", {"name": "x", "query": "q=x"}).status_code == 403


def test_a_search_is_answered_while_somebody_else_writes_and_the_log_says_what_that_cost(
    transactional_db, alice, caplog
):
    if connection.vendor != "sqlite":
        pytest.skip("there nobody waits for other writers")
    client = as_user(alice)
    client.get("/search/?q=is:portrait")  # makes the rows that a new database lacks
    writer = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")

    refused = client.get("/search/?q=is:landscape")
    writer.execute("ROLLBACK")
    writer.close()

    assert refused.status_code == 200
    assert recent_searches(by=acting(alice)) == ["q=is%3Aportrait"]
    assert [record.getMessage() for record in caplog.records if record.name == "gallery.views.search"] == [
        "A search of alice is not among their last ones, the database is busy: database is locked"
    ]
    client.get("/search/?q=is:landscape")
    assert recent_searches(by=acting(alice)) == ["q=is%3Alandscape", "q=is%3Aportrait"]
