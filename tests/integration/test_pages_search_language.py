"""The search page and the language of its box: mistakes, hints, parts that can be taken away, orders, further pages."""

import re
from datetime import date
from html import unescape
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.test import Client

from gallery.models import Image, Visibility
from gallery.retrieval.language import format as written
from gallery.retrieval.language import parse
from tests.conftest import drawn_picture
from tests.pages import as_user, images_on, text_of

COLOURS = ("red", "lime", "blue", "white", "black")


def links_on(page, text: str) -> list[str]:
    """Return the addresses of the links with this text, in order."""
    found = re.findall(r'<a[^>]* href="([^"]*)"[^>]*>((?:(?!</a>).)*)</a>', text_of(page))
    return [unescape(address) for address, inner in found if re.sub(r"<[^>]*>", "", unescape(inner)).strip() == text]


def query_of(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


@pytest.fixture
def coloured(alice, upload, quick_encoder) -> dict[str, int]:
    """Pictures of alice by their colours, oldest first; red and blue are “warm” and “cold”."""
    tags = {"red": "warm,red", "blue": "cold"}
    return {
        colour: upload(alice, f"{colour}.png", content=drawn_picture(colour), tags=tags.get(colour, "")).pk
        for colour in COLOURS
    }


# Mistakes


def test_a_mistake_is_marked_where_it_stands_and_its_remedy_is_a_link(db):
    page = Client().get("/search/", {"q": "雪 is:portrat red", "view": "table"})

    assert page.status_code == 400
    assert 'id="q" name="q" value="雪 is:portrat red"' in text_of(page)
    assert "</span>雪 <mark>is:portrat</mark> red</p>" in text_of(page)
    assert "“is:portrat” is no filter" in text_of(page)
    [corrected] = links_on(page, "Search for “雪 is:portrait red”")
    assert query_of(corrected) == {"q": ["雪 is:portrait red"], "view": ["table"]}
    [plain] = links_on(page, "Search for the plain words instead")
    assert query_of(plain) == {"words": ["雪 is:portrat red"], "view": ["table"]}


def test_a_mistake_without_a_known_remedy_offers_the_plain_words_alone(db):
    page = Client().get("/search/", {"q": "width:wide"})

    assert "<mark>width:wide</mark>" in text_of(page)
    assert links_on(page, "Search for “width:wide”") == []
    assert len(links_on(page, "Search for the plain words instead")) == 1


def test_what_is_no_words_either_is_not_offered_as_words(db):
    page = Client().get("/search/", {"q": '""'})

    assert page.status_code == 400
    assert links_on(page, "Search for the plain words instead") == []


def test_a_mistake_in_a_long_query_shows_what_is_around_it(db):
    page = Client().get("/search/", {"q": "x " * 200 + "cat -"})

    assert "…" in text_of(page).partition("<mark>")[0].rpartition("</span>")[2]
    assert "<mark>-</mark></p>" in text_of(page)


def test_a_mistake_is_said_in_chinese(db):
    page = Client().get("/search/", {"q": "cat OR"}, headers={"accept-language": "zh-hans"})

    assert len(links_on(page, "改为按普通文字搜索")) == 1


def test_plain_words_are_searched_for_and_the_page_says_so(alice, coloured):
    page = as_user(alice).get("/search/", {"words": "red is:portrat"})

    assert page.status_code == 200
    assert 'id="q" name="q" value="red is:portrat"' in text_of(page)
    assert "as plain words" in text_of(page)
    assert images_on(page)[0] == coloured["red"]


@pytest.mark.parametrize("query", ["like:{secret}", f"picture:{UUID(int=1)}", "like:999999"])
def test_what_one_may_not_search_with_is_a_mistake_like_any_other(alice, charlie, upload, quick_encoder, query):
    secret = upload(alice, content=drawn_picture("red")).pk
    typed = query.format(secret=secret)

    page = as_user(charlie).get("/search/", {"q": f"red {typed}"})

    assert page.status_code == 404
    assert f"<mark>{typed}</mark>" in unescape(text_of(page))
    assert 'name="q"' in text_of(page)


def test_a_filter_one_slip_away_is_offered(alice, coloured):
    page = as_user(alice).get("/search/", {"q": "red tga:warm", "top": "10"})

    assert page.status_code == 200
    [address] = links_on(page, "tag:warm")
    assert query_of(address) == {"q": ["red tag:warm"], "top": ["10"]}


# Parts


def test_each_part_of_a_query_can_be_taken_away(alice, coloured):
    page = as_user(alice).get("/search/", {"q": "red tag:warm -lime -(tag:a tag:b)", "top": "10"})

    chips = re.findall(r'class="tag chip" href="([^"]*)">.*?</span><span>([^<]*)</span>', text_of(page))
    assert [(label, query_of(unescape(address))) for address, label in chips] == [
        ("red", {"q": ["tag:warm -lime -(tag:a tag:b)"], "top": ["10"]}),
        ("Tag: warm", {"q": ["red -lime -(tag:a tag:b)"], "top": ["10"]}),
        ("Not: lime", {"q": ["red tag:warm -(tag:a tag:b)"], "top": ["10"]}),
        ("Not: tag:a tag:b", {"q": ["red tag:warm -lime"], "top": ["10"]}),
    ]


def test_a_sentence_alone_has_no_parts(alice, coloured):
    assert 'class="tag chip"' not in text_of(as_user(alice).get("/search/?q=red"))


def test_the_parts_of_an_old_address_can_be_taken_away(alice, coloured):
    page = as_user(alice).get(f"/search/?q=red&tag=warm,red&like={coloured['blue']}")

    chips = re.findall(r'class="tag chip" href="([^"]*)">.*?</span><span>([^<]*)</span>', text_of(page))
    assert [label for _address, label in chips] == ["Tag: warm", "Tag: red"]
    assert query_of(unescape(chips[0][0])) == {"q": ["red"], "like": [str(coloured["blue"])], "tag": ["red"]}
    [without] = links_on(page, "Search without this picture")
    assert query_of(without) == {"q": ["red"], "tag": ["warm,red"]}


def test_a_picture_asked_for_in_the_query_is_shown_and_can_be_taken_away(alice, coloured):
    page = as_user(alice).get("/search/", {"q": f"red like:{coloured['blue']}"})

    assert "Similar to blue.png" in text_of(page)
    [without] = links_on(page, "Search without this picture")
    assert query_of(without) == {"q": ["red"]}


# Filters alone, orders, further pages


def test_exclusions_alone_list_all_others(alice, coloured):
    page = as_user(alice).get("/search/?q=-tag:warm -tag:cold")

    assert images_on(page) == [coloured[colour] for colour in ("black", "white", "lime")]
    assert "3 pictures" in text_of(page)


@pytest.mark.parametrize(
    ("order", "colours"),
    [
        ("", ["black", "white", "blue", "lime", "red"]),
        ("newest", ["black", "white", "blue", "lime", "red"]),
        ("oldest", ["red", "lime", "blue", "white", "black"]),
        ("name", ["black", "blue", "lime", "red", "white"]),
    ],
)
def test_a_list_is_in_the_order_asked_for(alice, coloured, order, colours):
    page = as_user(alice).get("/search/", {"q": "-tag:nothing", "order": order})

    assert images_on(page) == [coloured[colour] for colour in colours]
    assert f'<option value="{order or "newest"}" selected>' in text_of(page)
    assert 'value="relevance"' not in text_of(page)


def test_a_list_goes_on_behind_its_page(alice, coloured, monkeypatch):
    monkeypatch.setattr("gallery.views.paging.PAGE_SIZE", 2)
    client = as_user(alice)

    first = client.get("/search/?q=-tag:nothing&order=name")
    [onward] = links_on(first, "Next")
    second = client.get(f"/search/{onward}")

    assert images_on(first) == [coloured["black"], coloured["blue"]]
    assert images_on(second) == [coloured["lime"], coloured["red"]]
    assert len(links_on(second, "Previous")) == 1


def test_nothing_left_offers_to_take_each_part_away(alice, coloured):
    for query in ("tag:warm tag:cold", "red tag:warm tag:cold"):
        page = as_user(alice).get("/search/", {"q": query})

        assert page.status_code == 200
        assert "Nothing is left" in text_of(page)
        [without] = links_on(page, "Without “Tag: warm”")
        assert query_of(without)["q"] == [query.replace("tag:warm ", "")]


def test_an_order_other_than_relevance_lists_what_surely_matches_and_says_so(alice, coloured):
    page = as_user(alice).get("/search/?q=red&order=name")

    assert images_on(page) == [coloured["black"], coloured["red"]]
    assert "only what surely matches is listed" in text_of(page)
    assert '<option value="name" selected>' in text_of(page)
    assert '<input type="hidden" name="q" value="red">' in text_of(page)


def test_an_order_without_anything_sure_offers_the_nearest(alice, coloured):
    page = as_user(alice).get("/search/?q=red tag:cold&order=name")

    assert images_on(page) == []
    [nearest] = links_on(page, "Show the nearest pictures")
    assert query_of(nearest) == {"q": ["red tag:cold"]}


def test_an_unknown_order_is_refused(db):
    assert Client().get("/search/?q=red&order=beauty").status_code == 400


def test_results_go_on_behind_their_page_to_the_last(alice, coloured):
    client, found, address = as_user(alice), [], "?q=red&top=2"
    pages = 0

    while address:
        page = client.get(f"/search/{address}")
        found += images_on(page)
        address = next(iter(links_on(page, "More results")), "")
        pages += 1

    assert found == images_on(client.get("/search/?q=red&top=5"))
    assert sorted(found) == sorted(coloured.values())
    assert pages == 3


def test_more_results_are_a_part_of_the_page_for_scripts(alice, coloured):
    client = as_user(alice)
    [onward] = links_on(client.get("/search/?q=red&top=3"), "More results")

    part = client.get(f"/search/{onward}", headers={"HX-Request": "true", "HX-Target": "more-less-likely"})

    assert "<html" not in text_of(part)
    assert len(images_on(part)) == 2
    assert '<details class="less-likely"' not in text_of(part)


def test_more_results_that_begin_below_the_line_are_unfolded(alice, coloured):
    client = as_user(alice)
    [onward] = links_on(client.get("/search/?q=red&top=2"), "More results")

    part = client.get(f"/search/{onward}", headers={"HX-Request": "true", "HX-Target": "more-likely"})

    assert '<template><div id="less-likely" hx-swap-oob="true">' in text_of(part)
    assert '<details class="less-likely" open>' in text_of(part)


def test_more_results_of_the_table_are_rows(alice, coloured):
    page = as_user(alice).get("/search/?q=red&top=3&view=table")

    assert '<tr class="tiles-more" id="more-less-likely">' in text_of(page)


def test_a_cursor_of_another_search_is_refused(alice, coloured):
    client = as_user(alice)
    [onward] = links_on(client.get("/search/?q=red&top=2"), "More results")

    assert client.get(f"/search/{onward.replace('q=red', 'q=blue')}").status_code == 400
    assert client.get("/search/?q=red&cursor=abc").status_code == 404


def test_everybody_lists_what_they_may_see(alice, bob, visitors, upload, share):
    public = upload(alice, "coffee.png", visibility=Visibility.PUBLIC)
    shared = upload(alice, "rocket.jpg", visibility=Visibility.SHARED)
    share(shared, bob)
    private = upload(alice, "chelsea.png")

    found = {name: set(images_on(client.get("/search/?q=-tag:nothing"))) for name, client in visitors.items()}

    assert found == {
        "alice": {public.pk, shared.pk, private.pk},
        "bob": {public.pk, shared.pk},
        "charlie": {public.pk},
        "staff": {public.pk, shared.pk, private.pk},
        "anonymous": {public.pk},
    }


# Narrowing


def narrowings_on(page) -> dict[str, dict[str, tuple[int, str]]]:
    """Return the count and the address of each value, by the names of fields."""
    found = {}
    for facet in re.findall(r'<details class="facet">(.*?)</details>', text_of(page)):
        name = re.search(r"<summary>(.*?)</summary>", facet)
        links = re.findall(r'href="([^"]*)"><span>(.*?)</span><span[^>]*>(\d+)</span>', facet)
        found[name[1]] = {label: (int(count), unescape(address)) for address, label, count in links}
    return found


def test_what_is_listed_is_narrowed_by_links_with_their_counts(alice, coloured):
    client = as_user(alice)

    narrowings = narrowings_on(client.get("/search/", {"q": "owner:me", "order": "name"}))

    assert {label: count for label, (count, _address) in narrowings["Tag"].items()} == {"cold": 1, "red": 1, "warm": 1}
    assert "Format" not in narrowings  # all are of one
    narrower = narrowings["Tag"]["warm"][1]
    assert query_of(narrower) == {"q": ["owner:me tag:warm"], "order": ["name"]}
    assert images_on(client.get(f"/search/{narrower}")) == [coloured["red"]]


def test_what_a_search_is_sure_of_is_narrowed(alice, coloured):
    client = as_user(alice)

    narrowings = narrowings_on(client.get("/search/?q=red OR blue"))
    count, narrower = narrowings["Tag"]["cold"]

    assert count == 1
    assert query_of(narrower) == {"q": ["(red OR blue) tag:cold"]}
    assert "Tag" not in narrowings_on(client.get(f"/search/{narrower}"))


def test_everybody_narrows_among_what_they_may_see(alice, charlie, upload, quick_encoder):
    for colour, visibility in (("red", Visibility.PUBLIC), ("blue", Visibility.PUBLIC), ("lime", Visibility.PRIVATE)):
        upload(alice, content=drawn_picture(colour), tags=f"{colour},secret", visibility=visibility)

    tags = {
        name: {label: count for label, (count, _) in narrowings_on(client.get("/search/?q=owner:alice"))["Tag"].items()}
        for name, client in {"alice": as_user(alice), "charlie": as_user(charlie), "nobody": Client()}.items()
    }

    assert tags == {
        "alice": {"blue": 1, "lime": 1, "red": 1},
        "charlie": {"blue": 1, "red": 1},
        "nobody": {"blue": 1, "red": 1},
    }


def test_results_lead_to_more_and_to_less_like_them(alice, coloured):
    page = as_user(alice).get("/search/", {"q": "red tag:warm", "top": "10"})

    red = coloured["red"]
    assert [query_of(link)["q"] for link in links_on(page, "More like this")] == [[f"red tag:warm like:{red}"]]
    assert [query_of(link)["q"] for link in links_on(page, "Less like this")] == [[f"red tag:warm -like:{red}"]]


def test_more_like_a_picture_takes_less_like_it_back(alice, coloured):
    blue = coloured["blue"]
    page = as_user(alice).get("/search/", {"q": f"tag:cold -like:{coloured['red']}"})

    assert [query_of(link)["q"] for link in links_on(page, "More like this")] == [
        [f"tag:cold -like:{coloured['red']} like:{blue}"]
    ]
    other = as_user(alice).get("/search/", {"q": f"-like:{blue}"}).context["page"]
    assert query_of(other.address_like(Image(pk=blue), is_less=False)) == {"q": [f"like:{blue}"]}


def test_results_say_on_request_why_they_are_here(alice, coloured):
    page = text_of(as_user(alice).get("/search/", {"q": "red tag:warm -is:portrait"}))

    [why] = re.findall(
        r'<summary>Why this one\?<span class="visually-hidden"> red\.png</span></summary> <ul>(.*?)</ul>', page
    )
    assert re.findall(r"<li>(.*?)</li>", why) == ["Looks like: red", "Tag: warm", "Not: Portrait"]


# The empty page


@pytest.mark.parametrize(
    ("language", "meant"),
    [
        (
            "en",
            [
                "a dog on the grass",
                "dog -person",
                "cat OR rabbit",
                '"for sale"',
                "tag:holiday is:landscape",
                "sunset taken:>=2023",
            ],
        ),
        (
            "zh-hans",
            ["草地上的狗", "狗 -人", "猫 OR 兔子", '"出售"', "tag:假期 is:landscape", "日落 taken:>=2023"],
        ),
    ],
)
def test_the_empty_page_says_by_example_what_one_can_write(db, language, meant):
    page = Client().get("/search/", headers={"accept-language": language})

    examples = re.findall(r'<dt><a class="tag" href="([^"]*)">([^<]*)</a></dt><dd>[^<]+</dd>', text_of(page))
    queries = [unescape(query) for _, query in examples]
    assert [query_of(unescape(address)) for address, _ in examples] == [{"q": [query]} for query in queries]
    assert [written(parse(query, date(2024, 5, 1))) for query in queries] == meant
