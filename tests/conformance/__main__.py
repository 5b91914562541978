"""Ask the API everything that its schema promises and forbids, as each role, with all of schemathesis's checks.

    python -m tests.conformance                               every role, 100 examples an operation
    python -m tests.conformance --role member --examples 20   one of them: anonymous, member, reader, curator

Each role meets a server and a library of its own, which are gone afterwards. What follows `--` is handed on to
schemathesis: `-- --include-path-regex search --report json`.
"""

import argparse
import sys
import tempfile

from .asking import ask
from .roles import ROLES


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--role", choices=("all", *ROLES), default="all")
    parser.add_argument("--examples", type=int, default=100, metavar="N", help="for each operation and phase")
    parser.add_argument("--seed", type=int, default=1, help="another number asks other questions")
    parser.add_argument("more", nargs="*", metavar="-- ...", help="options of schemathesis")
    return parser


def main(words: list[str]) -> int:
    options = arguments().parse_args(words)
    roles = ROLES if options.role == "all" else [options.role]
    failed = [role for role in roles if not _passes(role, options)]
    print(f"\nroles that failed: {', '.join(failed) or 'none'}")
    return bool(failed)


def _passes(role: str, options: argparse.Namespace) -> bool:
    from .server import library_and_server

    print(f"\n{role}", flush=True)
    with tempfile.TemporaryDirectory(prefix="imagesearch-conformance-") as folder, library_and_server(folder) as site:
        run = ask(site, role, examples=options.examples, seed=options.seed, more=options.more, capture=False)
    return run.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
