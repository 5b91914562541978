"""Who may use an endpoint at all. Which pictures they meet there is decided by the querysets alone."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from gallery.models import ApiToken

if TYPE_CHECKING:
    from rest_framework.views import APIView  # the framework imports this file while it defines it


class ReadOrSignedIn(BasePermission):
    """Everyone may read; writing needs an account, and a token that is not read-only."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if request.method in SAFE_METHODS:
            return True
        if not request.user.is_authenticated:
            raise NotAuthenticated
        if isinstance(request.auth, ApiToken) and request.auth.read_only:
            raise PermissionDenied(_("This token may only read. Use one that may also write."))
        return True


class SignedIn(ReadOrSignedIn):
    """Reading needs an account, too."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not request.user.is_authenticated:
            raise NotAuthenticated
        return super().has_permission(request, view)
