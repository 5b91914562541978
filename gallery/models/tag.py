from collections.abc import Iterable
from typing import Self

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from gallery.text.tag_names import MAX_TAG_CHARACTERS, folded_tag, tag_key


class TagQuerySet(models.QuerySet["Tag"]):
    def named(self, names: Iterable[str]) -> list["Tag"]:
        """Return the tags of these names in order, making those that do not exist yet."""
        by_key = {tag_key(name): name for name in names}
        found: dict[str, Tag] = {}
        while missing := sorted(by_key.keys() - found.keys()):  # in one order: no two uploads deadlock
            rows = [Tag(name=by_key[key], key=key, folded_name=folded_tag(key)) for key in missing]
            self.bulk_create(rows, ignore_conflicts=True)
            found.update((tag.key, tag) for tag in self.filter(key__in=missing))  # another may have deleted one since
        return [found[key] for key in by_key]

    def merge(self, tags: Iterable["Tag"], *, into: "Tag") -> None:
        """Give every picture of these tags the tag `into`, and delete the other tags. The verb is `merge_tags`."""
        links = self.model.images.through.objects
        others = [tag.pk for tag in tags if tag.pk != into.pk]
        with transaction.atomic(using=self.db):
            images = links.filter(tag__in=others).values_list("image", flat=True).distinct()
            links.bulk_create([links.model(image_id=pk, tag_id=into.pk) for pk in images], ignore_conflicts=True)
            self.filter(pk__in=others).delete()

    def unused(self) -> Self:
        links = self.model.images.through.objects.filter(tag=models.OuterRef("pk"))
        return self.filter(~models.Exists(links))  # one look per tag; a join would read every link


class Tag(models.Model):
    name = models.CharField(_("name"), max_length=MAX_TAG_CHARACTERS)
    key = models.CharField(_("key"), max_length=MAX_TAG_CHARACTERS * 3, unique=True, editable=False)  # casefold grows
    folded_name = models.CharField(
        _("folded name"), max_length=MAX_TAG_CHARACTERS * 18, db_index=True, default="", editable=False
    )  # as many letters become of one, at most

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["key"]
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        constraints = [models.CheckConstraint(condition=~models.Q(key=""), name="tag_key_not_empty")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.key, self.folded_name = tag_key(self.name), folded_tag(self.name)
        super().save(*args, **kwargs)  # type: ignore[arg-type]
