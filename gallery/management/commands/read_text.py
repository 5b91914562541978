from argparse import ArgumentParser
from typing import Any

from gallery.management.command import GalleryCommand, Report, named_user
from gallery.models import OPERATOR, Image
from gallery.services.curation import read_again
from gallery.services.reading.state import INSTALL_READER, ReadingState, reading


class Command(GalleryCommand):
    help = "Have workers read once more what is written in pictures, and say how many wait for it."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--owner", help="only this member's pictures (default: everybody's)")
        parser.add_argument("--failed", action="store_true", help="only those that could not be read")

    def run(self, **options: Any) -> Report:
        images = Image.objects.searchable()
        if options["owner"] is not None:
            images = images.filter(owner=named_user(options["owner"]))
        if options["failed"]:
            images = images.filter(recognised_text__isnull=False, recognised_text__lines__isnull=True)
        count = read_again(images, by=OPERATOR)
        now = reading()
        return {"again": count, "waiting": now.waiting, "unreadable": now.unreadable, "state": now.state}

    def describe(self, report: Report) -> str:
        told = f"{report['again']} pictures will be read again by manage.py work; {report['waiting']} wait in all."
        if report["state"] == ReadingState.NOT_INSTALLED:
            return f"{told} But the packages for it are not installed. {INSTALL_READER}"
        return told if report["state"] == ReadingState.ON else f"{told} But IMAGESEARCH_READ_TEXT is off."
