"""The server of `manage.py serve`: connections in Rust (granian), requests in rooms of their own."""
