"""Variables of earlier versions: who still sets one is told what takes its place."""

import pytest

from gallery.checks import REPLACED_BY, gone_variables_check
from imagesearch_project.env import still_set


def test_variable_that_is_gone_is_known_whatever_its_value(monkeypatch):
    monkeypatch.setenv("IMAGESEARCH_OLD", "")
    monkeypatch.delenv("IMAGESEARCH_OLDER", raising=False)

    assert still_set(["IMAGESEARCH_OLD", "IMAGESEARCH_OLDER"]) == ("IMAGESEARCH_OLD",)


@pytest.mark.parametrize("name", REPLACED_BY)
def test_check_warns_of_a_variable_that_is_gone(settings, name):
    settings.GONE_VARIABLES = (name,)

    [warning] = gone_variables_check(None)

    assert warning.id == "gallery.W007"
    assert warning.msg == f"{name} is set, and means nothing any more."
    assert "manage.py work" in warning.hint


def test_check_says_nothing_where_none_is_set(settings):
    settings.GONE_VARIABLES = ()

    assert gone_variables_check(None) == []
