"""What several endpoints take in their address."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from .schema_fields import TAG_LIST

ID = "[0-9]{1,18}"  # what a 64-bit id can hold
TAG = OpenApiParameter(
    "tag",
    TAG_LIST,
    description="Only pictures with all of these tags; repeat it, or separate them with commas.",
)
ETAG = OpenApiParameter(
    "ETag", OpenApiTypes.STR, OpenApiParameter.HEADER, required=True, response=[200, 304], description="Of the bytes."
)
LOCATION = OpenApiParameter(
    "Location",
    OpenApiTypes.URI,
    OpenApiParameter.HEADER,
    required=True,
    response=[201],
    description="Where the new picture is.",
)
