"""Every error says one sentence to people, with its values in it."""

import errno
import re
from collections.abc import Iterator

import pytest
from django.db import IntegrityError, OperationalError
from django.utils import translation

from gallery import errors
from gallery.error_messages import as_validation_error, known_error, sentence
from gallery.errors import (
    DatabaseBusy,
    FileTooLarge,
    ImageSearchError,
    Phrase,
    StorageFull,
    StorageNotWritable,
    readable,
)

PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def _kinds(parent: type[ImageSearchError] = ImageSearchError) -> Iterator[type[ImageSearchError]]:
    yield parent
    for child in parent.__subclasses__():
        yield from _kinds(child)


KINDS = sorted({kind for kind in _kinds() if kind.__module__.startswith(errors.__name__)}, key=str)


def test_there_are_errors():
    assert len(KINDS) > 25


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_error_says_a_sentence_with_its_values(kind):
    details = {name: f"<{name}>" for name in PLACEHOLDER.findall(kind.message)}

    error = kind(**details)

    assert "%(" not in str(error)
    assert all(value in str(error) for value in details.values())
    assert str(error)[0].isupper() or str(error)[0] in "“<"
    # a sentence ends, except where a remedy of its own or a command to type comes last
    assert re.search(r"([.!]|<remedy>|<location>|: manage\.py [^.]*)$", str(error)), str(error)
    assert 400 <= kind.http_status <= 599
    assert re.fullmatch(r"[a-z0-9_]+", kind.code)


def test_no_two_errors_share_a_code():
    codes = [kind.code for kind in KINDS]

    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (181_000_000, "181,000,000"),
        (-1234, "-1,234"),
        (True, True),
        (1.5, 1.5),
        ("short", "short"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 299 + "…"),
        (None, None),
    ],
)
def test_readable_numbers_have_separators_and_long_texts_an_end(value, shown):
    assert readable(value) == shown


def test_sentence_is_translated_with_the_values_filled_in(monkeypatch):
    monkeypatch.setattr(
        "gallery.error_messages.gettext", lambda message: "限制 %(limit_bytes)s" if "limit" in message else ""
    )
    with translation.override("zh-hans"):
        assert sentence(FileTooLarge(size_bytes=2_000, limit_bytes=1_000)) == "限制 1,000"


def test_form_says_an_error_and_its_reason_in_the_readers_language():
    error = StorageNotWritable(path="/data", reason=Phrase("the database is read-only"))

    with translation.override("zh-hans"):
        said = as_validation_error(error)

    assert said.code == "storage_not_writable"
    assert said.messages == ["无法写入数据文件夹“/data”（数据库是只读的）。请修正其权限，或设置 IMAGESEARCH_DATA_DIR。"]


def test_a_percent_sign_in_a_value_is_only_text():
    assert "100%s" in str(errors.QueryWithoutWords(query="100%s %(query)s"))


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (OperationalError("database is locked"), DatabaseBusy),
        (OperationalError("deadlock detected\nDETAIL: ..."), DatabaseBusy),
        (OperationalError("canceling statement due to lock timeout"), DatabaseBusy),
        (OperationalError("database or disk is full"), StorageFull),
        (OperationalError("attempt to write a readonly database"), StorageNotWritable),
        (OperationalError("unable to open database file"), StorageNotWritable),
        (OSError(errno.ENOSPC, "No space left on device"), StorageFull),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), StorageFull),
        (StorageFull(), StorageFull),
    ],
    ids=str,
)
def test_doors_know_what_a_person_can_act_on(raised, kind):
    assert type(known_error(raised)) is kind


@pytest.mark.parametrize(
    "raised", [ValueError("x"), IntegrityError("UNIQUE"), OperationalError("syntax error"), OSError(errno.EIO, "I/O")]
)
def test_doors_leave_our_own_defects_alone(raised):
    assert known_error(raised) is None


def test_a_read_only_database_names_the_data_folder(data_dir):
    error = known_error(OperationalError("attempt to write a readonly database"))

    assert str(data_dir) in str(error) or "..." in str(error)


def test_an_id_in_a_sentence_is_not_grouped_like_an_amount():
    error = errors.NotSearchable(image_id=34_690, status="pending")

    assert "34690" in str(error)
