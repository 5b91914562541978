"""What `make bench` measures of large libraries, at sizes that take no time."""

import json
from datetime import date
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client

from gallery.encoders import registry
from gallery.models import Tag
from gallery.retrieval.language import parse
from gallery.retrieval.plan import plan
from gallery.retrieval.tree import All, Filter, Text
from tests.benchmarks import page_process, pages, starting
from tests.benchmarks.__main__ import main
from tests.benchmarks.filtered import bench_filtered
from tests.benchmarks.filtered_searches import KINDS, filters, query
from tests.benchmarks.large_library import make_large_library
from tests.benchmarks.page_addresses import Address, addresses
from tests.benchmarks.results import Results
from tests.benchmarks.rights import bench_rights
from tests.benchmarks.site_figures import ratio_of, site_figures, with_more_queries
from tests.benchmarks.sites import Sites
from tests.benchmarks.spent import measured
from tests.benchmarks.stand_in import StandInEncoder
from tests.benchmarks.verify import bench_verify

ROWS, DIMENSION = 1_200, 16


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Sites:
    return Sites(tmp_path_factory.mktemp("libraries"))


def cost(cpu_ms: float | None, *, queries: int = 3) -> dict[str, object]:
    times = {f"{way}{name}": cpu_ms for way in ("", "cold_", "changed_") for name in ("cpu_ms", "wall_ms")}
    return {"status": 200, "scan_ms": 0.0, "queries": queries, **times}


def page(
    name: str, role: str, small_ms: float | None, large_ms: float | None, *, queries: int = 3
) -> dict[str, object]:
    return {"name": name, "role": role, "costs": [cost(small_ms), cost(large_ms, queries=queries)]}


PAGES = {
    "database": "sqlite",
    "dimension": 512,
    "sizes": [10_000, 1_000_000],
    "pages": [
        page("home", "anonymous", 20.0, 22.0),
        page("home", "member", 20.0, 61.0, queries=4),
        page("admin, tag list", "curator", 50.0, 90.0),
    ],
}


def lines(pages: dict[str, object]) -> dict[str, str]:
    return {what: sqlite for what, _goal, sqlite, _postgresql in site_figures({"pages": [pages]})}


def test_figures_name_the_slowest_page_and_count_those_above_the_goal():
    told = lines(PAGES)

    assert told["slowest page or endpoint, processor, 1,000,000 pictures"] == "61 ms: home (member); 1 of 2 above"
    assert told["slowest page of the admin, processor, 1,000,000 pictures"] == (
        "90 ms: admin, tag list (curator); 0 of 1 above"
    )
    assert told["the same page, / at 10,000"] == "3.0: home (member); 1 of 3 above"
    assert told["pages with more queries than there"] == "1"


def test_figures_tell_of_a_page_that_was_cut_off():
    cut_off = {**PAGES, "pages": [page("home", "member", 20.0, None), page("admin", "curator", 5.0, 5.0)]}

    told = lines(cut_off)

    assert told["slowest page or endpoint, processor, 1,000,000 pictures"] == "cut off: home (member); 1 of 1 above"
    assert told["the same page, / at 10,000"] == "home (member) cut off; 1 of 2 above"


def test_report_has_a_line_for_each_page_and_the_goals(tmp_path: Path):
    Results(tmp_path / "performance.json").put_of_site("pages", PAGES)

    main(["report", "--report", str(tmp_path)])

    text = (tmp_path / "performance.md").read_text()
    assert "| home | member | 3/4 | 61.0 | 61.0 | 61.0 | 61.0 | 3.0 |" in text
    assert "| home | anonymous |" not in text
    assert "| pages with more queries than there | 0 | 1 | - |" in text


def test_results_of_one_database_stand_beside_those_of_the_other(tmp_path: Path):
    results = Results(tmp_path / "performance.json")
    for database, size in (("postgresql", 1), ("sqlite", 2), ("sqlite", 3)):
        results.put_of_site("pages", {"database": database, "dimension": 512, "sizes": [size]})

    kept = json.loads(results.path.read_text())["pages"]
    assert [(one["database"], one["sizes"]) for one in kept] == [("sqlite", [3]), ("postgresql", [1])]


def test_measured_counts_queries_and_time(transactional_db: None):
    with measured() as spent:
        Tag.objects.count()
        Tag.objects.count()

    assert spent.queries == 2
    assert spent.wall_ms > 0


