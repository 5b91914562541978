"""What the triggers of `access_triggers` do, in the words of SQLite and of PostgreSQL.

`{state}`, `{log}`, `{image}` stand for the tables of AccessState, AccessChange and Image; `access_triggers` fills in.
"""

from .access_change import CHANGES_KEPT, MOST_CHANGES, ChangeKind

FORGET_EVERY = 1_000  # entries: a row is seldom removed for one that is added, and never looked for

# An upload changes its new picture, which nobody can find before it is embedded; the row's own lock settles the order.
IS_EMBEDDED = "OLD.embedding_row IS NOT NULL"

SQLITE_REFERENCES = {"INSERT": ["NEW"], "UPDATE": ["OLD", "NEW"], "DELETE": ["OLD"]}


def sqlite_trigger(changed: str, verb: str, columns: list[str]) -> str:
    """Return which of the rows are meant, and what is done for each."""
    entries = _sqlite_entries(changed, SQLITE_REFERENCES[verb])
    conditions = {"image": IS_EMBEDDED, "tag": _differ(columns, "IS NOT"), "link": f"EXISTS ({entries})"}
    return f"""{_when(conditions.get(changed))}BEGIN
    UPDATE {{state}} SET version = version + 1, mark = random() WHERE id = 1;
    INSERT INTO {{log}} (version, mark, kind, object_id, "row")
    SELECT state.version, state.mark, entry.* FROM {{state}} AS state, ({entries}) AS entry WHERE state.id = 1;
END"""  # noqa: S608 -- names of our own


def _sqlite_entries(changed: str, references: list[str]) -> str:
    """Return the query for (kind, object_id, row) of what one row changes."""
    if changed == "image":
        return f"SELECT {ChangeKind.IMAGE}, OLD.id, OLD.embedding_row"
    if changed == "link":
        images = ", ".join(f"{reference}.image_id" for reference in references)
        embedded = f"id IN ({images}) AND embedding_row IS NOT NULL"
        return f"SELECT {ChangeKind.IMAGE}, id, embedding_row FROM {{image}} WHERE {embedded}"  # noqa: S608 -- our own
    if changed == "member":
        return " UNION ".join(f"SELECT {ChangeKind.ALBUM}, {reference}.album_id, NULL" for reference in references)
    return f"SELECT {ChangeKind[changed.upper()]}, OLD.id, NULL"


def postgresql_trigger(changed: str, verb: str, columns: list[str]) -> str:
    """Return which of the rows are meant, and what is done for each."""
    conditions = {"image": IS_EMBEDDED, "tag": _differ(columns, "IS DISTINCT FROM")}
    return f"{_when(conditions.get(changed))}EXECUTE FUNCTION gallery_note_access_change('{changed}')"


def _differ(columns: list[str], operator: str) -> str:
    old, new = (", ".join(f"{reference}.{column}" for column in columns) for reference in ("OLD", "NEW"))
    return f"({old}) {operator} ({new})"


def _when(condition: str | None) -> str:
    return f"WHEN ({condition}) " if condition else ""


FORGETTING = {
    "sqlite": f"BEGIN DELETE FROM {{log}} WHERE id <= NEW.id - {CHANGES_KEPT}; END",  # noqa: S608 -- a name of our own
    "postgresql": "EXECUTE FUNCTION gallery_forget_access_changes()",
}

# Kinds of notes beside those of ChangeKind. A link to a picture is one change if that is embedded, else none.
LINK, DEPARTURE = 0, -1

