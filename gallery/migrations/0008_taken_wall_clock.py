"""`taken_at` becomes the clock on the photographer's wall, with its offset beside it.

What is there was stored as a moment and shown in the site's time zone. It keeps showing that, without an offset:
whether a camera's clock or its offset led to it is no longer known. `read_metadata` reads the files once more.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Max, Min

DAY = timedelta(days=1)


def keep_what_is_shown(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """One statement in the database, nothing where the site's zone is UTC.

    A million pictures take 5 to 10 s of a processor on SQLite, which knows no zones and is told each offset. PostgreSQL
    writes the table anew, in 47 s on a busy machine: changing every row in place took it eight times as long, for each of
    its many indexes.
    """
    images = apps.get_model("gallery", "Image").objects.using(schema_editor.connection.alias)
    dated, zone = images.filter(taken_at__isnull=False), ZoneInfo(settings.TIME_ZONE)
    ends = dated.aggregate(first=Min("taken_at"), last=Max("taken_at"))
    if settings.TIME_ZONE == "UTC" or ends["first"] is None:
        return
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(_of_sqlite(offsets(zone, **ends)), params=None)
    else:
        schema_editor.execute(_of_postgresql(schema_editor.quote_value(zone.key)), params=None)


def _of_sqlite(stretches: Iterator[tuple[datetime, int]]) -> str:
    cases = "".join(f" WHEN taken_at < '{end:%Y-%m-%d %H:%M:%S}' THEN {seconds}" for end, seconds in stretches)
    local = f"strftime('%Y-%m-%d %H:%M:%S', taken_at, (CASE{cases} END) || ' seconds')"
    return f"UPDATE gallery_image SET taken_at = {local} WHERE taken_at IS NOT NULL"


def _of_postgresql(zone: str) -> str:
    local = f"date_trunc('second', taken_at AT TIME ZONE {zone}) AT TIME ZONE 'UTC'"
    return f"ALTER TABLE gallery_image ALTER COLUMN taken_at TYPE timestamp with time zone USING {local}"


def offsets(zone: ZoneInfo, *, first: datetime, last: datetime) -> Iterator[tuple[datetime, int]]:
    """Give each stretch of one offset: the moment that it ends before, and its seconds from UTC, the earliest first."""
    moment, last = first.astimezone(UTC).replace(microsecond=0), last.astimezone(UTC) + DAY
    while moment < last:
        after = moment + DAY
        if seconds_at(zone, after) != seconds_at(zone, moment):
            change = next(each for each in steps(moment, after) if seconds_at(zone, each) != seconds_at(zone, moment))
            yield change, seconds_at(zone, moment)
            after = change
        moment = after
    yield moment, seconds_at(zone, moment)


def steps(start: datetime, end: datetime) -> Iterator[datetime]:
    return (start + timedelta(seconds=second) for second in range(1, int((end - start).total_seconds()) + 1))


def seconds_at(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def keep_moments(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    images = apps.get_model("gallery", "Image").objects.using(schema_editor.connection.alias)
    zone = ZoneInfo(settings.TIME_ZONE)
    for image_id, taken_at in list(images.filter(taken_at__isnull=False).values_list("pk", "taken_at")):
        images.filter(pk=image_id).update(taken_at=taken_at.replace(tzinfo=zone))


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0007_whole_originals"),
    ]

    operations = [
        migrations.AddField(
            model_name="image",
            name="taken_offset_minutes",
            field=models.SmallIntegerField(blank=True, null=True, verbose_name="minutes of the clock from UTC"),
        ),
        migrations.RunPython(keep_what_is_shown, keep_moments),
    ]
