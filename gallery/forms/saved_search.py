"""Giving a search a name."""

from django import forms
from django.http import QueryDict
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from gallery.models.saved_search import MAX_NAME_CHARACTERS

from .search import SearchForm


def searched(query: str) -> SearchForm:
    """Return the form of the address of a search: what stands behind its `?`."""
    return SearchForm(QueryDict(query))


def query_to_keep(form: SearchForm) -> str:
    """Return what stands behind the `?` of a search, without the place in its results."""
    return urlencode(form.address)


class NameForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=MAX_NAME_CHARACTERS)


class SavedSearchForm(NameForm):
    query = forms.CharField(widget=forms.HiddenInput, max_length=20_000)

    def clean_query(self) -> str:
        form = searched(self.cleaned_data["query"].removeprefix("?"))
        if not form.is_asked or not form.is_valid():
            raise forms.ValidationError(form.sentences or [_("Search for something first.")])
        return query_to_keep(form)
