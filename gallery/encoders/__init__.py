"""Pixels and texts to unit vectors; a key says when two encoders are the same. Django is not imported."""
