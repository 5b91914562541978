"""The pages of long work: who sees what, how it is followed, cancelled, gone on with and taken back."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from gallery import jobs
from gallery.errors import BrokenPicture, StoredError, UnreadablePath, VideoLeftOut
from gallery.models import Image, Job, JobItem, User
from gallery.services import bulk_changes
from gallery.services.long_kinds import LONG_KINDS
from gallery.services.long_work import ask_for, running
from gallery.services.waiting_jobs import run_next
from tests.conftest import acting, drawn_picture
from tests.integration.api_client import Api, ids
from tests.pages import text_of

COLOURS = ("red", "lime", "blue", "yellow")
HTMX = {"HX-Request": "true"}
BROKEN = StoredError.of(BrokenPicture(format="PNG", reason="?")).as_json()


@pytest.fixture(autouse=True)
def begun(monkeypatch) -> list[str]:
    commands: list[str] = []
    monkeypatch.setattr(jobs, "see_to_worker", lambda: commands.append("work"))
    return commands


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def finished(user: User, **values: Any) -> Job:
    made = {
        "kind": "import",
        "owner": user,
        "subject": "/photos",
        "total": 9,
        "done": 9,
        "details": {"added": 9, "duplicates": 0},
    }
    return Job.objects.create(status="finished", finished_at=now(), **{**made, **values})


def waiting(user: User) -> Job:
    return ask_for("bulk_change", by=acting(user), owner_id=user.pk, subject="a", total=9, change="add_tags")


# Who sees what


def test_each_sees_their_own_and_staff_with_that_right_all(visitors, alice, bob):
    job = finished(alice)
    addresses = ("/jobs/", f"/jobs/{job.pk}/")

    answers = {name: [client.get(address).status_code for address in addresses] for name, client in visitors.items()}
    listed = {name: f"/jobs/{job.pk}/" in text_of(client.get("/jobs/")) for name, client in visitors.items()}

    assert answers == {
        "anonymous": [302, 302], "alice": [200, 200], "bob": [200, 404], "charlie": [200, 404], "staff": [200, 200],
    }  # fmt: skip
    assert [name for name, is_listed in listed.items() if is_listed] == ["alice", "staff"]


def test_how_many_an_import_added_is_no_time_in_chinese(alice):
    job = finished(alice)

    html = text_of(signed_in(alice).get(f"/jobs/{job.pk}/", headers={"Accept-Language": "zh-hans"}))

    assert '<dt>已添加</dt><dd class="numbers">9</dd>' in html


@pytest.mark.parametrize("verb", ["cancel", "go-on", "undo"])
def test_nobody_changes_anothers(visitors, alice, verb):
    job = waiting(alice)

    answers = {name: client.post(f"/jobs/{job.pk}/{verb}/").status_code for name, client in visitors.items()}

    assert (answers["anonymous"], answers["bob"], answers["charlie"]) == (302, 404, 404)
    assert answers["alice"] == 302


def test_staff_that_may_only_look_cancels_nothing(alice, permission):
    job, watcher = waiting(alice), User.objects.create_user("watcher", is_staff=True)
    watcher.user_permissions.add(permission("view_job"))

    page = text_of(signed_in(watcher).get(f"/jobs/{job.pk}/"))
    signed_in(watcher).post(f"/jobs/{job.pk}/cancel/")

    job.refresh_from_db()
    assert ("Cancel" in page, job.status) == (False, "waiting")


@pytest.fixture
def permission() -> Any:
    from django.contrib.auth.models import Permission

    return lambda codename: Permission.objects.get(codename=codename)


# What they show


def test_page_of_nothing_says_what_comes_here(alice):
    page = text_of(signed_in(alice).get("/jobs/"))

    assert "Nothing has been going on" in page
    assert "hx-get" not in page.partition('id="jobs"')[2]


def test_what_runs_is_followed_and_what_ended_is_not(alice):
    client, job = signed_in(alice), waiting(alice)
    with running(job) as run:
        run.advance(3)
        run.write()
        whole, part = text_of(client.get("/jobs/")), text_of(client.get("/jobs/", headers=HTMX))
        one = text_of(client.get(f"/jobs/{job.pk}/", headers=HTMX))
    after = text_of(client.get("/jobs/", headers=HTMX))

    for html in (whole, part, one):
        assert 'hx-trigger="every 2s"' in html
        assert '<progress aria-label="Progress: add tags: a" value="3" max="9">33</progress>' in html
        assert "3 of 9 (33 %)" in html
    assert "<html" in whole
    assert "<html" not in part + one
    assert ("every 2s" in after, "<progress" in after, "finished" in after) == (False, False, True)


def test_end_of_what_is_followed_is_announced_to_whoever_does_not_see_the_page(alice):
    client, job = signed_in(alice), waiting(alice)
    path = f"/jobs/{job.pk}/"
    with running(job):
        followed = text_of(client.get(path, headers=HTMX))
    ended, whole = text_of(client.get(path, headers=HTMX)), text_of(client.get(path))

    news = '<p hx-swap-oob="innerHTML:#job-news">Add tags: a: finished</p>'
    assert [news in html for html in (followed, ended, whole)] == [False, True, False]
    assert '<p id="job-news" class="visually-hidden" role="status"></p>' in whole


def test_list_is_asked_for_where_one_is(alice):
    waiting(alice)

    assert 'hx-get="/jobs/?page=1"' in text_of(signed_in(alice).get("/jobs/?page=1"))


def test_one_job_shows_what_became_of_its_items_in_both_languages(alice):
    job = finished(alice, failed=1)
    JobItem.objects.create(job=job, kind="failed", item="/photos/a.png", error=BROKEN)
    JobItem.objects.create(
        job=job, kind="skipped", item="/photos/b.mov", error=StoredError.of(VideoLeftOut()).as_json()
    )

    english = text_of(signed_in(alice).get(f"/jobs/{job.pk}/"))
    chinese = text_of(signed_in(alice).get(f"/jobs/{job.pk}/", headers={"Accept-Language": "zh-hans"}))

    for said in ("Import: photos", "photos/a.png", StoredError.from_json(BROKEN).message, "This is a video; only"):
        assert said in english
    for said in ("导入：photos", "photos/b.mov", "此 PNG 文件已损坏或不完整。"):
        assert said in chinese


@pytest.mark.parametrize(("name", "is_whole"), [("alice", False), ("staff", True)])
def test_where_the_files_of_an_import_lie_is_told_to_those_who_may_know(visitors, alice, name, is_whole):
    error = StoredError.of(UnreadablePath(path="/srv/secret/photos/2020/a.png", reason="denied")).as_json()
    job = finished(alice, subject="/srv/secret/photos\n/srv/secret/one.png", failed=2, error=error)
    for path in (
        "/srv/secret/photos/2020/a.png",
        "/srv/secret/one.png",
        "/srv/secret/other/b.png",
        "/srv/secret/photos",
    ):
        JobItem.objects.create(job=job, kind="failed", item=path, error=error)

    pages = [visitors[name].get(address) for address in ("/jobs/", f"/jobs/{job.pk}/")]
    answers = [visitors[name].get(f"/api/v1/jobs/{part}") for part in ("", f"{job.pk}/", f"{job.pk}/items/")]
    texts = [each.content.decode() for each in (*pages, *answers)]

    assert [text.count("/srv/secret") > 0 for text in texts] == [is_whole] * 5
    assert is_whole or [each["item"] for each in answers[-1].json()["results"]] == [
        "photos/2020/a.png", "one.png", "b.png", "photos",
    ]  # fmt: skip
    assert "photos/2020/a.png" in texts[1]


def test_only_the_first_items_are_shown_and_the_rest_counted(alice):
    job = finished(alice)
    JobItem.objects.bulk_create(JobItem(job=job, kind="failed", item=f"{n}.png", error=BROKEN) for n in range(120))

    page = text_of(signed_in(alice).get(f"/jobs/{job.pk}/"))

    assert ("99.png" in page, "100.png" in page, "and 20 more" in page) == (True, False, True)


def test_killed_run_is_not_shown_as_running(alice):
    Job.objects.create(kind="import", owner=alice, status="running", total=9, done=4)

    page = text_of(signed_in(alice).get("/jobs/"))

    assert "Its process ended after 4 of 9." in page


def test_lists_cost_the_same_queries_for_one_and_three_jobs(alice, staff):
    client = signed_in(staff)

    def count(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    first = finished(alice)
    count("/jobs/")  # the first page of all
    at_one = [count(address) for address in ("/jobs/", f"/jobs/{first.pk}/", "/admin/gallery/job/")]
    for user in (alice, staff):
        JobItem.objects.create(job=finished(user), kind="failed", item="a", error=BROKEN)

    assert [count(address) for address in ("/jobs/", f"/jobs/{first.pk}/", "/admin/gallery/job/")] == at_one


def test_header_marks_what_is_under_way_for_whom_it_is(alice, bob):
    waiting(alice)

    for user, is_marked in ((alice, True), (bob, False)):
        assert ("1 job is under way" in text_of(signed_in(user).get("/library/"))) == is_marked


# What can be done


def test_waiting_job_is_cancelled_and_gone_on_with(alice, begun):
    client, job = signed_in(alice), waiting(alice)

    page = text_of(client.post(f"/jobs/{job.pk}/cancel/", follow=True))
    assert "This was cancelled after 0 of 9." in page
    page = text_of(client.post(f"/jobs/{job.pk}/go-on/", follow=True))

    job.refresh_from_db()
    assert (job.status, "waiting" in page, begun) == ("waiting", True, ["work"])


def test_running_job_says_that_it_stops(alice):
    client, job = signed_in(alice), waiting(alice)

    with running(job):
        page = text_of(client.post(f"/jobs/{job.pk}/cancel/", follow=True))

    assert "It stops after the batch that it is at." in page
    assert f"/jobs/{job.pk}/cancel/" not in page


def test_what_has_ended_is_not_cancelled(alice):
    client, job = signed_in(alice), finished(alice)

    assert "It has ended already." in text_of(client.post(f"/jobs/{job.pk}/cancel/", follow=True))
    assert "There is nothing to go on with." in text_of(client.post(f"/jobs/{job.pk}/go-on/", follow=True))
    assert "There is nothing to undo any more." in text_of(client.post(f"/jobs/{job.pk}/undo/", follow=True))


@pytest.fixture
def many(alice, upload, quick_encoder, monkeypatch) -> list[Image]:
    """Four pictures, of which each list's page shows two, and a request changes two at most."""
    monkeypatch.setattr(bulk_changes, "AT_ONCE", 2)
    monkeypatch.setattr("gallery.views.library.PAGE_SIZE", 2)
    return [upload(alice, f"{colour}.png", content=drawn_picture(colour), tags=colour) for colour in COLOURS]


