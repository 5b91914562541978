"""Every verb knows who acts, and nobody is the operator because an argument was forgotten."""

import ast
from collections.abc import Iterator

from tests.architecture.test_layers import files_with, sources

WRITES = {"bulk_create", "bulk_update", "create", "delete", "get_or_create", "save", "update", "update_or_create"}
# What the program does for everybody, whoever set it going: it judges no rights and is nobody's deed.
OF_THE_PROGRAM = {
    "gallery/services/embedding/claimed_images.py": "embedding",
    "gallery/services/embedding/encoder_deaths.py": "notes what a process died at",
    "gallery/services/embedding/queue.py": "has pictures tried sooner, for whoever may ask",
    "gallery/services/embedding/waiting_images.py": "embedding",
    "gallery/services/holders.py": "which process works on what",
    "gallery/services/import_jobs.py": "the entry of an import, by whoever began it as its job says",
    "gallery/services/long_work.py": "how far work came that somebody asked for, as its job says",
    "gallery/services/media.py": "files, for verbs that know who acts",
    "gallery/services/password_links.py": "mails a link to an account's own address, whoever asks; changes nothing",
    "gallery/services/reading/unread_images.py": "reading",
    "gallery/services/query_pictures.py": "keeps what somebody searches with, whoever that is",
}
NAMED_BY = {
    "gallery/jobs/periodic.py",  # what is due by itself
    "gallery/models/__init__.py",
    "gallery/models/access.py",  # in its docstring
    "gallery/models/actor.py",
    "gallery/models/job.py",  # who began what was there before it was kept
    "gallery/measuring/quality/searched_library.py",  # a library of its own, thrown away afterwards
}


def functions(*folders: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for name, text in sources(*folders):
        yield from ((name, node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))


def positional(function: ast.FunctionDef) -> set[str]:
    return {argument.arg for argument in [*function.args.posonlyargs, *function.args.args]}


def writes(function: ast.FunctionDef) -> bool:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(isinstance(call, ast.Attribute) and call.attr in WRITES for call in calls)


def test_every_verb_of_services_is_told_who_acts():
    verbs = {
        (name, function.name): {argument.arg for argument in function.args.kwonlyargs}
        for name, function in functions("gallery/services", "gallery/testbed")
        if writes(function) and not function.name.startswith("_") and name not in OF_THE_PROGRAM
    }

    assert len(verbs) > 10
    assert [verb for verb, arguments in verbs.items() if "by" not in arguments] == []


def test_who_acts_has_no_default_and_is_an_actor():
    given = [
        (name, function.name, argument.annotation and ast.unparse(argument.annotation), default)
        for name, function in functions("gallery")
        for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        if argument.arg == "by" and function.name != "count_of"  # which groups by the name of a field
    ]

    assert len(given) > 20
    assert [each for each in given if each[2:] != ("Actor", None)] == []


def test_who_acts_is_named_at_every_call():
    verbs = ((name, function) for name, function in functions("gallery") if not function.name.startswith("_"))
    by_place = [(name, function.name) for name, function in verbs if "by" in positional(function)]

    assert by_place == []


def test_nobody_is_none():
    """None was the operator with all rights once."""
    nobody = [
        (name, function.name)
        for name, function in functions("gallery")
        for argument in [*function.args.args, *function.args.kwonlyargs]
        if argument.arg in {"user", "actor", "by"}
        and argument.annotation is not None
        and "None" in ast.unparse(argument.annotation)
    ]

    assert nobody == []


def test_only_doors_say_that_the_operator_or_the_program_acts():
    named = {name for name in files_with(r"\b(OPERATOR|WORKER)\b", "gallery") if "/management/" not in name}

    assert named == NAMED_BY


def test_rights_are_asked_in_one_place():
    """A filter on visibility, or a question about a permission, anywhere else would be a second opinion."""
    asks = files_with(r"(filter|exclude|Q)\([^)]*(visibility|album__members|album__owner)=|\.has_perm\(", "gallery")

    assert asks == {"gallery/models/access.py"}
