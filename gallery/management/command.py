"""What every command of the gallery keeps to: `--json` is one object on stdout, failure is one plain sentence."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, OperationalError
from tqdm import tqdm

from gallery.error_messages import known_error, sentence
from gallery.errors import UnknownUser
from gallery.models import OPERATOR, User
from gallery.services.accounts import add_account
from gallery.services.embedding.waiting_images import ImageFailure
from gallery.services.import_jobs import FileFailure, SkippedFile
from gallery.text.one_line import one_line

LIBRARY = "library"
INTERRUPTED_STATUS = 130  # what shells give a program that Ctrl-C ended
Report = dict[str, Any]


class SentenceParser(CommandParser):
    """Says what is wrong with the arguments in one sentence, where argparse prints its whole usage before it."""

    def error(self, message: str) -> NoReturn:
        if not self.called_from_command_line:
            super().error(message)
        self.exit(2, f"CommandError: {message[0].upper()}{message[1:]}. See: {self.prog} --help\n")


class GalleryCommand(BaseCommand):
    """Subclasses return a report from `run` and say it to people in `describe`; `failed` decides the exit status."""

    parser_class: type[CommandParser] = SentenceParser
    requires_system_checks: (
        list[str] | Literal["__all__"]
    ) = []  # they are for `check` and start-up, not for stdout of a script

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = self.parser_class  # Django names the class itself
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
        self.add_own_arguments(parser)

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments of this command."""

    def run(self, **options: Any) -> Report:
        """Do the work and return what `--json` prints."""
        raise NotImplementedError

    def describe(self, report: Report) -> str:
        """Return the report as a person reads it."""
        return "\n".join(f"{name}: {value}" for name, value in report.items())

    def failed(self, report: Report) -> bool:
        """Say whether the command ends with status 1 although it ran to its end."""
        return False

    def handle(self, *args: Any, **options: Any) -> None:
        self.quiet = options["verbosity"] == 0
        report = self._run(**options)
        self.stdout.write(json.dumps(report) if options["json"] else self.describe(_on_one_line(report)))
        if self.failed(report):
            sys.exit(1)

    def _run(self, **options: Any) -> Report:
        try:
            return self.run(**options)
        except CommandError:
            raise
        except KeyboardInterrupt:
            stopped = "Stopped before the end. Run it again: nothing is lost or doubled."
            raise CommandError(stopped, returncode=INTERRUPTED_STATUS) from None
        except MemoryError as error:
            raise CommandError("This machine has not enough memory for that.") from error
        except Exception as error:
            known = known_error(error)
            if known is not None:
                raise CommandError(one_line(sentence(known))) from error
            if isinstance(error, DatabaseError) and lacks_tables(str(error)):
                raise CommandError("The database has no tables yet. Run: manage.py migrate") from error
            if isinstance(error, OperationalError):
                raise CommandError(f"The database cannot be used: {str(error).strip()}.") from error
            raise

    @contextmanager
    def progress(self, total: int, unit: str) -> Iterator[Callable[[int], None]]:
        """Yield a function that moves a progress bar on stderr forward; only a terminal sees a moving one."""
        with tqdm(total=total, unit=unit, file=sys.stderr, disable=self.quiet or None, mininterval=0.5) as bar:
            yield lambda count: _advance(bar, count)


def _on_one_line(part: Any) -> Any:
    """Return a part of a report as a terminal may be sent it: names of files hold line ends and terminals' commands."""
    if isinstance(part, str):
        return one_line(part)
    if isinstance(part, dict):
        return {name: _on_one_line(value) for name, value in part.items()}
    return [_on_one_line(each) for each in part] if isinstance(part, list) else part


def printed_files(failures: Iterable[FileFailure]) -> list[dict[str, str]]:
    return [{"path": failure.path, "error": failure.error.message} for failure in failures]


def printed_skips(skipped: Iterable[SkippedFile]) -> list[dict[str, str]]:
    """Return what was left out: `kind` is for programs, `reason` for people."""
    return [{"path": each.path, "kind": each.reason.code, "reason": each.reason.message} for each in skipped]


def skipped_lines(report: Report) -> list[str]:
    return [f"  Skipped: {each['path']}: {each['reason']}" for each in report["skipped"]]


def printed_images(failures: Iterable[ImageFailure]) -> list[dict[str, str | int]]:
    return [{"id": failure.image_id, "name": failure.name, "error": failure.error.message} for failure in failures]


def lacks_tables(reason: str) -> bool:
    """Know what SQLite and PostgreSQL say before, or in the middle of, the migrations."""
    return any(words in reason for words in ("no such table", "no such column", 'relation "', 'column "'))


def _advance(bar: Any, count: int) -> None:
    bar.update(count)


def given_path(text: str) -> Path:
    """Return the path of an argument. An empty one, as of a variable that is not set, is not the folder one is in."""
    if not text:
        raise ArgumentTypeError("a path must not be empty")
    return Path(text)


def named_user(username: str) -> User:
    """Return the user of this name, in any case. Raises UnknownUser."""
    user = User.objects.filter(username__iexact=username).first()
    if user is None:
        raise UnknownUser(username=username)
    return user


def owner_named(username: str | None) -> User:
    """Return the named user; without a name the oldest administrator, else the account “library”, made if missing."""
    if username is not None:
        return named_user(username)
    administrator = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if administrator is not None:
        return administrator
    library = User.objects.filter(username__iexact=LIBRARY).first()
    return library or add_account(LIBRARY, by=OPERATOR)
