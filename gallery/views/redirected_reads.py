from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

PageFunction = Callable[..., HttpResponse]


def reads_redirected_to(url_name: str) -> Callable[[PageFunction], PageFunction]:
    """Send who comes to a form's address by reading it to the page with the form.

    That happens: a refused form is shown at this address, so its page links and the language switch lead back to it,
    and so does signing in after the session has ended.
    """

    def decorated(view: PageFunction) -> PageFunction:
        @wraps(view)
        def posted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in ("GET", "HEAD"):
                return view(request, *args, **kwargs)
            query = request.GET.urlencode()
            return redirect(f"{reverse(url_name)}?{query}" if query else url_name)

        return posted

    return decorated
