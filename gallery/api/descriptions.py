"""Pictures as the API shows them, the same number of queries for any number."""

from collections.abc import Sequence
from typing import Any

from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.utils.urls import replace_query_param

from gallery.error_messages import stored_sentence
from gallery.models import Album, Image
from gallery.search_index import search_index
from gallery.services.ingest import Upload
from gallery.services.search import ResultPage

from .authentication import actor_of
from .one_image import OneImageSerializer
from .result_serializers import ResultSerializer
from .serializers import AlbumSerializer, ImageSerializer, context_of


def described(images: Sequence[Image], request: Request) -> list[dict[str, Any]]:
    return _each(images, ImageSerializer(context=context_of(images, request)))


def described_image(image: Image, request: Request) -> dict[str, Any]:
    """Return a picture as it is shown by itself."""
    return OneImageSerializer(context=context_of([image], request)).to_representation(image)


def described_albums(albums: Sequence[Album], request: Request) -> list[dict[str, Any]]:
    """Return the albums as they are shown, each with the number of its pictures that may be seen."""
    seen = Image.objects.visible_to(actor_of(request))
    counts = search_index().lists.album_counts(seen, [album.pk for album in albums])
    context = {"request": request, "image_counts": counts}
    return _each(albums, AlbumSerializer(context=context))


def described_upload(upload: Upload, request: Request) -> dict[str, Any]:
    body = described_image(upload.image, request)
    return body | {"warnings": [stored_sentence(each) for each in upload.warnings]} if upload.warnings else body


def described_results(page: ResultPage, request: Request, *, milliseconds: float) -> dict[str, Any]:
    images = [result.image for result in page.results]
    context = context_of(images, request) | {"found": {result.image.pk: result for result in page.results}}
    return {
        "encoder": page.encoder,
        "searched": page.searched,
        "total": page.total,
        "confident_total": page.confident_total,
        "total_is_at_least": page.total_is_at_least,
        "next": page.next and replace_query_param(request.build_absolute_uri(), "cursor", page.next),
        "results": _each(images, ResultSerializer(context=context)),
        "suggestion": page.suggestion,
        "understood": page.understood,
        "excluded": list(page.excluded),
        "milliseconds": round(milliseconds, 2),
    }


def _each(rows: Sequence[Any], serializer: BaseSerializer[Any]) -> list[dict[str, Any]]:
    """Return what one serializer says of each: its fields are made once, not anew for every row."""
    return [serializer.to_representation(row) for row in rows]
