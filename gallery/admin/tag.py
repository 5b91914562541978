from collections.abc import Collection, Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy

from gallery.error_messages import as_validation_error
from gallery.errors import ImageSearchError
from gallery.models import Image, Tag
from gallery.models.tag import TagQuerySet
from gallery.services.tags import merge_tags
from gallery.text.tag_names import parse_tags, tag_key

from .action_page import Question, answers, ask
from .audited import actor_of
from .base import GalleryAdmin, lists_for
from .counted_deletion import CountedDeletion
from .counted_list import CountedChangeList, Counts


class TagForm(forms.ModelForm[Tag]):
    def clean_name(self) -> str:
        """Return the one name that was typed, as the parser of tags spells it."""
        try:
            names = parse_tags(self.cleaned_data["name"])
        except ImageSearchError as error:
            raise as_validation_error(error) from error
        if len(names) != 1:
            raise forms.ValidationError(gettext("A tag is one name, without commas or semicolons."), code="not_one_tag")
        if Tag.objects.filter(key=tag_key(names[0])).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(
                gettext("There is a tag of this name. To make one of two tags, merge them in the list."), code="unique"
            )
        return names[0]


class MergeForm(forms.Form):
    into = forms.ModelChoiceField(
        label=gettext_lazy("Keep this name"), queryset=Tag.objects.none(), widget=forms.RadioSelect, empty_label=None
    )

    def __init__(self, data: Any, *, tags: QuerySet[Tag]) -> None:
        super().__init__(data)
        choice: forms.ModelChoiceField[Tag] = self.fields["into"]  # type: ignore[assignment]
        choice.queryset = tags


@admin.register(Tag)
class TagAdmin(CountedDeletion[Tag], GalleryAdmin[Tag]):
    form = TagForm
    list_display = ["name", "image_count"]
    search_fields = ["folded_name"]
    actions = ["merge", "remove_unused"]
    fields = ["name"]
    counted = ("image_count",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CountedChangeList]:
        return CountedChangeList

    def counts(self, request: HttpRequest, ids: Collection[int]) -> Counts:
        return {"image_count": lists_for(request).tag_counts(Image.objects.all())}

    def going_along(self, request: HttpRequest, ids: Collection[int]) -> Mapping[type[Model], int]:
        counts = lists_for(request).tag_counts(Image.objects.all())
        return {Image.tags.through: sum(counts.get(pk, 0) for pk in ids)}

    @admin.display(description=gettext_lazy("pictures"), ordering="image_count")
    def image_count(self, tag: Tag) -> int:
        count: int = tag.image_count  # type: ignore[attr-defined]
        return count

    @admin.action(description=gettext_lazy("Merge into one tag…"), permissions=["merge"])
    def merge(self, request: HttpRequest, tags: TagQuerySet) -> HttpResponse | None:
        if tags.count() < 2:
            self.message_user(request, gettext("Choose at least two tags to merge."), messages.WARNING)
            return None
        form = MergeForm(answers(request), tags=tags)
        if not form.is_valid():
            title = gettext("Merge tags into one")
            return ask(self, request, tags, Question(action="merge", title=title, button=gettext("Merge"), form=form))
        kept: Tag = form.cleaned_data["into"]
        names = ", ".join(tags.exclude(pk=kept.pk).values_list("name", flat=True))
        merge_tags(tags, into=kept, by=actor_of(request))
        message = gettext("“%(names)s” became “%(kept)s”.") % {"names": names, "kept": kept}
        self.message_user(request, message, messages.SUCCESS)
        return None

    def has_merge_permission(self, request: HttpRequest) -> bool:
        """Merging renames and deletes."""
        return self.has_change_permission(request) and self.has_delete_permission(request)

    @admin.action(description=gettext_lazy("Delete those without pictures"), permissions=["delete"])
    def remove_unused(self, request: HttpRequest, tags: TagQuerySet) -> None:
        unused = Tag.objects.unused().filter(pk__in=tags.values("pk"))
        count = unused.count()
        self.delete_queryset(request, unused)
        self.message_user(request, gettext("Deleted tags without pictures: %d") % count, messages.SUCCESS)
