"""Database triggers that move `AccessState.version`: whoever writes, and however, the number moves with the change.

SQLite has one writer at a time, so there each changed row simply adds one.

On PostgreSQL the one row must not be locked before a transaction is about to commit, or uploads would wait for each
other; and whoever holds it must not wait for anything else, or they would wait for each other for ever. So the first
change of a transaction leaves a note in a table of its own. At the commit, in the round of deferred triggers in which
foreign keys are checked too, the note is deleted; that alone makes a second round, which comes after every check, and
there the version moves, once. The notes' table is empty for everybody else.

A migration may rebuild a table (SQLite, which drops its triggers) or change a column that a trigger names (PostgreSQL,
which refuses). So the triggers are taken away before migrations of this app and made again after them.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.db import NotSupportedError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import F

WATCHED = {
    "Image": ("UPDATE", "DELETE"),
    "Image_tags": ("INSERT", "UPDATE", "DELETE"),
    "Tag": ("UPDATE",),  # a new tag is on no picture, and a deleted one is taken off every picture first
    "Album": ("UPDATE", "DELETE"),
    "AlbumImage": ("INSERT", "UPDATE", "DELETE"),
    "Album_members": ("INSERT", "UPDATE", "DELETE"),
}
UNWATCHED_COLUMNS = {
    "embedding_row",  # `IndexState.version` moves with these three
    "embed_error",
    "embed_deaths",
    "gives_whole_original",  # changes what one gets of a picture, never whether one sees it
    "taken_offset_minutes",  # nobody searches or filters by it
}
# An upload changes its new picture, which nobody can find before it is embedded; the row's own lock settles the order.
# Links have no such condition: a picture may be embedded between a link and its commit.
CONDITIONS = {"Image": " WHEN (OLD.embedding_row IS NOT NULL)"}

SQLITE_ACTION = "BEGIN UPDATE {state} SET version = version + 1 WHERE id = 1; END"
POSTGRESQL_ACTION = "EXECUTE FUNCTION gallery_note_access_change()"

# The version moves even where its row is missing: a row that is made meanwhile would stand for what was before.
POSTGRESQL_SETUP = """
CREATE TABLE gallery_access_note (id bigint GENERATED ALWAYS AS IDENTITY);

CREATE FUNCTION gallery_note_access_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('imagesearch.access_noted', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
        PERFORM set_config('imagesearch.access_noted', pg_current_xact_id()::text, true);
        INSERT INTO gallery_access_note DEFAULT VALUES;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION gallery_move_access_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        DELETE FROM gallery_access_note WHERE id = NEW.id;
    ELSE
        INSERT INTO {state} AS state (id, version) VALUES (1, floor(random() * 2 ^ 62)::bigint)
        ON CONFLICT (id) DO UPDATE SET version = state.version + 1;
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER move_access_version AFTER INSERT OR DELETE ON gallery_access_note
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION gallery_move_access_version();
"""
POSTGRESQL_REMOVAL = """
DROP TABLE IF EXISTS gallery_access_note;
DROP FUNCTION IF EXISTS gallery_move_access_version;
DROP FUNCTION IF EXISTS gallery_note_access_change;
"""

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
            cursor.execute(POSTGRESQL_SETUP.format(state=_state_table(connection, apps)))
        for statement in _statements(connection, apps).values():
            cursor.execute(statement)
        states = apps.get_model("gallery", "AccessState")._base_manager.using(connection.alias)
        states.update(version=F("version") + 1)  # for what changed while there were no triggers


def remove(connection: BaseDatabaseWrapper) -> None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for name, table in _installed(cursor).items():
            on_table = f" ON {connection.ops.quote_name(table)}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {connection.ops.quote_name(name)}{on_table}")
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL_REMOVAL)


def are_missing(connection: BaseDatabaseWrapper, apps: Apps = current_apps) -> bool:
    """Say whether a trigger is missing or is not the one that this code makes."""
    with connection.cursor() as cursor:
        return _installed(cursor).keys() != _statements(connection, apps).keys()


def remove_before_migrations(*, using: str, plan: Sequence[tuple[Any, bool]] = (), **kwargs: Any) -> None:
    if any(migration.app_label == "gallery" for migration, _backwards in plan):
        remove(connections[using])


def install_after_migrations(*, using: str, apps: Apps = current_apps, **kwargs: Any) -> None:
    if "accessstate" in apps.all_models["gallery"]:  # not when it has just been migrated away
        install(connections[using], apps)


def _statements(connection: BaseDatabaseWrapper, apps: Apps) -> dict[str, str]:
    """Return what makes each trigger, by a name that ends in a digest of it, so that an outdated one is noticed."""
    if connection.vendor == "postgresql":
        action, needed = POSTGRESQL_ACTION, POSTGRESQL_SETUP
    elif connection.vendor == "sqlite":
        action, needed = SQLITE_ACTION.format(state=_state_table(connection, apps)), ""
    else:
        raise NotSupportedError(f"Image Search needs SQLite or PostgreSQL; this database is {connection.vendor}.")
    statements = {}
    for table, verb, event in _events(connection, apps):
        rest = f"AFTER {event} {action}"
        digest = hashlib.sha256((rest + needed).encode()).hexdigest()[:8]
        name = f"access_{table}_{verb.lower()}_{digest}"
        statements[name] = f"CREATE TRIGGER {connection.ops.quote_name(name)} {rest}"
    return statements


def _events(connection: BaseDatabaseWrapper, apps: Apps) -> Iterator[tuple[str, str, str]]:
    """Give (table, verb, event): the event names the columns of an update, the table, and which rows are meant."""
    for model_name, verbs in WATCHED.items():
        options = apps.get_model("gallery", model_name)._meta
        columns = {field.column for field in options.concrete_fields} - UNWATCHED_COLUMNS
        names = ", ".join(connection.ops.quote_name(column) for column in sorted(columns))  # migrations differ in order
        on_rows = f"ON {connection.ops.quote_name(options.db_table)} FOR EACH ROW{CONDITIONS.get(model_name, '')}"
        for verb in verbs:
            event = f"UPDATE OF {names}" if verb == "UPDATE" else verb
            yield options.db_table, verb, f"{event} {on_rows}"


def _installed(cursor: CursorWrapper) -> dict[str, str]:
    """Return the table of each trigger that is there, by the trigger's name."""
    cursor.execute(POSTGRESQL_INSTALLED if cursor.db.vendor == "postgresql" else SQLITE_INSTALLED)
    return dict(cursor.fetchall())


def _state_table(connection: BaseDatabaseWrapper, apps: Apps) -> str:
    return connection.ops.quote_name(apps.get_model("gallery", "AccessState")._meta.db_table)
