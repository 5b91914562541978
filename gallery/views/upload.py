"""Uploading: one form for many files that works without JavaScript, and one file at a time for the page's script."""

import logging
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from gallery.conf import gallery
from gallery.error_messages import (
    body_of,
    error_body,
    for_visitors,
    known_error,
    retry_headers,
    sentence,
    stored_sentence,
)
from gallery.errors import ImageSearchError, StoredError, gettext_noop
from gallery.forms.upload import UploadForm
from gallery.imaging import ALL_EXTENSIONS, LABELS, MIME_TYPES
from gallery.media_responses import thumbnail_address
from gallery.models import Actor, Image, User
from gallery.rooms import Room, in_room
from gallery.services.ingest import accept_upload
from gallery.services.labels import Labels
from gallery.services.limits import sent_bytes_of
from gallery.services.quotas import quota_of

from .actor import ActorRequest
from .arriving import following
from .signed_in import SignedInRequest

logger = logging.getLogger(__name__)


class NoLongerSignedIn(ImageSearchError):
    code = "not_signed_in"
    http_status = 401
    message = gettext_noop("You are no longer signed in. Sign in and try again.")


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file: its picture, or why there is none."""

    name: str
    image: Image | None = None
    created: bool = False
    restored: bool = False
    warnings: tuple[StoredError, ...] = ()
    error: ImageSearchError | None = None

    @property
    def outcome(self) -> str:
        """Return "added", "duplicate" or "failed"."""
        if self.image is None:
            return "failed"
        return "added" if self.created else "duplicate"

    @property
    def sentence(self) -> str:
        if self.error is not None:
            return sentence(self.error)
        if self.restored:
            return gettext("It was in your trash and is back as it was, with all that you wrote about it.")
        if not self.created:
            return gettext("You had this picture already.")
        return " ".join([gettext("Added."), *self.warning_sentences])

    @property
    def warning_sentences(self) -> list[str]:
        return [stored_sentence(warning) for warning in self.warnings]

    @property
    def status(self) -> int:
        if self.error is not None:
            return self.error.http_status
        return 201 if self.created else 200


@in_room(Room.PAGES, post=Room.UPLOAD)
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: SignedInRequest) -> HttpResponse:
    max_files = gallery().max_upload_files
    if request.method != "POST":
        return _form_page(request, UploadForm(max_files=max_files), status=200)
    form = UploadForm(request.POST, request.FILES, max_files=max_files)
    if not form.is_valid():
        return _form_page(request, form, status=form.error.http_status if form.error else 400)
    results = [accept_file(file, owner=request.user, labels=form.labels, by=request.actor) for file in form.uploaded]
    outcomes = [result.outcome for result in results]
    page = {
        "results": results,
        "added": outcomes.count("added"),
        "duplicates": outcomes.count("duplicate"),
        "failed": outcomes.count("failed"),
        "arriving": following([result.image for result in results if result.image is not None]),
    }
    nothing_stored = page["failed"] == len(results)
    response = render(request, "gallery/upload_result.html", page, status=results[0].status if nothing_stored else 200)
    if nothing_stored and (error := results[0].error) is not None:
        for header, value in retry_headers(error).items():
            response.headers[header] = value
    return response


@in_room(Room.UPLOAD)
@require_POST
def upload_file(request: ActorRequest) -> JsonResponse:
    """Take one file and answer in JSON: {"outcome", "message", "url"} or the API's {"code", "message", "details"}."""
    if not isinstance(request.user, User):
        return _refusal(NoLongerSignedIn())
    form = UploadForm(request.POST, request.FILES, max_files=1)
    if not form.is_valid():
        return _refusal_of(form)
    return _answer(accept_file(form.uploaded[0], owner=request.user, labels=form.labels, by=request.actor))


def accept_file(file: "UploadedFile[bytes]", *, owner: User, labels: Labels, by: Actor) -> FileResult:
    """Bring one file in. Whatever is wrong with it stays with it: its neighbours in the upload are not lost."""
    name = file.name or ""
    try:
        accepted = accept_upload(file, owner=owner, name=name, labels=labels, by=by)  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001 -- a defect met by one file must not lose the others; it is logged
        return FileResult(name, error=_reported(error))
    return FileResult(
        name, accepted.image, created=accepted.created, restored=accepted.restored, warnings=accepted.warnings
    )


def _reported(error: Exception) -> ImageSearchError:
    known = known_error(error)
    if known is None:
        logger.error("An uploaded file could not be stored: %s", error, exc_info=error)
        return ImageSearchError()
    if known.http_status >= 500:
        logger.error("An uploaded file could not be stored: %s", error, extra={"refusal": known.code})
    return for_visitors(known)


def _form_page(request: SignedInRequest, form: UploadForm, *, status: int) -> HttpResponse:
    limits = gallery()
    page = {
        "form": form,
        "limits": limits,
        "quota": quota_of(request.user),
        "sent_bytes": sent_bytes_of(request.user),
        "megabytes": f"{limits.max_upload_bytes / 1_000_000:g}",  # of a million bytes, as the setting counts
        "megapixels": f"{limits.max_pixels / 1_000_000:g}",
        "formats": LABELS.values(),
        # The extensions too: systems that do not know a kind of file, such as JPEG XL, would not offer it.
        "accepted": (*MIME_TYPES.values(), *ALL_EXTENSIONS),
    }
    return render(request, "gallery/upload.html", page, status=status)


def _answer(result: FileResult) -> JsonResponse:
    if result.image is None:
        return _refusal(result.error or ImageSearchError())
    values = {
        "outcome": result.outcome,
        "message": result.sentence,
        "warnings": result.warning_sentences,
        "name": result.image.original_name,
        "url": reverse("image", args=[result.image.pk]),
        "thumbnail": thumbnail_address(result.image),
        "id": result.image.pk,
        "is_waiting": result.image.is_pending,
    }
    return JsonResponse(values, status=result.status)


def _refusal_of(form: UploadForm) -> JsonResponse:
    if form.error is not None:
        return _refusal(form.error)
    message = " ".join(str(message) for errors in form.errors.values() for message in errors)
    return JsonResponse(error_body("invalid", message), status=400)


def _refusal(error: ImageSearchError) -> JsonResponse:
    return JsonResponse(body_of(error), status=error.http_status, headers=retry_headers(error))
