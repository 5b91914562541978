"""What several endpoints take in their address."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from gallery.retrieval.request import DEFAULT_TOP

ID = "[0-9]{1,18}"  # what a 64-bit id can hold
TOP = OpenApiParameter("top", OpenApiTypes.INT, default=DEFAULT_TOP, description="How many results, from 1.")
TAG = OpenApiParameter("tag", OpenApiTypes.STR, many=True, description="Only pictures with all of these tags.")
