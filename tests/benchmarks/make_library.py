"""python -m tests.benchmarks.make_library ROWS DIMENSION [VECTORS | --again]: make a library, or migrate one.

Of VECTORS, the folder of a library of the same size, the files are shared.
"""

import sys
from pathlib import Path

from .environment import set_up

set_up()

from django.core.management import call_command

from .large_library import make_large_library


def main() -> None:
    rows, dimension, *rest = sys.argv[1:]
    call_command("migrate", verbosity=0)
    if rest != ["--again"]:
        vectors = Path(rest[0]) if rest else None
        make_large_library(int(rows), dimension=int(dimension), queries=0, vectors=vectors)


if __name__ == "__main__":
    main()
