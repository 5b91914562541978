"""python -m tests.benchmarks.make_library ROWS DIMENSION [VECTORS | --again]: make a library, or migrate one.

Of VECTORS, the folder of a library of the same size, the files are shared.
"""

import sys
import threading
from pathlib import Path

from .environment import set_up

set_up()

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client

from .large_library import make_large_library


def main() -> None:
    settings.ALLOWED_HOSTS = ["*"]
    rows, dimension, *rest = sys.argv[1:]
    call_command("migrate", verbosity=0)
    if rest != ["--again"]:
        vectors = Path(rest[0]) if rest else None
        make_large_library(int(rows), dimension=int(dimension), queries=0, vectors=vectors)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as autovacuum does, which the tests' server goes without
    call_command("refresh_statistics", stdout=sys.stderr)  # as the site does by itself when much has changed
    let_columns_be_written()


def let_columns_be_written() -> None:
    """Ask for a page, as somebody does after a start, and wait for the thread that this may have started."""
    Client().get("/")
    for thread in threading.enumerate():
        if thread.name == "columns":
            thread.join()


if __name__ == "__main__":
    main()
