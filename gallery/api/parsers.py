"""JSON that is read only as far as it is allowed to go."""

import codecs
import shutil
from collections import Counter
from collections.abc import Mapping
from tempfile import SpooledTemporaryFile, TemporaryFile
from threading import Lock
from typing import IO, Any

from django.core.files.base import File
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext_lazy as _
from rest_framework import parsers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, DataAndFiles, JSONParser, MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.utils import json

from gallery.errors import RepeatedField
from gallery.multipart_forms import FormParser

from .base64_pictures import decoded_picture

BYTE_ORDER_MARK = "\ufeff"  # some programs on Windows begin a file with it
IN_MEMORY_BYTES = 2_500_000
_one_at_a_time = Lock()  # of the long ones, for each takes about four times its length while it is parsed


class JSONObjectParser(JSONParser):
    """Accepts an object only, that names nothing twice: the first of two would be lost without a word."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        text = codecs.getreader(parsers.get_encoding(parser_context or {}))(stream)  # type: ignore[attr-defined]  # not in the stubs
        try:
            parsed = json.loads(text.read().removeprefix(BYTE_ORDER_MARK), object_pairs_hook=_named_once)
        except RecursionError:
            raise ParseError(_("The JSON is nested too deeply.")) from None
        except ValueError as error:
            raise ParseError(f"JSON parse error - {error}") from error
        if not isinstance(parsed, dict):
            raise ParseError(_("The JSON must be an object: {...}."))
        return parsed


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    counts = Counter(name for name, _value in pairs)
    for name, count in counts.items():
        if count > 1:
            raise RepeatedField(field=name, count=count)
    return dict(pairs)


class FormWithFilesParser(MultiPartParser):
    """The framework's, which loses no file for its name."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> "DataAndFiles[Any, Any]":
        request = (parser_context or {})["request"]
        meta = request.META | {"CONTENT_TYPE": media_type}
        try:
            return DataAndFiles(*FormParser(meta, stream, request.upload_handlers, "utf-8").parse())
        except MultiPartParserError as error:
            raise ParseError(_("The form cannot be read: %s") % error) from None


class PictureJSONParser(BaseParser):
    """Accepts what JSONObjectParser does, with a picture in `image`: as long as `request_size` lets a request be.

    It is no JSONParser, whose body the framework reads into memory first and refuses above 2.5 MB. A long body waits on
    the disk until it is its turn, and the picture in it becomes a file, so that many such requests at once take little
    more memory than one.
    """

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        with SpooledTemporaryFile(IN_MEMORY_BYTES) as body:
            shutil.copyfileobj(stream, body)
            is_long = body.tell() > IN_MEMORY_BYTES
            body.seek(0)
            if not is_long:
                return JSONObjectParser().parse(body, media_type, parser_context)
            with _one_at_a_time:
                return _with_picture_as_file(JSONObjectParser().parse(body, media_type, parser_context))


def _with_picture_as_file(parsed: dict[str, Any]) -> dict[str, Any]:
    """Replace a picture in base64 by a file; whatever else stands there is judged by the form."""
    if not isinstance(parsed.get("image"), str):
        return parsed
    try:
        content = decoded_picture(parsed["image"])
    except ValueError:
        return parsed
    file = TemporaryFile()  # noqa: SIM115 -- it is gone with the last reference to it
    file.write(content)
    return parsed | {"image": File(file)}
