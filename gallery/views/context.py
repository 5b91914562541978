from typing import Any

from django.http import HttpRequest

from gallery.conf import gallery


def site(request: HttpRequest) -> dict[str, Any]:
    """What every page needs."""
    return {"sign_up_open": gallery().sign_up_open}
