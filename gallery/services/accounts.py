"""Verbs about accounts that span database, vectors and files."""

from collections.abc import Sequence

from gallery.models import Actor, User

from .curation import delete_with_owners


def delete_accounts(user_ids: Sequence[int], *, by: Actor) -> int:
    """Delete accounts and everything that is theirs; return how many accounts that were.

    First the doors are closed, so that nothing is uploaded meanwhile; then the pictures go with their vectors and
    files; at last the rows. Whatever stops it half-way leaves closed accounts, and doing it again goes on. Who may
    delete which account, the caller has asked.
    """
    users = User.objects.filter(pk__in=user_ids)
    users.update(is_active=False)
    delete_with_owners(user_ids, by=by)
    _total, per_model = users.delete()
    return per_model.get("gallery.User", 0)
