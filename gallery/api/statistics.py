"""How many pictures there are and in which state, and another try for those that failed."""

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gallery.models import Image
from gallery.search_index import search_index
from gallery.services.curation import retry_failed
from gallery.services.embedding.encoder_in_use import current_encoder_name

from .authentication import actor_of
from .negotiation import AlwaysJSON
from .serializers import RetrySerializer, StatisticsSerializer


class StatisticsView(APIView):
    content_negotiation_class = AlwaysJSON

    @extend_schema(summary="Count the pictures that you may see", responses=StatisticsSerializer)
    def get(self, request: Request) -> Response:
        actor = actor_of(request)
        lists = search_index().lists
        mine = lists.statistics(Image.objects.library_of(actor)) if actor.user is not None else None
        seen = lists.statistics(Image.objects.visible_to(actor))
        body = asdict(seen) | {"encoder": current_encoder_name(), "mine": asdict(mine) if mine is not None else None}
        return Response(body)


class RetryView(APIView):
    content_negotiation_class = AlwaysJSON

    @extend_schema(
        summary="Try again to make all your failed pictures searchable",
        request=None,
        responses=RetrySerializer,
    )
    def post(self, request: Request) -> Response:
        mine = Image.objects.library_of(actor_of(request))
        tried = retry_failed(mine, by=actor_of(request))
        return Response({"tried": tried, "mine": asdict(search_index().lists.statistics(mine))})
