"""A process that reads at no cost: what stands in a picture its colour says. `python -m tests.quick_reader`.

Red ends it, green is refused, yellow has no text, black waits until a file is there; all others say so.
"""

import os
import signal
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage

from gallery.reading import Line
from gallery.services.reading import reader_child_main
from tests.waiting import until
from tests.written_pictures import lines_of

MODULE = "tests.quick_reader"
GATE = "TESTS_READER_GATE"  # the variable that names the file
READ = ("HELLO WORLD", "增值税发票")


class QuickReader:
    def read_all(self, _picture: PillowImage.Image) -> tuple[Line, ...]:
        return ()

    def read(self, picture: PillowImage.Image) -> tuple[Line, ...]:
        colour: Any = picture.getpixel((0, 0))
        if colour == (255, 0, 0):
            os.kill(os.getpid(), signal.SIGSEGV)
        if colour == (0, 255, 0):
            raise ValueError("green")
        if colour == (0, 0, 0):
            until(Path(os.environ[GATE]).exists, "the gate opens")
        return () if colour == (255, 255, 0) else lines_of(*READ)


if __name__ == "__main__":
    reader_child_main.Reader = QuickReader  # type: ignore[assignment, misc]
    reader_child_main.main()
