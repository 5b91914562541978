"""REST under /api/v1/, one file per resource: check what was sent, call a service, answer as JSON."""
