"""The audit log's list in the admin when it is long."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.models import AuditEntry, User
from gallery.models.actor import ActorKind, Door
from tests.integration.test_admin_lists import dates_on
from tests.pages import as_user

ADDRESS = "/admin/gallery/auditentry/"
MOMENTS = ["2022-12-31T23:30", "2023-03-06T00:00", "2023-03-06T12:00", "2023-07-31T23:59", "2024-02-29T12:00"]


@pytest.fixture
def curator(staff: User) -> Client:
    return as_user(staff)


@pytest.fixture(params=["long", "short"])
def entries(request: Any, alice: User, monkeypatch: pytest.MonkeyPatch) -> list[AuditEntry]:
    """Five entries, in the order of their times; that is long, or not."""
    monkeypatch.setattr("gallery.admin.audit_list.MOST_SORTED", 0 if request.param == "long" else 100)
    return [entry_at(moment, alice, label) for moment, label in zip(MOMENTS, "cabed", strict=True)]


def entry_at(moment: str, user: User, label: str) -> AuditEntry:
    return AuditEntry.objects.create(
        at=datetime.fromisoformat(moment).replace(tzinfo=UTC),
        action=uuid.uuid4(),
        actor_kind=ActorKind.MEMBER,
        user=user,
        actor_name=user.username,
        door=Door.PAGE,
        verb="added",
        object_kind="gallery.image",
        object_id=1,
        object_label=label,
    )


def labels_of(client: Client, query: str) -> list[str]:
    return [entry.object_label for entry in client.get(ADDRESS + query).context["cl"].result_list]


def test_audit_list_goes_from_years_to_months_to_days(entries, curator):
    in_march = "?at__year=2023&at__month=3"

    assert dates_on(curator.get(ADDRESS)) == ["2022", "2023", "2024"]
    assert dates_on(curator.get(f"{ADDRESS}?at__year=2023")) == ["‹ All dates", "March 2023", "July 2023"]
    assert dates_on(curator.get(f"{ADDRESS}{in_march}")) == ["‹ 2023", "March 6"]
    assert labels_of(curator, f"{in_march}&at__day=6") == ["b", "a"]


def test_audit_list_has_no_dates_without_entries(entries, curator):
    assert dates_on(curator.get(f"{ADDRESS}?verb__exact=deleted")) == []


def test_audit_list_reads_dates_in_the_sites_zone(entries, curator, settings):
    settings.TIME_ZONE = "Asia/Shanghai"

    assert dates_on(curator.get(ADDRESS)) == ["2023", "2024"]
    assert dates_on(curator.get(f"{ADDRESS}?at__year=2023")) == [
        "‹ All dates",
        "January 2023",
        "March 2023",
        "August 2023",
    ]


def test_audit_list_finds_its_pages_from_both_ends(entries, curator, monkeypatch):
    monkeypatch.setattr(admin.site._registry[AuditEntry], "list_per_page", 2)

    assert [labels_of(curator, f"?p={number}") for number in (1, 2, 3)] == [["d", "e"], ["b", "a"], ["c"]]
    assert [labels_of(curator, f"?o=0&p={number}") for number in (1, 2, 3)] == [["c", "a"], ["b", "e"], ["d"]]


def test_audit_list_costs_the_same_queries_for_more_entries(entries, alice, curator):
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert curator.get(ADDRESS).status_code == 200
        return len(found)

    before = queries()
    for moment in MOMENTS:
        entry_at(moment, alice, "more")

    assert queries() == before


def test_only_short_audit_lists_are_ordered_by_anything_but_time(alice, curator, monkeypatch):
    for moment, label in zip(MOMENTS, "cabed", strict=True):
        entry_at(moment, alice, label)

    assert labels_of(curator, "?o=5") == ["a", "b", "c", "d", "e"]
    monkeypatch.setattr("gallery.admin.audit_list.MOST_SORTED", 4)
    assert labels_of(curator, "?o=5") == ["d", "e", "b", "a", "c"]
    assert labels_of(curator, "?o=5&at__year=2023") == ["a", "b", "e"]
    assert "column-object_label sortable" not in curator.get(ADDRESS).content.decode()


@pytest.mark.sqlite_only(reason="reads SQLite's plan")
@pytest.mark.parametrize("query", ["?verb__exact=added", "?kind=gallery.image"])
def test_dates_of_a_long_audit_list_are_walked_along_and_not_sorted(alice, curator, monkeypatch, query):
    monkeypatch.setattr("gallery.admin.audit_list.MOST_SORTED", 0)
    entry_at(MOMENTS[0], alice, "a")

    moments = curator.get(ADDRESS + query).context["cl"].with_dates().queryset.moments

    assert "TEMP B-TREE" not in moments[:1].explain()
