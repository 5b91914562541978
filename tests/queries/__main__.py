"""Ask thousands of generated queries: every door must answer alike, and as the reference does.

    python -m tests.queries                         2,000 queries, each as one of five users, half an hour
    python -m tests.queries --count 500 --seed 2    others

It prints how often each construct of the language is among them, and what was found of them.
"""

import argparse
import os
import sys

import pytest

TESTS = "tests/integration/test_generated_queries.py"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.queries", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=2_000, metavar="N", help="queries (default: 2000)")
    parser.add_argument("--seed", type=int, default=1, help="another number asks other queries")
    options = parser.parse_args(words)
    os.environ |= {"IMAGESEARCH_TEST_QUERIES": str(options.count), "IMAGESEARCH_TEST_QUERY_SEED": str(options.seed)}
    return pytest.main([TESTS, "-q", "-s", "-p", "no:cacheprovider"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
