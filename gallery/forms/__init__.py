"""Checked input, the same for pages and REST."""
