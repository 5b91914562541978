import secrets
from typing import Any

from gallery.encoders.registry import OFFLINE
from gallery.error_messages import sentence
from gallery.errors import EncoderRevisionMismatch
from gallery.management.command import GalleryCommand, Report
from gallery.models import OPERATOR, Image, User
from gallery.services.accounts import add_account
from gallery.services.embedding.claimed_images import embed_pending
from gallery.services.embedding.encoder_in_use import current_encoder, current_encoder_name
from gallery.services.folding import fold_waiting_texts
from gallery.services.samples import bring_in_samples

ADMINISTRATOR = "admin"


class Command(GalleryCommand):
    help = "Make a new site ready: the first administrator (password shown once) and sample pictures if it is empty."

    def run(self, **options: Any) -> Report:
        owner = User.objects.filter(is_superuser=True).order_by("pk").first()
        password = None
        if owner is None:
            password = secrets.token_urlsafe(12)
            owner = add_account(ADMINISTRATOR, by=OPERATOR, password=password, is_superuser=True)
        samples = bring_in_samples(owner=owner, by=OPERATOR)
        outdated = _outdated()
        waiting = 0 if outdated else Image.objects.pending().count()
        fold_waiting_texts()
        if waiting:
            with self.progress(waiting, "picture") as advance:
                embed_pending(progress=advance)
        return {
            "administrator": owner.get_username(),
            "password": password,
            "samples": samples,
            "encoder": current_encoder_name(),
            "outdated": outdated,
        }

    def describe(self, report: Report) -> str:
        lines = [f"Encoder: {report['encoder']}."]
        if report["outdated"]:
            lines.append(f"Nothing can be searched yet. {report['outdated']}")
        if report["samples"]:
            lines.append(f"{report['samples']} sample pictures were added; anyone may search them.")
        if report["password"]:
            lines.append(f"Sign in as “{report['administrator']}” with the password {report['password']}")
            lines.append("This password is shown only now. Change it after signing in.")
        return "\n".join(lines)


def _outdated() -> str:
    """Return what to do about an index that an earlier version of `offline` made; models of the hub are pinned."""
    if current_encoder_name() != OFFLINE:
        return ""
    try:
        current_encoder()
    except EncoderRevisionMismatch as error:
        return sentence(error)
    return ""