def test_whole_list_is_moved_to_the_trash_by_a_worker_and_brought_back(alice, many):
    client = signed_in(alice)
    assert "All 4 pictures of this list, on every page" in text_of(client.get("/library/"))

    answer = client.post("/library/bulk/", {"action": "trash", "everything": "1", "back": ""})
    job = Job.objects.get()
    assert answer.url == f"/jobs/{job.pk}/"
    run_next(LONG_KINDS)
    assert Image.objects.trashed().count() == 4

    answer = client.post(f"/jobs/{job.pk}/undo/")
    assert answer.url == f"/jobs/{Job.objects.newest()[0].pk}/"
    run_next(LONG_KINDS)
    assert Image.objects.live().count() == 4


def test_whole_list_is_what_the_filter_leaves(alice, bob, many, upload):
    upload(bob, "red.png", content=drawn_picture("red"), tags="red")

    answer = signed_in(alice).post(
        "/library/bulk/", {"action": "visibility", "visibility": "public", "everything": "1", "back": "q=red"}
    )

    assert answer.url == "/library/?q=red"
    assert list(Image.objects.filter(visibility="public").values_list("owner__username", "original_name")) == [
        ("alice", "red.png")
    ]


def test_whole_list_of_a_filter_that_cannot_be_is_not_there(alice, many):
    answer = signed_in(alice).post("/library/bulk/", {"action": "trash", "everything": "1", "back": "order=sideways"})

    assert answer.status_code == 404
    assert Image.objects.live().count() == 4


