"""What the process of a throw-away library runs: a question a line on stdin, answers on stdout, until stdin ends.

`{"verb": ..., values}` is answered by any number of `{"progress": count}` and one `{"answer": {...}}` or
`{"error": kind, "details": {...}}`. It is started as `python -m gallery.measuring.quality.library_main` by `library`,
with a data folder, and so a database, of its own: here Django is set up, and nowhere else in `quality` is it known.
"""

import json
import os
import sys
from typing import IO, Any

import django

from gallery.errors import ImageSearchError


def main() -> None:
    answers = _own_stdout()
    django.setup()
    from gallery.measuring.quality.searched_library import SearchedLibrary  # noqa: PLC0415 -- app ready

    library = SearchedLibrary(lambda count: _say(answers, {"progress": count}))
    for line in sys.stdin:
        _say(answers, _answer_to(json.loads(line), library))


def _own_stdout() -> IO[str]:
    """Move stdout away from where a library might print."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _answer_to(question: dict[str, Any], library: Any) -> dict[str, Any]:
    verb = getattr(library, question.pop("verb"))
    try:
        return {"answer": verb(**question)}
    except ImageSearchError as error:
        return {"error": type(error).__name__, "details": error.details}


def _say(answers: IO[str], said: dict[str, Any]) -> None:
    answers.write(json.dumps(said) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
