"""Long work: what runs, how far it is, how it ended; cancelling it."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from gallery.error_messages import stored_sentence
from gallery.errors import StoredError
from gallery.models import Job, JobItem
from gallery.services.long_kinds import LONG_KINDS
from gallery.services.long_work import cancel
from gallery.services.waiting_jobs import end_killed, go_on

from .authentication import actor_of
from .negotiation import AlwaysJSON
from .pagination import ListPagination
from .parameters import ID
from .permissions import SignedIn


class ReasonSerializer(serializers.Serializer[StoredError]):
    code = serializers.CharField(allow_blank=True, help_text='For programs; "" where only the sentence was kept.')
    message = serializers.SerializerMethodField(help_text="For people, in the language of the request.")

    def get_message(self, error: StoredError) -> str:
        return stored_sentence(error)


class JobSerializer(serializers.ModelSerializer[Job]):
    kind = serializers.CharField(help_text="An open list: import, model_change, bulk_change...")
    what = serializers.CharField(help_text="What it does, in the language of the request.")
    asked_by = serializers.CharField(source="actor", help_text="A user name, or what else began it.")
    owner = serializers.CharField(
        source="owner.username", allow_null=True, default=None, help_text="Whose library it works in, if it is one's."
    )
    seconds_left = serializers.FloatField(allow_null=True, help_text="At the speed of the last minute; null: unknown.")
    error = ReasonSerializer(source="failure", allow_null=True, help_text="Why it ended before it was done.")

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "what",
            "subject",
            "status",
            "owner",
            "asked_by",
            "total",
            "done",
            "failed",
            "seconds_left",
            "asked_at",
            "started_at",
            "finished_at",
            "cancel_asked_at",
            "error",
        ]
        read_only_fields = fields

    def to_representation(self, instance: Job) -> dict[str, Any]:
        return super().to_representation(instance.told_to(actor_of(self.context["request"])))


class JobItemSerializer(serializers.ModelSerializer[JobItem]):
    reason = ReasonSerializer(allow_null=True)

    class Meta:
        model = JobItem
        fields = ["kind", "item", "reason"]
        read_only_fields = fields

    def to_representation(self, instance: JobItem) -> dict[str, Any]:
        return super().to_representation(instance.told_to(actor_of(self.context["request"])))


class JobViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Job]):
    queryset = Job.objects.none()
    serializer_class = JobSerializer
    pagination_class = ListPagination
    content_negotiation_class = AlwaysJSON
    permission_classes = [SignedIn]
    lookup_value_regex = ID

    def get_queryset(self) -> QuerySet[Job]:
        visible = Job.objects.visible_to(actor_of(self.request))
        end_killed(LONG_KINDS, visible)
        return visible.select_related("owner", "asked_by").newest()

    @extend_schema(summary="List your long work, newest first")
    def list(self, request: Request) -> Response:
        return super().list(request)

    @extend_schema(summary="One piece of long work: how far it is, how it ended")
    def retrieve(self, request: Request, pk: str) -> Response:
        return super().retrieve(request, pk=pk)

    @extend_schema(summary="What failed, was left out or changed, one by one", responses=JobItemSerializer(many=True))
    @action(detail=True)
    def items(self, request: Request, pk: str) -> Response:
        rows: QuerySet[Any] = self.get_object().items.order_by("pk")
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(
            JobItemSerializer(page, many=True, context=self.get_serializer_context()).data
        )

    @extend_schema(summary="Cancel: what waits ends at once, what runs after its batch", request=None)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        job = self.get_object()
        cancel(Job.objects.filter(pk=job.pk), by=actor_of(request))
        return self._as_it_is_now(job)

    @extend_schema(summary="Let a worker go on with what ended before it was done", request=None)
    @action(detail=True, methods=["post"], url_path="go-on")
    def go_on(self, request: Request, pk: str) -> Response:
        job = self.get_object()
        go_on(Job.objects.filter(pk=job.pk), by=actor_of(request))
        return self._as_it_is_now(job)

    def _as_it_is_now(self, job: Job) -> Response:
        return Response(self.get_serializer(get_object_or_404(self.get_queryset(), pk=job.pk)).data)
