"""Database triggers that move `AccessState.version`: whoever writes, and however, the number moves with the change, and
`AccessChange` says what that was.

SQLite has one writer at a time, so there each changed row simply adds one, and its entry.

On PostgreSQL the one row must not be locked before a transaction is about to commit, or uploads would wait for each
other; and whoever holds it must not wait for anything else, or they would wait for each other for ever. So each change
of a transaction leaves a note in a table of its own, the first one a mark as well. At the commit, in the round of
deferred triggers in which foreign keys are checked too, the mark is deleted; that alone makes a second round, which
comes after every check. There the notes of links are judged, which may wait for whoever embeds their pictures; then the
version moves, once, and the notes become entries. The notes' table is empty for everybody else.

A migration may rebuild a table (SQLite, which drops its triggers) or change a column that a trigger names (PostgreSQL,
which refuses). So the triggers are taken away before migrations of this app and made again after them.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.db import NotSupportedError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import F

from . import access_trigger_sql as sql
from .access_change import ChangeKind, new_mark


@dataclass(frozen=True)
class Watched:
    """The changes of a table that count, and what they change: an "image", a "tag", an "album", through a "link" the
    picture that a row belongs to, through a "member" the album.
    """

    changed: str
    verbs: tuple[str, ...]


WATCHED = {
    "Image": Watched("image", ("UPDATE", "DELETE")),
    "Image_tags": Watched("link", ("INSERT", "UPDATE", "DELETE")),
    "FoldedText": Watched("link", ("INSERT", "UPDATE", "DELETE")),  # folded later than what it is of was written
    "PictureColours": Watched("link", ("INSERT", "UPDATE", "DELETE")),  # the same
    "Tag": Watched("tag", ("UPDATE",)),  # a new one is on no picture, a deleted one is taken off every picture first
    "Album": Watched("album", ("UPDATE", "DELETE")),
    "AlbumImage": Watched("link", ("INSERT", "UPDATE", "DELETE")),
    "Album_members": Watched("member", ("INSERT", "UPDATE", "DELETE")),
}
UNWATCHED_COLUMNS = {
    "embedding_row",  # `IndexState.version` moves with these three
    "embed_error",
    "embed_deaths",
    "gives_whole_original",  # changes what one gets of a picture, never whether one sees it
    "taken_offset_minutes",  # nobody searches or filters by it
}

SQLITE_INSTALLED = r"""
SELECT name, tbl_name FROM sqlite_master
WHERE type = 'trigger' AND name LIKE 'access\_%' ESCAPE '\'
"""
POSTGRESQL_INSTALLED = r"""
SELECT tgname, relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE tgname LIKE 'access\_%' AND pg_table_is_visible(tgrelid)
"""


def install(connection: BaseDatabaseWrapper, apps: Apps = current_apps) -> None:
    """Make the triggers for the tables as `apps` knows them. Where all is well this costs one query."""
    if not are_missing(connection, apps):
        return
    remove(connection)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(sql.POSTGRESQL_SETUP.format(**_tables(connection, apps)))
        for statement in _statements(connection, apps).values():
            cursor.execute(statement)
        _change_everything(connection, apps)  # for what changed while there were no triggers


def remove(connection: BaseDatabaseWrapper) -> None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for name, table in _installed(cursor).items():
            on_table = f" ON {connection.ops.quote_name(table)}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {connection.ops.quote_name(name)}{on_table}")
        if connection.vendor == "postgresql":
            cursor.execute(sql.POSTGRESQL_REMOVAL)


def _change_everything(connection: BaseDatabaseWrapper, apps: Apps) -> None:
    states, log = (
        apps.get_model("gallery", name)._base_manager.using(connection.alias)
        for name in ("AccessState", "AccessChange")
    )
    states.update(version=F("version") + 1, mark=new_mark())
    log.bulk_create(
        log.model(version=state.version, mark=state.mark, kind=ChangeKind.EVERYTHING) for state in states.all()
    )


def are_missing(connection: BaseDatabaseWrapper, apps: Apps = current_apps) -> bool:
    """Say whether a trigger is missing or is not the one that this code makes."""
    with connection.cursor() as cursor:
        return _installed(cursor).keys() != _statements(connection, apps).keys()


def remove_before_migrations(*, using: str, plan: Sequence[tuple[Any, bool]] = (), **kwargs: Any) -> None:
    if any(migration.app_label == "gallery" for migration, _backwards in plan):
        remove(connections[using])


def install_after_migrations(*, using: str, apps: Apps = current_apps, **kwargs: Any) -> None:
    log = apps.all_models["gallery"].get("accesschange")
    if log is not None and any(field.name == "mark" for field in log._meta.fields):  # not when just migrated away
        install(connections[using], apps)


def _statements(connection: BaseDatabaseWrapper, apps: Apps) -> dict[str, str]:
    """Return what makes each trigger, by a name that ends in a digest of it, so that an outdated one is noticed."""
    if connection.vendor not in ("postgresql", "sqlite"):
        raise NotSupportedError(f"Image Search needs SQLite or PostgreSQL; this database is {connection.vendor}.")
    needed = sql.POSTGRESQL_SETUP if connection.vendor == "postgresql" else ""
    tables, statements = _tables(connection, apps), {}
    for table, verb, rest in _triggers(connection, apps):
        filled = rest.format(**tables)
        digest = hashlib.sha256((filled + needed).encode()).hexdigest()[:8]
        name = f"access_{table}_{verb.lower()}_{digest}"
        statements[name] = f"CREATE TRIGGER {connection.ops.quote_name(name)} {filled}"
    return statements


def _triggers(connection: BaseDatabaseWrapper, apps: Apps) -> Iterator[tuple[str, str, str]]:
    """Give (table, verb, trigger): when it fires, for which rows, and what it does."""
    for model_name, watched in WATCHED.items():
        if model_name.lower() not in apps.all_models["gallery"]:  # at a migration before the one that makes it
            continue
        options = apps.get_model("gallery", model_name)._meta
        table, columns = options.db_table, {field.column for field in options.concrete_fields} - UNWATCHED_COLUMNS
        names = [connection.ops.quote_name(column) for column in sorted(columns)]  # migrations differ in order
        for verb in watched.verbs:
            event = f"UPDATE OF {', '.join(names)}" if verb == "UPDATE" else verb
            if connection.vendor == "postgresql":
                what = sql.postgresql_trigger(watched.changed, verb, names)
            else:
                what = sql.sqlite_trigger(watched.changed, verb, names)
            yield table, verb, f"AFTER {event} ON {connection.ops.quote_name(table)} FOR EACH ROW {what}"
    log = apps.get_model("gallery", "AccessChange")._meta.db_table
    every_some = f"AFTER INSERT ON {{log}} FOR EACH ROW WHEN (NEW.id % {sql.FORGET_EVERY} = 0)"
    yield log, "INSERT", f"{every_some} {sql.FORGETTING[connection.vendor]}"


def _installed(cursor: CursorWrapper) -> dict[str, str]:
    """Return the table of each trigger that is there, by the trigger's name."""
    cursor.execute(POSTGRESQL_INSTALLED if cursor.db.vendor == "postgresql" else SQLITE_INSTALLED)
    return dict(cursor.fetchall())


def _tables(connection: BaseDatabaseWrapper, apps: Apps) -> dict[str, str]:
    """Return what the statements call `state`, `log` and `image`."""
    models = {"state": "AccessState", "log": "AccessChange", "image": "Image"}
    tables = {name: apps.get_model("gallery", model)._meta.db_table for name, model in models.items()}
    return {name: connection.ops.quote_name(table) for name, table in tables.items()}
