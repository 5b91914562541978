"""Writing down what people change: who, when, what, on what, before, after, through which door.

Entries are written in the transaction of their change, so that neither is ever there without the other. What machines
make (vectors, hashes) and what is only read leaves none; the worker's deletions do.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid4

from django.db import models, transaction
from django.db.transaction import TransactionManagementError
from django.utils.translation import override

from gallery.models import Actor, AlbumImage, AuditEntry, AuditVerb, Image
from gallery.models.audit_entry import MAX_LABEL_CHARACTERS

CHANGES_AT_A_TIME = 1_000  # in one transaction: bulk work keeps nobody waiting for long
MAX_VALUE_CHARACTERS = 2_000  # as long as a description may be
MAX_LISTED = 1_000
READ_ALONG = {"user_permissions": "user_permissions__content_type", "permissions": "permissions__content_type"}
AUDITED = {  # what an entry may hold of each kind of object: named, so that no secret gets in by a new column
    "gallery.image": (
        "original_name",
        "owner",
        "md5",
        "description",
        "tags",
        "visibility",
        "gives_whole_original",
        "trashed_at",
        "search_status",
        "embed_error",
    ),
    "gallery.album": ("title", "owner", "description", "members", "places"),
    "gallery.tag": ("name", "ids"),
    "gallery.user": (
        "username",
        "email",
        "first_name",
        "last_name",
        "gives_whole_originals",
        "quota_pictures",
        "quota_mb",
        "is_active",
        "is_staff",
        "is_superuser",
        "groups",
        "user_permissions",
    ),
    "gallery.apitoken": ("name", "user", "read_only"),
    "auth.group": ("name", "permissions"),
}

State = dict[str, Any]


def _places_of_albums(album_ids: Sequence[int]) -> dict[int, list[int]]:
    """Return the ids of each album's pictures, in its order."""
    places = AlbumImage.objects.filter(album__in=album_ids).order_by("album", "position", "pk")
    rows = places.values_list("album", "image").iterator()
    return {album_id: [image_id for _, image_id in some] for album_id, some in groupby(rows, key=itemgetter(0))}


def _images_of_tags(tag_ids: Sequence[int]) -> dict[int, list[list[int]]]:
    """Return the ids of each tag's pictures, as `runs_of` them."""
    links = Image.tags.through.objects.filter(tag__in=tag_ids).order_by("tag", "image")
    rows = links.values_list("tag", "image").iterator()
    return {tag_id: runs_of(image_id for _, image_id in some) for tag_id, some in groupby(rows, key=itemgetter(0))}