def test_few_pictures_of_a_whole_list_can_be_brought_back_at_once(alice, many):
    page = text_of(
        signed_in(alice).post("/library/bulk/", {"action": "trash", "everything": "1", "back": "q=red"}, follow=True)
    )

    assert "1 picture is in the trash." in page
    assert "/trash/restore/?undo=" in page


def test_emptying_a_full_trash_is_followed(alice, many):
    Image.objects.update(trashed_at=now())

    answer = signed_in(alice).post("/trash/empty/", {"confirmed": "1"})
    run_next(LONG_KINDS)

    job = Job.objects.get()
    assert (answer.url, job.what, job.status) == (f"/jobs/{job.pk}/", "delete forever", "finished")
    assert not Image.objects.exists()


# The admin


def test_admin_cancels_for_those_who_may(alice, staff, permission):
    job, watcher = waiting(alice), User.objects.create_user("watcher", is_staff=True)
    watcher.user_permissions.add(permission("view_job"))
    asked = {"action": "cancel", "_selected_action": [job.pk]}

    signed_in(watcher).post("/admin/gallery/job/", asked)
    job.refresh_from_db()
    assert job.status == "waiting"
    page = text_of(signed_in(staff).post("/admin/gallery/job/", asked, follow=True))

    job.refresh_from_db()
    assert (job.status, "1 job is cancelled." in page) == ("cancelled", True)


