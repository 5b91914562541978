import json

import pytest

from gallery.errors import InvalidQueryFile, UnreadablePath
from gallery.measuring.quality import LabelledQuery, read_queries

GOOD = {"query": "a dog", "lang": "en", "relevant": ["1.jpg"]}


def query_file(tmp_path, content):
    path = tmp_path / "queries.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_read_queries_reads_the_documented_format_and_leaves_other_keys_alone(tmp_path):
    rows = [
        {"query": " 一只  猫 ", "lang": "zh", "relevant": ["a.jpg", "b.jpg"], "group": "cat", "by": "me"},
        {"query": "un chien", "lang": "fr", "relevant": []},
    ]
    path = query_file(tmp_path, {"description": "for a test", "queries": rows, "labels": {}})

    assert read_queries(path) == [
        LabelledQuery("一只 猫", "zh", frozenset({"a.jpg", "b.jpg"}), "cat"),
        LabelledQuery("un chien", "fr", frozenset()),
    ]


def test_read_queries_reads_a_file_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "queries.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"queries": [GOOD]}).encode())

    assert [query.text for query in read_queries(path)] == ["a dog"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it is not JSON ("),
        ("{", "it is not JSON ("),
        ("[" * 100_000, "it is not JSON ("),
        ("[]", "it has no list “queries”."),
        ({"queries": {}}, "it has no list “queries”."),
        ({"queries": []}, "its list “queries” is empty."),
        ({"queries": [GOOD, 5]}, "query 2 is not an object."),
        ({"queries": [{"query": "x"}]}, "query 1 has no “lang”."),
        ({"queries": [GOOD, GOOD, {**GOOD, "query": 5}]}, "query 3 has a “query” that is not a text."),
        ({"queries": [{**GOOD, "lang": ["en"]}]}, "query 1 has a “lang” that is not a text."),
        ({"queries": [{**GOOD, "lang": ""}]}, "query 1 has a “lang” that is not a text."),
        ({"queries": [{"query": "x", "lang": "en"}]}, "query 1 has no “relevant”."),
        ({"queries": [{**GOOD, "relevant": "1.jpg"}]}, "query 1 has a “relevant” that is not a list of file names."),
        ({"queries": [{**GOOD, "relevant": [5]}]}, "query 1 has a “relevant” that is not a list of file names."),
        ({"queries": [{**GOOD, "query": "?!"}]}, "query 1 cannot be searched for (“?!” has no letters or digits."),
        ({"queries": [{**GOOD, "query": "x" * 501}]}, "query 1 cannot be searched for (The search has 501 characters;"),
    ],
)
def test_read_queries_says_what_is_wrong_with_the_file(tmp_path, content, reason):
    with pytest.raises(InvalidQueryFile) as caught:
        read_queries(query_file(tmp_path, content))

    assert f"queries.json” is not a query file: {reason}" in str(caught.value)


def test_read_queries_names_the_first_wrong_ones_by_position_and_counts_the_rest(tmp_path):
    rows = [{}, GOOD, [], {"query": "x"}, 1, 2]

    with pytest.raises(InvalidQueryFile) as caught:
        read_queries(query_file(tmp_path, {"queries": rows}))

    told = "query 1 has no “query”; query 3 is not an object; query 4 has no “lang”; and 2 more."
    assert told in str(caught.value)


def test_read_queries_refuses_what_is_not_text(tmp_path):
    path = tmp_path / "queries.json"
    path.write_bytes(b'{"queries": "\xff\xfe"}')

    with pytest.raises(InvalidQueryFile, match="it is not text in UTF-8"):
        read_queries(path)


def test_read_queries_says_which_file_is_missing(tmp_path):
    with pytest.raises(UnreadablePath, match="nowhere"):
        read_queries(tmp_path / "nowhere")
    with pytest.raises(UnreadablePath, match="it is a folder, not a file"):
        read_queries(tmp_path)
