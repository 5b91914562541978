from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group

from .base import GalleryAdmin

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(GalleryAdmin[Group], DjangoGroupAdmin):
    """Django's, but that what is done to the rights of a group is in the audit log."""
