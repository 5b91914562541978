"""What can be done to many pictures at once. Each action is a service; those that ask first have a page."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextInputWidget
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy, ngettext

from gallery.byte_amounts import bytes_in_words
from gallery.error_messages import as_validation_error
from gallery.errors import ImageSearchError
from gallery.models import Image, ImageQuerySet, Visibility
from gallery.services import curation
from gallery.text.tag_names import parse_tags

from .action_page import Question, answers, ask, is_confirmed
from .audited import actor_of
from .base import WholeDeletionAdmin, lists_for
from .counted_deletion import CountedDeletion


class TagsForm(forms.Form):
    tags = forms.CharField(
        label=gettext_lazy("Tags"),
        help_text=gettext_lazy("Separate them with commas."),
        widget=AdminTextInputWidget,
        max_length=4000,
    )

    def clean_tags(self) -> str:
        text: str = self.cleaned_data["tags"]
        try:
            names = parse_tags(text)
        except ImageSearchError as error:
            raise as_validation_error(error) from error
        if not names:
            raise forms.ValidationError(gettext("No tag was given. Type at least one."), code="no_tag")
        return text


class VisibilityForm(forms.Form):
    visibility = forms.ChoiceField(
        label=gettext_lazy("Visibility"), choices=Visibility.choices, widget=forms.RadioSelect
    )


class ImageActions(CountedDeletion[Image], WholeDeletionAdmin[Image]):
    actions = [
        "add_tags",
        "remove_tags",
        "change_visibility",
        "embed_again",
        "retry_failed",
        "read_again",
        "move_to_trash",
        "restore",
        "delete_selected",
    ]

    @admin.action(description=gettext_lazy("Add tags…"), permissions=["change"])
    def add_tags(self, request: HttpRequest, images: ImageQuerySet) -> HttpResponse | None:
        form = TagsForm(answers(request))
        if not form.is_valid():
            title = gettext("Add tags to pictures")
            return ask(
                self, request, images, Question(action="add_tags", title=title, button=gettext("Add tags"), form=form)
            )
        tags = form.cleaned_data["tags"]
        count = curation.add_tags(images, tags, by=actor_of(request))
        self._say(request, ngettext("Tags were added to %d picture.", "Tags were added to %d pictures.", count) % count)
        return None

    @admin.action(description=gettext_lazy("Remove tags…"), permissions=["change"])
    def remove_tags(self, request: HttpRequest, images: ImageQuerySet) -> HttpResponse | None:
        form = TagsForm(answers(request))
        if not form.is_valid():
            title = gettext("Remove tags from pictures")
            return ask(
                self,
                request,
                images,
                Question(action="remove_tags", title=title, button=gettext("Remove tags"), form=form),
            )
        tags = form.cleaned_data["tags"]
        count = curation.remove_tags(images, tags, by=actor_of(request))
        self._say(request, ngettext("%d tag was removed.", "%d tags were removed.", count) % count)
        return None

    @admin.action(description=gettext_lazy("Change visibility…"), permissions=["change"])
    def change_visibility(self, request: HttpRequest, images: ImageQuerySet) -> HttpResponse | None:
        form = VisibilityForm(answers(request))
        if not form.is_valid():
            title = gettext("Change the visibility of pictures")
            return ask(
                self,
                request,
                images,
                Question(action="change_visibility", title=title, button=gettext("Change visibility"), form=form),
            )
        value = form.cleaned_data["visibility"]
        count = curation.set_visibility(images, value, by=actor_of(request))
        self._say(
            request,
            ngettext("The visibility of %d picture was changed.", "The visibility of %d pictures was changed.", count)
            % count,
        )
        return None

    @admin.action(description=gettext_lazy("Embed again"), permissions=["change"])
    def embed_again(self, request: HttpRequest, images: ImageQuerySet) -> None:
        """A failure of the encoder is no failure of the action: the pictures wait, and their status says so."""
        count = curation.embed_again(images, by=actor_of(request))
        self._say(
            request,
            ngettext("%d picture was sent to be embedded.", "%d pictures were sent to be embedded.", count) % count,
        )

    @admin.action(description=gettext_lazy("Retry failed ones"), permissions=["change"])
    def retry_failed(self, request: HttpRequest, images: ImageQuerySet) -> None:
        count = curation.retry_failed(images, by=actor_of(request))
        self._say(
            request,
            ngettext(
                "%d failed picture will be tried again in a moment.",
                "%d failed pictures will be tried again in a moment.",
                count,
            )
            % count,
        )

    @admin.action(description=gettext_lazy("Read the text in them again"), permissions=["change"])
    def read_again(self, request: HttpRequest, images: ImageQuerySet) -> None:
        count = curation.read_again(images, by=actor_of(request))
        self._say(
            request,
            ngettext("The text in %d picture will be read again.", "The text in %d pictures will be read again.", count)
            % count,
        )

    @admin.action(description=gettext_lazy("Move to the trash"), permissions=["change"])
    def move_to_trash(self, request: HttpRequest, images: ImageQuerySet) -> None:
        count = curation.move_to_trash(images, by=actor_of(request))
        self._say(
            request,
            ngettext("%d picture was moved to the trash.", "%d pictures were moved to the trash.", count) % count,
        )

    @admin.action(description=gettext_lazy("Bring back from the trash"), permissions=["change"])
    def restore(self, request: HttpRequest, images: ImageQuerySet) -> None:
        count = curation.restore(images, by=actor_of(request))
        self._say(request, ngettext("%d picture was brought back.", "%d pictures were brought back.", count) % count)

    @admin.action(description=gettext_lazy("Delete forever…"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, images: ImageQuerySet) -> HttpResponse | None:
        """Takes the place of Django's action, whose page lists every row."""
        if not is_confirmed(request):
            totals = lists_for(request).statistics(images)
            fact = gettext("Together they take %(size)s. Files and vectors go too. This cannot be undone.")
            return ask(
                self,
                request,
                images,
                Question(
                    action="delete_selected",
                    title=gettext("Delete pictures forever"),
                    button=gettext("Delete forever"),
                    facts=[fact % {"size": bytes_in_words(totals.size_bytes)}],
                    dangerous=True,
                ),
            )
        count = lists_for(request).count(images)
        self.delete_queryset(request, images)
        self._say(
            request, ngettext("%d picture was deleted forever.", "%d pictures were deleted forever.", count) % count
        )
        return None

    def _say(self, request: HttpRequest, message: str) -> None:
        self.message_user(request, message, messages.SUCCESS)