@pytest.mark.slow
def test_every_address_is_answered(transactional_db: None, settings: LazySettings):
    library = make_large_library(ROWS, dimension=DIMENSION, queries=page_process.QUERIES)
    settings.GALLERY = {**settings.GALLERY, "metrics_enabled": True}
    roles = page_process.sign_in()
    client, statuses = Client(), {}

    with registry.using(StandInEncoder(library.queries)):
        for address in addresses():
            for role in address.roles:
                client.cookies.clear()
                if session := roles[role]["session"]:
                    client.cookies[settings.SESSION_COOKIE_NAME] = session
                url = address.url.format(**roles[role]["places"])
                statuses[f"{role} {url}"] = client.get(url).status_code

    assert {url: status for url, status in statuses.items() if status != 200} == {}


@pytest.mark.slow
def test_pages_are_measured_in_turns(sites: Sites, monkeypatch: pytest.MonkeyPatch):
    asked = [
        Address("home, by cursor", "/?page=2", ("anonymous", "member"), followed=True),
        Address("admin", "/admin/", ("curator",)),
    ]
    monkeypatch.setattr(pages, "addresses", lambda: asked)

    found = pages.bench_pages(sites, [ROWS // 2, ROWS], dimension=DIMENSION, rounds=1)

    assert found["sizes"] == [ROWS // 2, ROWS]
    assert [(one["name"], one["role"]) for one in found["pages"]] == [
        ("home, by cursor", "anonymous"),
        ("home, by cursor", "member"),
        ("admin", "curator"),
    ]
    costs = [cost for one in found["pages"] for cost in one["costs"]]
    assert {cost["status"] for cost in costs} == {200}
    assert all(cost[f"{way}cpu_ms"] > 0 for cost in costs for way in ("", "cold_", "changed_"))
    assert with_more_queries(found["pages"]) == []
    assert all(ratio_of(one) for one in found["pages"])


@pytest.mark.slow
def test_pages_that_take_too_long_are_cut_off(sites: Sites, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pages, "addresses", lambda: [Address("home", "/", ("anonymous", "member"))])

    found = pages.bench_pages(sites, [ROWS], dimension=DIMENSION, limit_seconds=0)

    assert [one["costs"][0]["cpu_ms"] for one in found["pages"]] == [None, None]


def test_filtered_searches_have_three_filters_each_of_different_fields_and_differ():
    some = [filters(number) for number in range(100)]

    asked = [parse(each, date(2026, 1, 1)) for each in some]
    assert all(isinstance(tree, All) and len(tree.parts) == 3 for tree in asked)
    assert {type(part) for tree in asked if isinstance(tree, All) for part in tree.parts} == {Filter}
    assert len(set(some)) == 100


@pytest.mark.parametrize("kind", KINDS)
def test_filtered_searches_ask_for_numbers_of_vectors(kind: str):
    texts = [
        part.meaning for leg in plan(parse(query(kind, 70, meanings=64), date(2026, 1, 1))).legs for part in leg.parts
    ]

    assert [text for text in texts if text not in (Text("6"), Text("38"))] == []
    assert len(texts) == (0 if kind == "filters alone" else kind.count("meaning") + kind.count("another"))


@pytest.mark.slow
def test_filtered_searches_are_measured_as_each_member(sites: Sites):
    found = bench_filtered(sites, ROWS, dimension=DIMENSION, queries=1)

    costs = found["costs"]
    assert [cost["kind"] for cost in costs] == [kind for kind in KINDS for _ in range(3)]
    assert all(cost[f"{way}_p95_wall_ms"] > 0 for cost in costs for way in ("search", "page"))
    told = site_figures({"filtered": [found]})
    assert [line[1] for line in told] == ["80 ms", "", "", ""]


@pytest.mark.slow
def test_rights_verifying_and_starting_are_measured(sites: Sites, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(starting, "ROLES", ("member",))
    rights = bench_rights(sites, ROWS, dimension=DIMENSION, seconds=0.5, rounds=2)
    verified = bench_verify(sites, ROWS, dimension=DIMENSION, alone_seconds=0.2)
    started = starting.bench_starting(sites, [ROWS // 2, ROWS], dimension=DIMENSION, starts=1)

    assert rights["changes"]["ratio"] > 0
    assert rights["readers"]["beside_per_second"] > 0
    assert verified["problems"] == 0
    assert verified["uploads"] > 0
    assert verified["peak_private_mb"] > 0
    assert len(started["starts"]) == 4
    told = site_figures({"rights": [rights], "verify": [verified], "starting": [started]})
    assert [line[1] for line in told] == ["1.3", "40 ms", "0.8", "1,000 ms", "300 MB", "500 ms", "100 ms"]
