"""The pages of django-axes, but that what is done on them is in the audit log."""

from axes.admin import AccessAttemptAdmin, AccessFailureLogAdmin, AccessLogAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin

from .base import GalleryAdmin

admin.site.unregister([AccessAttempt, AccessLog, AccessFailureLog])


@admin.register(AccessAttempt)
class AuditedAccessAttemptAdmin(GalleryAdmin[AccessAttempt], AccessAttemptAdmin):  # type: ignore[misc]
    pass


@admin.register(AccessLog)
class AuditedAccessLogAdmin(GalleryAdmin[AccessLog], AccessLogAdmin):  # type: ignore[misc]
    pass


@admin.register(AccessFailureLog)
class AuditedAccessFailureLogAdmin(GalleryAdmin[AccessFailureLog], AccessFailureLogAdmin):  # type: ignore[misc]
    pass
