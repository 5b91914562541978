"""Inputs that are written without templates are those that Django's templates write."""

import pytest
from django import forms
from django.forms.renderers import get_default_renderer

from gallery.admin.quick_inputs import QuickInputs


class Odd(forms.Form):
    number = forms.IntegerField(min_value=0)
    hidden = forms.CharField(widget=forms.HiddenInput(attrs={"data-a": '"<&', "hidden": True, "title": False}))
    box = forms.BooleanField(required=False)
    text = forms.CharField(help_text="shown by a template")
    choice = forms.ChoiceField(choices=[("a", "b")])


@pytest.mark.parametrize(
    "sent", [None, {}, {"number": "-1", "hidden": '"<b>', "box": "on"}, {"number": "x", "text": "a"}]
)
def test_inputs_are_those_of_djangos_templates(sent):
    quick, slow = (Odd(sent, prefix="p-0", renderer=renderer) for renderer in (QuickInputs(), get_default_renderer()))

    for field in Odd.base_fields:
        assert str(quick[field]) == str(slow[field])
        assert quick[field].errors.as_ul() == slow[field].errors.as_ul()
