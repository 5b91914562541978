from argparse import ArgumentParser
from typing import Any

from gallery.management.command import GalleryCommand, Report, named_user
from gallery.models import OPERATOR
from gallery.services.accounts import issue_token


class Command(GalleryCommand):
    help = "Make a token for a program. It is shown once and stored as a hash."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER")
        parser.add_argument("--read-only", action="store_true", help="the token may not change anything")
        parser.add_argument("--name", default="", help="what it is for")

    def run(self, **options: Any) -> Report:
        user = named_user(options["user"])
        return {"token": issue_token(user, by=OPERATOR, name=options["name"], read_only=options["read_only"])}