POSTGRESQL_SETUP = f"""
CREATE UNLOGGED TABLE gallery_access_note (kind smallint, object_id bigint, embedding_row bigint);

CREATE FUNCTION gallery_note_access(kind integer, object_id bigint, embedding_row bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    noted integer := coalesce(nullif(current_setting('imagesearch.access_noted', true), ''), '0');
BEGIN
    IF noted > {MOST_CHANGES} AND kind <> {DEPARTURE} THEN
        RETURN;
    END IF;
    PERFORM set_config('imagesearch.access_noted', (noted + 1)::text, true);
    IF noted = 0 THEN
        INSERT INTO gallery_access_note VALUES (NULL, NULL, NULL), (kind, object_id, embedding_row);
    ELSIF noted = {MOST_CHANGES} AND kind <> {DEPARTURE} THEN
        INSERT INTO gallery_access_note VALUES ({ChangeKind.EVERYTHING});
    ELSE
        INSERT INTO gallery_access_note VALUES (kind, object_id, embedding_row);
    END IF;
END $$;

CREATE FUNCTION gallery_note_access_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_ARGV[0] = 'image' THEN
        PERFORM gallery_note_access({ChangeKind.IMAGE}, OLD.id, OLD.embedding_row);
    ELSIF TG_ARGV[0] = 'link' THEN
        IF TG_OP <> 'INSERT' THEN
            PERFORM gallery_note_access({LINK}, OLD.image_id, NULL);
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM gallery_note_access({LINK}, NEW.image_id, NULL);
        END IF;
    ELSIF TG_ARGV[0] = 'member' THEN
        IF TG_OP <> 'INSERT' THEN
            PERFORM gallery_note_access({ChangeKind.ALBUM}, OLD.album_id, NULL);
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM gallery_note_access({ChangeKind.ALBUM}, NEW.album_id, NULL);
        END IF;
    ELSIF TG_ARGV[0] = 'tag' THEN
        PERFORM gallery_note_access({ChangeKind.TAG}, OLD.id, NULL);
    ELSE
        PERFORM gallery_note_access({ChangeKind.ALBUM}, OLD.id, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION gallery_note_departure(at_rows bigint[], image_ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gallery_note_access({DEPARTURE}, NULL, NULL);
    FOR place IN 1 .. cardinality(image_ids) LOOP
        PERFORM gallery_note_access({ChangeKind.IMAGE}, image_ids[place], at_rows[place]);
    END LOOP;
END $$;

CREATE FUNCTION gallery_settle_access_notes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM gallery_access_note WHERE kind IS NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION gallery_move_access_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    everything boolean := EXISTS (SELECT FROM gallery_access_note WHERE kind = {ChangeKind.EVERYTHING});
    departed integer := EXISTS (SELECT FROM gallery_access_note WHERE kind = {DEPARTURE})::integer;
    moved integer := 1;
    drawn bigint := floor(random() * 2 ^ 62)::bigint;
    reached bigint;
BEGIN
    PERFORM set_config('imagesearch.access_noted', '', true);
    IF NOT everything THEN
        PERFORM FROM {{image}} WHERE embedding_row IS NULL
            AND id IN (SELECT object_id FROM gallery_access_note WHERE kind = {LINK}) ORDER BY id FOR KEY SHARE;
        INSERT INTO gallery_access_note SELECT {ChangeKind.IMAGE}, id, embedding_row FROM {{image}}
            WHERE embedding_row IS NOT NULL
            AND id IN (SELECT object_id FROM gallery_access_note WHERE kind = {LINK});
        moved := EXISTS (SELECT FROM gallery_access_note WHERE kind > {LINK})::integer;
    END IF;
    IF moved + departed > 0 THEN
        INSERT INTO {{state}} AS state (id, version, mark, departures)
        VALUES (1, floor(random() * 2 ^ 62)::bigint, drawn, departed) ON CONFLICT (id)
        DO UPDATE SET version = state.version + moved, departures = state.departures + departed,
            mark = CASE moved WHEN 1 THEN drawn ELSE state.mark END
        RETURNING version INTO reached;
        INSERT INTO {{log}} (version, mark, kind, object_id, "row")
        SELECT DISTINCT reached, drawn, kind, object_id, embedding_row FROM gallery_access_note
        WHERE kind > {LINK} AND (kind = {ChangeKind.EVERYTHING} OR NOT everything);
    END IF;
    DELETE FROM gallery_access_note;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER settle_access_notes AFTER INSERT ON gallery_access_note DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.kind IS NULL) EXECUTE FUNCTION gallery_settle_access_notes();

CREATE CONSTRAINT TRIGGER move_access_version AFTER DELETE ON gallery_access_note DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (OLD.kind IS NULL) EXECUTE FUNCTION gallery_move_access_version();

CREATE FUNCTION gallery_forget_access_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM {{log}} WHERE id <= NEW.id - {CHANGES_KEPT};
    RETURN NULL;
END $$;
"""  # noqa: S608 -- names of our own
POSTGRESQL_REMOVAL = """
DROP TABLE IF EXISTS gallery_access_note;
DROP FUNCTION IF EXISTS gallery_forget_access_changes;
DROP FUNCTION IF EXISTS gallery_move_access_version;
DROP FUNCTION IF EXISTS gallery_settle_access_notes;
DROP FUNCTION IF EXISTS gallery_note_departure;
DROP FUNCTION IF EXISTS gallery_note_access_change;
DROP FUNCTION IF EXISTS gallery_note_access;
"""
