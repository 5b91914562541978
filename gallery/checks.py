"""System checks: what an operator should know before the first visitor does."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register
from django.db import DatabaseError, connections

from gallery.conf import gallery
from gallery.encoders.registry import choose_encoder_name
from gallery.errors import ImageSearchError
from gallery.models import AccessState, IndexState, access_triggers, table_statistics
from gallery.services.reading.state import INSTALL_READER, ReadingState, reading_state
from imagesearch_project.file_modes import open_to_others


@register()
def encoder_check(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Say which encoder `auto` means here, and refuse one that does not exist."""
    try:
        name = choose_encoder_name(gallery().encoder)
    except ImageSearchError as error:
        return [Error(str(error), hint="Correct IMAGESEARCH_ENCODER.", id="gallery.E001")]
    if gallery().encoder == "auto" and name == "offline":
        return [
            Info(
                "The encoder is “offline”: no CLIP weights are at hand.",
                hint="It works in English and Chinese; CLIP finds more: manage.py encoders download clip",
                id="gallery.I001",
            )
        ]
    return []


@register()
def reading_check(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Say that text in pictures is not read although it may be."""
    if reading_state() is not ReadingState.NOT_INSTALLED:
        return []
    return [
        Info(
            "Text in pictures is not read: the packages for it are not installed.",
            hint=f"{INSTALL_READER}. Or set IMAGESEARCH_READ_TEXT=off.",
            id="gallery.I002",
        )
    ]


@register()
def data_folder_check(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of a data folder, a database or a key that other accounts of this machine may read."""
    wider = open_to_others(settings.DATA_DIR, settings.FILE_MODES)
    if not wider:
        return []
    return [
        Warning(
            f"Other accounts of this machine reach what is the site's: {', '.join(map(str, wider))}.",
            hint=f"Run: chmod -R o-rwx{'' if settings.FILE_MODES.folder & 0o070 else ',g-rwx'} {settings.DATA_DIR}; "
            "or move it to a folder of its own. IMAGESEARCH_DATA_READERS=group lets a group read.",
            id="gallery.W005",
        )
    ]


REPLACED_BY = {
    "IMAGESEARCH_TASKS_BACKEND": "Pictures are embedded by manage.py work, which make run and manage.py serve start "
    "beside the site, and which the site starts by itself unless IMAGESEARCH_STARTS_WORKER=off.",
}


@register()
def gone_variables_check(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of variables of earlier versions, which somebody believes to do something."""
    return [
        Warning(
            f"{name} is set, and means nothing any more.",
            hint=f"Remove it. {REPLACED_BY[name]}",
            id="gallery.W007",
        )
        for name in settings.GONE_VARIABLES
    ]


@register()
def bucket_check(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Say what S3 needs and is not there, before the first picture is brought. Asks no service."""
    if not settings.S3_BUCKET:
        return []
    if find_spec("boto3") is None:
        return [
            Error(
                f"IMAGESEARCH_S3_BUCKET is “{settings.S3_BUCKET}”, but the package boto3 is not installed.",
                hint="Run: pip install -r requirements-s3.txt. Or leave the variable empty.",
                id="gallery.E002",
            )
        ]
    if not _has_s3_keys():
        return [
            Warning(
                "IMAGESEARCH_S3_BUCKET is set, but there are no keys for it, neither in the environment nor in a file.",
                hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; or silence this where the machine has a role.",
                id="gallery.W004",
            )
        ]
    return []


def _has_s3_keys() -> bool:
    """Say whether keys are set or kept in a file; a machine's own role is only known to a service on its network."""
    from botocore.session import Session  # noqa: PLC0415 -- optional dependency

    providers = Session().get_component("credential_provider")
    for asks_the_network in ("iam-role", "container-role"):
        providers.remove(asks_the_network)
    return providers.load_credentials() is not None


@register("database")
def index_check(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn when the settings name another encoder than the index was made with."""
    if not kwargs.get("databases") or gallery().encoder == "auto":
        return []
    try:
        state = IndexState.objects.versions().first()
        name = choose_encoder_name(gallery().encoder)
    except DatabaseError:
        return []  # not migrated yet
    except ImageSearchError:
        return []  # encoder_check says it
    if state is None or not state.has_encoder or state.encoder_id == name:
        return []
    if name == state.replaced_setting:
        return [
            Warning(
                f"The index was moved to “{state.encoder_id}”, which is used, but IMAGESEARCH_ENCODER is still "
                f"“{gallery().encoder}”.",
                hint=f"Set IMAGESEARCH_ENCODER={state.encoder_id} or auto; or move back with: "
                f"manage.py reindex --encoder {gallery().encoder}",
                id="gallery.W003",
            )
        ]
    return [
        Warning(
            f"The index was made by “{state.encoder_id}” but IMAGESEARCH_ENCODER is “{gallery().encoder}”.",
            hint=f"Set it back, or run: manage.py reindex --encoder {gallery().encoder}",
            id="gallery.W001",
        )
    ]


@register("database")
def access_triggers_check(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn when the triggers that tell searches of changed access are not all there."""
    databases = [connections[alias] for alias in kwargs.get("databases") or []]
    try:
        migrated = [each for each in databases if AccessState._meta.db_table in each.introspection.table_names()]
        incomplete = [each for each in migrated if access_triggers.are_missing(each)]
    except DatabaseError:
        return []  # no database to ask
    return [
        Warning(
            f"The database “{connection.alias}” lacks triggers that tell searches when access changes.",
            hint="Run: manage.py migrate",
            id="gallery.W002",
        )
        for connection in incomplete
    ]


@register("database")
def table_statistics_check(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn where the database plans by what tables held long ago, or by nothing."""
    try:
        due = {alias: table_statistics.tables_due(connections[alias]) for alias in kwargs.get("databases") or []}
    except DatabaseError:
        return []  # no database to ask
    return [
        Warning(
            f"The database “{alias}” knows too little of {', '.join(tables)} to read them well.",
            hint="Run: manage.py refresh_statistics. The site does it by itself within an hour of changes.",
            id="gallery.W006",
        )
        for alias, tables in due.items()
        if tables
    ]
