"""The index's facts, and changing its model: from any page of the admin nobody waits for it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gallery.encoders.model_cards import CARDS
from gallery.encoders.registry import canonical_name, weights_available
from gallery.error_messages import as_validation_error, stored_sentence
from gallery.errors import ModelChangeRunning, UnknownEncoder
from gallery.models import IndexState, Job, JobKind, ModelChange, NextEmbedding, time_left
from gallery.models.access import may_change_model
from gallery.services.embedding.model_change import (
    ask_for_change,
    cancel_change,
    change_is_running,
    change_progress,
)
from gallery.services.embedding.model_change_job import begin_model_change
from gallery.services.long_kinds import LONG_KINDS
from gallery.services.waiting_jobs import end_killed

from .audited import actor_of
from .base import ReadOnlyAdmin
from .encoders import encoders

COLUMNS = ["encoder_id", "encoder_revision", "dimension", "row_count", "epoch", "version", "updated_at"]
SHOWN_FAILURES = 20


class ModelForm(forms.Form):
    """Which model to move to: one whose weights are here, or any name."""

    model = forms.ChoiceField(label=_("Model"), required=False)
    name = forms.CharField(
        label=_("Or another one"),
        required=False,
        max_length=200,
        help_text=_("clip:NAME of the Hugging Face hub, which is downloaded, or clip:/a/folder"),
    )

    def __init__(self, data: Any = None, *, present: str) -> None:
        super().__init__(data)
        names = [name for name in _names_at_hand() if name != present]
        once_more = gettext("%(model)s, once more from the originals") % {"model": present}
        self.fields["model"].choices = [  # type: ignore[attr-defined]
            *((name, name) for name in names),
            *([(present, once_more)] if present else []),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        try:
            cleaned["encoder"] = canonical_name(cleaned.get("name") or cleaned.get("model") or "")
        except UnknownEncoder as error:
            raise as_validation_error(error) from error
        return cleaned


def _names_at_hand() -> list[str]:
    """Return the models of the registry whose weights are here; a text tower alone is no model."""
    names = [canonical_name(card.name) for card in CARDS if not card.tower_of]
    return [name for name in names if weights_available(name)]


@admin.register(IndexState)
class IndexStateAdmin(ReadOnlyAdmin[IndexState]):
    list_display = [*COLUMNS]
    fields = [*COLUMNS]
    change_form_template = "admin/gallery/indexstate/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("model/", self.admin_site.admin_view(self.model_view), name="gallery_model"),
            path("encoders/", self.admin_site.admin_view(self.encoders_view), name="gallery_indexstate_encoders"),
            path("model/progress/", self.admin_site.admin_view(self.progress_view), name="gallery_model_progress"),
        ]
        return own + super().get_urls()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = self._model_context(request) | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)

    def encoders_view(self, request: HttpRequest) -> HttpResponse:
        with self.telling_errors(request):
            return encoders(self, request)
        return redirect("admin:index")

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """The part of the page that renews itself; the whole page once there is nothing to wait for any more."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = self._model_context(request)
        response = TemplateResponse(request, "admin/gallery/indexstate/model.html", context)
        if context["progress"] is None:
            response.headers["HX-Refresh"] = "true"
        return response

    def model_view(self, request: HttpRequest) -> HttpResponse:
        """Begin, go on with, or give up a change of the model."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may_change_model(actor_of(request)):
            raise PermissionDenied
        steps: dict[str, Callable[[HttpRequest], None]] = {
            "begin": self._begin,
            "continue": self._continue,
            "retry": lambda request: self._continue(request, retry_failed=True),
            "accept": lambda request: self._continue(request, accept_failures=True),
            "cancel": self._cancel,
        }
        step = steps.get(request.POST.get("step", ""))
        if step is None:
            raise BadRequest
        with self.telling_errors(request):
            step(request)
        return redirect(reverse("admin:gallery_indexstate_change", args=[1]))

    def _begin(self, request: HttpRequest) -> None:
        form = ModelForm(request.POST, present=IndexState.objects.current().encoder_id)
        if not form.is_valid():
            for problem in [sentence for problems in form.errors.values() for sentence in problems]:
                self.message_user(request, str(problem), messages.ERROR)
            return
        change = ask_for_change(form.cleaned_data["encoder"], by=actor_of(request))
        self._have_done(request, change)

    def _continue(self, request: HttpRequest, *, retry_failed: bool = False, accept_failures: bool = False) -> None:
        change = ModelChange.objects.current()
        if change is None or change.is_switched:
            self.message_user(request, gettext("There is nothing to go on with."), messages.WARNING)
            return
        self._have_done(request, change, retry_failed=retry_failed, accept_failures=accept_failures)

    def _have_done(self, request: HttpRequest, change: ModelChange, **switches: bool) -> None:
        if change_is_running():
            raise ModelChangeRunning
        begin_model_change(change, by=actor_of(request), **switches)
        said = gettext("The library moves to “%(model)s”. Searches and uploads go on meanwhile.")
        self.message_user(request, said % {"model": change.encoder_id}, messages.SUCCESS)

    def _cancel(self, request: HttpRequest) -> None:
        if cancel_change(by=actor_of(request)):
            self.message_user(request, gettext("The change was given up. The index is as it was."), messages.SUCCESS)

    def _model_context(self, request: HttpRequest) -> dict[str, Any]:
        end_killed(LONG_KINDS, Job.objects.of_kind(JobKind.MODEL_CHANGE))
        progress = change_progress()
        state = IndexState.objects.current()
        failed = NextEmbedding.objects.failed().select_related("image").order_by("image_id")[:SHOWN_FAILURES]
        return {
            "state": state,
            "progress": progress,
            "error": stored_sentence(progress.change.failure) if progress else "",
            "time_left": time_left(progress.seconds_left) if progress else "",
            "failures": [(each.image, stored_sentence(each.failure)) for each in failed] if progress else [],
            "more_failures": max(0, progress.failed - SHOWN_FAILURES) if progress else 0,
            "may_change_model": may_change_model(actor_of(request)),
            "model_form": ModelForm(present=state.encoder_id),
        }
