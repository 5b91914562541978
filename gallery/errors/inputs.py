"""What people type, choose or point to."""

from .base import ImageSearchError, gettext_noop


class InvalidInput(ImageSearchError):
    code = "invalid"
    http_status = 400
    message = gettext_noop("This request is not valid: %(reason)s.")


class EmptyQuery(InvalidInput):
    code = "empty_query"
    message = gettext_noop("The search is empty. Type what the picture shows, or choose a picture.")


class QueryWithoutWords(InvalidInput):
    code = "query_without_words"
    message = gettext_noop("“%(query)s” has no letters or digits. Type what the picture shows.")


class QueryTooLong(InvalidInput):
    code = "query_too_long"
    message = gettext_noop("The search has %(length)s characters; the limit is %(limit)s. Use a shorter sentence.")


class QueryWithControlCharacters(InvalidInput):
    code = "query_with_control_characters"
    message = gettext_noop("The search contains an invisible control character (%(character)s). Type it again by hand.")


class InvalidCursor(InvalidInput):
    code = "invalid_cursor"
    http_status = 404  # as a page that there is not
    message = gettext_noop("This cursor is none that this site gave. Start again without it.")


class CursorOfAnotherList(InvalidInput):
    code = "cursor_of_another_list"
    message = gettext_noop("This cursor belongs to a list with other filters or another order. Start again without it.")


class QueryPictureForgotten(InvalidInput):
    code = "query_picture_forgotten"
    http_status = 404
    message = gettext_noop("The picture of this search is no longer kept. Choose it again.")


class UnknownImage(InvalidInput):
    code = "unknown_image"
    http_status = 404
    message = gettext_noop("There is no picture %(image_id)s that you may search with.")


class InvalidTop(InvalidInput):
    code = "invalid_top"
    message = gettext_noop("The number of results is “%(value)s”; it must be a whole number from 1 to %(limit)s.")


class InvalidBox(InvalidInput):
    code = "invalid_box"
    message = gettext_noop(
        "“%(value)s” is no part of a picture. Give its left, top, width and height as shares of the picture, with "
        "commas between them; it must lie within the picture and be larger than nothing, as in 0.1,0.2,0.5,0.4."
    )


class BoxWithoutPicture(InvalidInput):
    code = "box_without_picture"
    message = gettext_noop("“%(value)s” is a part of a picture, and there is no picture. Add one, or leave it out.")


class InvalidOrder(InvalidInput):
    code = "invalid_order"
    message = gettext_noop("The order is “%(value)s”; it must be one of %(choices)s.")


class InvalidTag(InvalidInput):
    code = "invalid_tag"
    message = gettext_noop("The tag “%(tag)s” has %(length)s characters; the limit is %(limit)s. Use a shorter tag.")


class TooManyTags(InvalidInput):
    code = "too_many_tags"
    message = gettext_noop("There are %(count)s tags; the limit is %(limit)s. Remove some of them.")


class TooManySavedSearches(InvalidInput):
    code = "too_many_saved_searches"
    http_status = 409
    message = gettext_noop("You have %(limit)s saved searches, which is the limit. Delete some of them.")


class InvalidVisibility(InvalidInput):
    code = "invalid_visibility"
    message = gettext_noop("The visibility is “%(value)s”; it must be one of %(choices)s.")


class NoFiles(InvalidInput):
    code = "no_files"
    message = gettext_noop("No file came with this upload. Choose at least one picture.")


class TooManyFiles(InvalidInput):
    code = "too_many_files"
    http_status = 413
    message = gettext_noop("There are more than %(limit)s files, which is the limit. Upload them in several batches.")


class LengthRequired(InvalidInput):
    code = "length_required"
    http_status = 411
    message = gettext_noop(
        "This request does not say how long it is (Transfer-Encoding: chunked), so it is not read. Send it with a "
        "Content-Length."
    )


class PackedBody(InvalidInput):
    code = "packed_body"
    http_status = 415
    message = gettext_noop(
        "This request is packed (Content-Encoding: %(encoding)s), so it is not read. Send it unpacked."
    )


class SeveralFiles(InvalidInput):
    code = "several_files"
    message = gettext_noop(
        "%(count)s files came under “%(field)s”; the limit is %(limit)s. Send each in a request of its own."
    )


class UnknownFileField(InvalidInput):
    code = "unknown_file_field"
    message = gettext_noop("A file came under “%(field)s”, where none is taken. Send the picture under “%(expected)s”.")


class UnexpectedFile(InvalidInput):
    code = "unexpected_file"
    message = gettext_noop("A file came under “%(field)s”, but this request takes none. Leave it out.")


class RepeatedField(InvalidInput):
    code = "repeated_field"
    message = gettext_noop("“%(field)s” came %(count)s times; the limit is once. Decide which one is meant.")


class DescriptionTooLong(InvalidInput):
    code = "description_too_long"
    message = gettext_noop("The description has %(length)s characters; the limit is %(limit)s. Shorten it.")


class UnknownUser(InvalidInput):
    code = "unknown_user"
    message = gettext_noop("There is no user “%(username)s”. Create it with: manage.py createsuperuser, or sign up.")


class UnreadablePath(InvalidInput):
    code = "unreadable_path"
    message = gettext_noop("“%(path)s” cannot be read: %(reason)s.")


class UnwritablePath(InvalidInput):
    code = "unwritable_path"
    message = gettext_noop("“%(path)s” cannot be written: %(reason)s. Name another folder or change its permissions.")


class InvalidQueryFile(InvalidInput):
    code = "invalid_query_file"
    message = gettext_noop(
        "“%(path)s” is not a query file: %(reason)s. Each of its “queries” needs a “query”, a “lang” and a list "
        "“relevant” of file names."
    )


class NoPictures(InvalidInput):
    code = "no_pictures"
    message = gettext_noop(
        "There is no picture that can be read in “%(path)s” (files there: %(files)s). Name the folder of the pictures."
    )
