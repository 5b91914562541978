"""Mails with a link to choose a new password."""

from collections.abc import Iterator

from django.contrib.auth.forms import PasswordResetForm
from django.utils.translation import override

from gallery.conf import gallery
from gallery.models import ActKind, CountedAct, User

TEMPLATES = "gallery/accounts/"


class LimitedResetForm(PasswordResetForm):
    def get_users(self, email: str) -> Iterator[User]:
        """Yield whose mails to this address are within the limit of an hour."""
        for user in super().get_users(email):
            limit = gallery().reset_mails_per_hour
            if not CountedAct.objects.seconds_to_wait(ActKind.RESET_MAIL, user.email.casefold(), limit=limit):
                yield user


def send_password_links(email: str, *, domain: str, is_https: bool, language: str) -> None:
    """Send a link to each account of this address; nothing if there is none, or too many were sent to it."""
    form = LimitedResetForm({"email": email})
    if not form.is_valid():
        return
    with override(language):
        form.save(
            domain_override=domain,
            use_https=is_https,
            subject_template_name=TEMPLATES + "password_reset_subject.txt",
            email_template_name=TEMPLATES + "password_reset_email.txt",
        )
