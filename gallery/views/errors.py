"""Error pages: 400, 403, 404, 413, 429, 500 and whatever status an error of ours carries."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from gallery.doors import sentence
from gallery.errors import ImageSearchError


def error_page(request: HttpRequest, error: ImageSearchError) -> HttpResponse:
    return render(
        request,
        "gallery/error.html",
        {"status": error.http_status, "message": sentence(error), "code": error.code},
        status=error.http_status,
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "gallery/error.html", {"status": 400}, status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "gallery/error.html", {"status": 403}, status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "gallery/error.html", {"status": 404}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "gallery/error.html", {"status": 500}, status=500)


def too_many_sign_ins(request: HttpRequest, credentials: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
    return render(request, "gallery/error.html", {"status": 429}, status=429)
