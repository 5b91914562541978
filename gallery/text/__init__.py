"""Text that people write: what may be kept of it, and when two names are one."""
