from django import forms
from django.utils.translation import gettext_lazy as _

ACCOUNT, PLAIN, WHOLE = "", "false", "true"
CHOICES = [
    (PLAIN, _("without position, serial numbers and other metadata")),
    (WHOLE, _("as it is, with position, serial numbers and all other metadata")),
]


class OriginalChoiceField(forms.TypedChoiceField):
    """What others get of an original: True whole, False without metadata, None as the account says."""

    def __init__(self) -> None:
        super().__init__(
            label=_("The original that others get"),
            required=False,
            choices=[(ACCOUNT, _("as my account says")), *CHOICES],
            coerce=lambda value: value == WHOLE,
            empty_value=None,
        )


def as_choice(gives_whole: bool | None) -> str:
    """Return what a form shows as chosen."""
    if gives_whole is None:
        return ACCOUNT
    return WHOLE if gives_whole else PLAIN
