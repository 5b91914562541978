"""Who does something: every verb and every question about access is told, and there is no default."""

from dataclasses import dataclass
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from .user import AnyUser, User


class Door(models.TextChoices):
    """Through which door somebody came."""

    PAGE = "page", _("page")
    API = "api", _("API")
    ADMIN = "admin", _("admin")
    COMMAND = "command", _("command")
    WORKER = "worker", _("background work")


class ActorKind(models.TextChoices):
    MEMBER = "member", _("member")  # somebody with an account; curators are members too
    VISITOR = "visitor", _("visitor")  # nobody is signed in
    OPERATOR = "operator", _("operator")  # whoever may run management commands: may do everything
    WORKER = "worker", _("background work")  # the program itself: may do everything; only its deletions are audited


@dataclass(frozen=True, slots=True)
class Actor:
    """`user` is there for a member and for nobody else."""

    kind: ActorKind
    door: Door
    user: User | None = None

    @classmethod
    def of(cls, user: AnyUser, *, door: Door) -> Self:
        """Return the member with this account, or a visitor where nobody is signed in."""
        if isinstance(user, User):
            return cls(ActorKind.MEMBER, door, user)
        return cls(ActorKind.VISITOR, door)

    @property
    def may_everything(self) -> bool:
        """Say whether no question about access is asked: the operator's and the program's own doing."""
        return self.kind in (ActorKind.OPERATOR, ActorKind.WORKER)

    def __str__(self) -> str:
        return self.user.get_username() if self.user is not None else str(self.kind.label)


OPERATOR = Actor(ActorKind.OPERATOR, Door.COMMAND)
WORKER = Actor(ActorKind.WORKER, Door.WORKER)
