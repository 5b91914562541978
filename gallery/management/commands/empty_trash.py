from typing import Any

from gallery.conf import gallery
from gallery.management.command import GalleryCommand, Report
from gallery.models import OPERATOR
from gallery.services.curation import empty_old_trash


class Command(GalleryCommand):
    help = "Delete for good what has lain in anybody's trash for longer than IMAGESEARCH_TRASH_DAYS. Run it once a day."

    def run(self, **options: Any) -> Report:
        return {"deleted": empty_old_trash(by=OPERATOR)}

    def describe(self, report: Report) -> str:
        return f"{report['deleted']} pictures deleted that were in the trash for over {gallery().trash_days} days."