def _tags_of_images(image_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the names of each picture's tags, in alphabetical order."""
    links = Image.tags.through.objects.filter(image__in=image_ids).order_by("image", "tag__name")
    rows = links.values_list("image", "tag__name").iterator()
    return {image_id: [name for _, name in some] for image_id, some in groupby(rows, key=itemgetter(0))}


READERS: dict[str, Callable[[Sequence[int]], Mapping[int, Any]]] = {
    "places": _places_of_albums,
    "ids": _images_of_tags,
    "tags": _tags_of_images,
}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that somebody does, to however many objects; all its entries carry `id`."""

    by: Actor
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An object as the database has it."""

    label: str
    state: State


def record(
    action: Action,
    verb: AuditVerb,
    thing: models.Model,
    *,
    label: str = "",
    before: State | None = None,
    after: State | None = None,
) -> None:
    """Write one entry, in the transaction of its change. Raises TransactionManagementError where there is none."""
    entry = _Unwritten(thing.pk, label or _label(thing), before or {}, after or {})
    _write(action, verb, thing._meta.model, [entry])


def record_added(action: Action, thing: models.Model, *, verb: AuditVerb = AuditVerb.ADDED) -> None:
    """Write the entry of something new, as the database has it."""
    model = thing._meta.model
    record_difference(action, verb, model, {}, snapshots(model, [thing.pk]))


@contextmanager
def recording(
    action: Action,
    verb: AuditVerb,
    model: type[models.Model],
    object_ids: Iterable[int],
    *,
    names: Sequence[str] | None = None,
) -> Iterator[None]:
    """Write an entry for each of these objects that the body changes or deletes, in the caller's transaction.

    What was before and after is asked of the database, which keeps the objects for this transaction meanwhile. `names`
    are the values that the body may change; by default all that are audited.
    """
    ids = list(object_ids)
    before = snapshots(model, ids, names=names, for_change=True)
    yield
    record_difference(action, verb, model, before, snapshots(model, ids, names=names))


def record_difference(
    action: Action,
    verb: AuditVerb,
    model: type[models.Model],
    before: Mapping[int, Snapshot],
    after: Mapping[int, Snapshot],
) -> None:
    """Write an entry for each object that is new, gone or not as it was."""
    entries = (_difference(pk, before.get(pk), after.get(pk)) for pk in sorted({*before, *after}))
    _write(action, verb, model, (entry for entry in entries if entry is not None))


def snapshots(
    model: type[models.Model],
    object_ids: Sequence[int],
    *,
    names: Sequence[str] | None = None,
    for_change: bool = False,
) -> dict[int, Snapshot]:
    """Return those of these objects that there are, in as many queries for many as for one.

    `for_change` keeps them for this transaction, where the database can (SQLite lets one transaction write at a time).
    """
    audited = AUDITED.get(model._meta.label_lower, ())
    names = audited if names is None else [name for name in audited if name in names]
    fields = model._meta.get_fields()
    relations = {
        each.name: each for each in fields if each.is_relation and each.name in names and each.name not in READERS
    }
    single = [name for name, relation in relations.items() if not relation.many_to_many]
    several = [name for name, relation in relations.items() if relation.many_to_many]
    things = model._base_manager.filter(pk__in=object_ids).order_by("pk")
    things = things.select_related(*single) if single else things
    if for_change:
        things = things.select_for_update(of=("self",), no_key=True)
    along = (READ_ALONG[name] for name in names if name in READ_ALONG)
    found = list(things.prefetch_related(*several, *along))  # before the lists: nobody changes them from here on
    lists = {name: READERS[name](object_ids) for name in names if name in READERS}
    with override("en"):
        return {thing.pk: Snapshot(str(thing), {n: _value(thing, n, lists) for n in names}) for thing in found}


def runs_of(ids: Iterable[int]) -> list[list[int]]:
    """Return ascending ids as pairs of first and last: [3, 4, 5, 9] are [[3, 5], [9, 9]]."""
    runs: list[list[int]] = []
    for each in ids:
        if runs and each == runs[-1][1] + 1:
            runs[-1][1] = each
        else:
            runs.append([each, each])
    return runs


def _value(thing: models.Model, name: str, lists: Mapping[str, Mapping[int, Any]]) -> Any:
    if name in lists:
        return lists[name].get(thing.pk, [])
    value = getattr(thing, name)
    if isinstance(value, models.Manager):
        return sorted(str(each) for each in value.all())
    return str(value) if isinstance(value, models.Model) else value


@dataclass(frozen=True, slots=True)
class _Unwritten:
    object_id: int
    label: str
    before: State
    after: State


def _difference(object_id: int, before: Snapshot | None, after: Snapshot | None) -> _Unwritten | None:
    if before is None:
        return None if after is None else _Unwritten(object_id, after.label, {}, _filled(after.state))
    if after is None:
        return _Unwritten(object_id, before.label, _filled(before.state), {})
    changed = [name for name, value in before.state.items() if value != after.state[name]]
    if not changed:
        return None
    was, becomes = ({name: each.state[name] for name in changed} for each in (before, after))
    return _Unwritten(object_id, before.label, was, becomes)


def _filled(state: State) -> State:
    return {name: value for name, value in state.items() if value not in (None, "", [])}


def _write(action: Action, verb: AuditVerb, model: type[models.Model], entries: Iterable[_Unwritten]) -> None:
    if not transaction.get_connection().in_atomic_block:
        raise TransactionManagementError("An audit entry is written in the transaction of its change.")
    by, rest = action.by, iter(entries)
    while some := list(islice(rest, CHANGES_AT_A_TIME)):
        AuditEntry.objects.bulk_create(
            AuditEntry(
                action=action.id,
                actor_kind=by.kind,
                user=by.user,
                actor_name=by.user.get_username() if by.user is not None else "",
                door=by.door,
                verb=verb,
                object_kind=model._meta.label_lower,
                object_id=entry.object_id,
                object_label=entry.label[:MAX_LABEL_CHARACTERS],
                before=_bounded(entry.before),
                after=_bounded(entry.after),
            )
            for entry in some
        )


def _label(thing: models.Model) -> str:
    with override("en"):
        return str(thing)


def _bounded(state: State) -> State:
    return {name: _bounded_value(value) for name, value in state.items()}


def _bounded_value(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_VALUE_CHARACTERS:
        return f"{value[:MAX_VALUE_CHARACTERS]}…"
    if isinstance(value, list) and len(value) > MAX_LISTED and not isinstance(value[0], list):  # runs are short
        return [*value[:MAX_LISTED], f"… {len(value) - MAX_LISTED}"]
    return value
