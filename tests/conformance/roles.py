"""Who asks."""

ROLES = ("anonymous", "member", "reader", "curator")
