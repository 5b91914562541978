"""What a worker works at: kinds of work, each done a bounded portion at a time."""

from typing import Protocol


class WorkSource(Protocol):
    """One kind of work. It keeps nothing that cannot be lost: what is due is read from the database each time."""

    @property
    def name(self) -> str: ...

    @property
    def is_busy(self) -> bool:
        """Say whether something goes on between two steps: the worker is not idle then."""

    def step(self) -> int:
        """Do one bounded portion; return how many things were done, 0 when nothing is due.

        May be killed at any moment and run beside itself in other processes. What it raises is logged; the source is
        then left alone for a while.
        """
