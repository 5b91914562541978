"""The account of whoever asks: what holds for all of its pictures where they do not say otherwise."""

from dataclasses import asdict
from typing import Any, cast

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gallery.models import User
from gallery.services.accounts import choose_originals
from gallery.services.limits import sent_bytes_of
from gallery.services.quotas import Share, quota_of

from .authentication import actor_of
from .negotiation import AlwaysJSON
from .parsers import JSONObjectParser
from .permissions import SignedIn
from .serializers import TruthField


class ShareSerializer(serializers.Serializer[Share]):
    used = serializers.IntegerField(min_value=0)
    limit = serializers.IntegerField(min_value=1, allow_null=True, help_text="null: no limit.")


class AccountSerializer(serializers.Serializer[User]):
    username = serializers.CharField()
    gives_whole_originals = serializers.BooleanField(
        help_text="Whether others get your originals as they are, where a picture does not say otherwise."
    )
    pictures = serializers.SerializerMethodField(help_text="Pictures in your library, the trash included.")
    size_bytes = serializers.SerializerMethodField(help_text="Bytes of their originals.")
    sent_bytes = serializers.SerializerMethodField(help_text="Bytes that you have sent within an hour.")

    @extend_schema_field(ShareSerializer)
    def get_pictures(self, user: User) -> Any:
        return asdict(quota_of(user).pictures)

    @extend_schema_field(ShareSerializer)
    def get_size_bytes(self, user: User) -> Any:
        return asdict(quota_of(user).size_bytes)

    @extend_schema_field(ShareSerializer)
    def get_sent_bytes(self, user: User) -> Any:
        return asdict(sent_bytes_of(user))


class AccountChangeSerializer(serializers.Serializer[User]):
    gives_whole_originals = TruthField(
        help_text="Whether others get your originals as they are, with position, serial numbers and other metadata."
    )


class AccountView(APIView):
    content_negotiation_class = AlwaysJSON
    permission_classes = [SignedIn]
    parser_classes = [JSONObjectParser]

    @extend_schema(summary="Your account", responses=AccountSerializer)
    def get(self, request: Request) -> Response:
        return Response(AccountSerializer(cast(User, request.user)).data)

    @extend_schema(summary="Change your account", request=AccountChangeSerializer, responses=AccountSerializer)
    def patch(self, request: Request) -> Response:
        form = AccountChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = cast(User, request.user)
        if "gives_whole_originals" in form.validated_data:
            choose_originals(user, gives_whole=form.validated_data["gives_whole_originals"], by=actor_of(request))
        return Response(AccountSerializer(user).data)
