"""Tokens for programs. Only a hash is stored, so the table is of no use to a thief."""

import hashlib
import secrets
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .user import User

TOKEN_PREFIX = "ims_"  # lets a secret scanner recognise a leaked token  # noqa: S105 -- a prefix, not a secret
TOKEN_BYTES = 32


def hash_token(token: str) -> str:
    """Return the SHA-256 of a token; 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def issue(self, user: User, *, name: str = "", read_only: bool = False) -> str:
        """Store a new token's hash; return the token itself, which cannot be read again. The verb is `issue_token`."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
        self.create(user=user, name=name, token_hash=hash_token(token), read_only=read_only)
        return token

    def matching(self, token: str) -> Self:
        return self.filter(token_hash=hash_token(token), user__is_active=True).select_related("user")


class ApiToken(models.Model):
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    read_only = models.BooleanField(_("read only"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return self.name or gettext("token %(number)s") % {"number": self.pk}