# REST


def test_api_tells_of_ones_own_jobs(alice, bob):
    job = finished(alice, failed=1)
    JobItem.objects.create(job=job, kind="failed", item="a.png", error=BROKEN)

    body = Api(alice).json("/jobs/")
    [told] = body["results"]
    items = Api(alice).json(f"/jobs/{job.pk}/items/")["results"]

    assert (told["id"], told["kind"], told["what"], told["subject"], told["status"]) == (
        job.pk, "import", "import", "photos", "finished",
    )  # fmt: skip
    assert (told["total"], told["done"], told["failed"], told["seconds_left"], told["error"]) == (9, 9, 1, None, None)
    assert (told["owner"], told["asked_by"]) == ("alice", "operator")
    assert items == [
        {"kind": "failed", "item": "a.png", "reason": {"code": "broken_picture", "message": BROKEN["message"]}}
    ]
    assert Api(alice).json(f"/jobs/{job.pk}/") == told
    assert ids(Api(bob).json("/jobs/")) == []
    assert [Api(bob).get(f"/jobs/{job.pk}/{part}").status_code for part in ("", "items/")] == [404, 404]
    assert Api().get("/jobs/").status_code == 401


def test_api_cancels_and_goes_on(alice, bob):
    job = waiting(alice)

    assert Api(bob).post(f"/jobs/{job.pk}/cancel/").status_code == 404
    assert Api(alice, read_only=True).post(f"/jobs/{job.pk}/cancel/").status_code == 403
    told = Api(alice).post(f"/jobs/{job.pk}/cancel/").json()

    assert (told["status"], told["error"]["code"]) == ("cancelled", "work_cancelled")
    assert Api(alice).post(f"/jobs/{job.pk}/go-on/").json()["status"] == "waiting"
