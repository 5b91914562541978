"""Verbs about accounts: making them, their tokens, and deleting them with database, vectors and files."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.db import transaction

from gallery.models import Actor, Album, ApiToken, AuditVerb, User
from gallery.models.api_token import hash_token

from .audit import Action, record, record_added, recording
from .curation import delete_with_owners


def add_account(username: str, *, by: Actor, password: str | None = None, is_superuser: bool = False) -> User:
    """Make an account; without a password nobody can sign in to it."""
    with transaction.atomic():
        user = User.objects.create_user(username, password=password, is_staff=is_superuser, is_superuser=is_superuser)
        record_added(Action(by), user)
    return user


def save_sign_up(user: User, save: Callable[[], User], *, by: Actor) -> User:
    """Save the account of somebody who signs up. Raises IntegrityError if the name was taken meanwhile, ValidationError
    if one that looks like it was.
    """
    with transaction.atomic():
        user.clean()
        user = save()
        record_added(Action(by), user, verb=AuditVerb.SIGNED_UP)
    return user


@contextmanager
def changing_password(user: User, *, by: Actor) -> Iterator[None]:
    """Run the body, which saves a new password, and ends tokens, in one transaction with its audit entries."""
    action = Action(by)
    with transaction.atomic(), ending_tokens(user.pk, action=action):
        record(action, AuditVerb.PASSWORD_CHANGED, user)
        yield


@contextmanager
def ending_tokens(user_id: int, *, action: Action) -> Iterator[None]:
    """Write down which of the account's tokens end with what the body saves, in the caller's transaction."""
    ids = list(ApiToken.objects.filter(user=user_id).values_list("pk", flat=True))
    with recording(action, AuditVerb.DELETED, ApiToken, ids):
        yield


def choose_originals(user: User, *, gives_whole: bool, by: Actor) -> None:
    """Choose what others get of this account's originals, where a picture does not say otherwise."""
    with transaction.atomic(), recording(Action(by), AuditVerb.CHANGED, User, [user.pk]):
        user.gives_whole_originals = gives_whole
        user.save(update_fields=["gives_whole_originals"])


def issue_token(user: User, *, by: Actor, name: str = "", read_only: bool = False) -> str:
    """Make a token for a program and return it; it cannot be read again."""
    with transaction.atomic():
        token = ApiToken.objects.issue(user, name=name, read_only=read_only)
        record_added(Action(by), ApiToken.objects.get(token_hash=hash_token(token)), verb=AuditVerb.TOKEN_ISSUED)
    return token


def delete_accounts(user_ids: Sequence[int], *, by: Actor) -> int:
    """Delete accounts and everything that is theirs; return how many accounts that were.

    First the doors are closed, so that nothing is uploaded meanwhile; then the pictures go with their vectors and
    files; at last the rows. Whatever stops it half-way leaves closed accounts, and doing it again goes on. Who may
    delete which account, the caller has asked.
    """
    action = Action(by)
    users = User.objects.filter(pk__in=user_ids)
    with transaction.atomic(), recording(action, AuditVerb.CHANGED, User, user_ids):
        users.update(is_active=False)
    delete_with_owners(user_ids, action=action)
    albums = Album.objects.filter(owner__in=user_ids).values_list("pk", flat=True)
    tokens = ApiToken.objects.filter(user__in=user_ids).values_list("pk", flat=True)
    with (
        transaction.atomic(),
        recording(action, AuditVerb.DELETED, Album, albums),
        recording(action, AuditVerb.DELETED, ApiToken, tokens),
        recording(action, AuditVerb.DELETED, User, user_ids),
    ):
        _total, per_model = users.delete()
    return per_model.get("gallery.User", 0)
