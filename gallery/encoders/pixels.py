"""Pictures to a model's input: what transformers' image processors do, in fewer steps where they are plain."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

FloatArray = npt.NDArray[np.float32]

logger = logging.getLogger(__name__)

TRIED_SIZES = ((301, 224), (150, 397), (90, 60))  # wider, higher, and smaller than most inputs
TOLERANCE_LEVELS = 0.01  # of 255 grey levels


class InputPixels:
    """RGB pictures -> the named inputs of a model, as its image processor prepares them; `pixel_values` is one of them.

    Plain means: resize, cut out the middle, rescale, normalise. Then Pillow resizes the picture as it is, and rescaling
    and normalising are one multiplication and one sum: half of the processor's own time. It is tried against the
    processor when it is made; one that it does not fit is used itself.
    """

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self.is_plain = self._read(processor) and self._fits()

    def __call__(self, pictures: Sequence[Image.Image]) -> dict[str, Any]:
        return {"pixel_values": self._prepare(pictures)} if self.is_plain else self._by_processor(pictures)

    def _read(self, processor: Any) -> bool:
        """Take over the processor's settings; return False if there is one that is not known here."""
        try:
            size, crop = processor.size, processor.crop_size if processor.do_center_crop else None
            steps = processor.do_resize and processor.do_rescale and processor.do_normalize
            if not steps or getattr(processor, "do_pad", None) or getattr(size, "longest_edge", None):
                return False
            self._shortest_px = size.shortest_edge
            self._size = None if size.shortest_edge else (int(size.width), int(size.height))
            self._crop = (int(crop.width), int(crop.height)) if crop else self._size
            self._resample = Image.Resampling(int(processor.resample))
            deviation = np.asarray(processor.image_std, np.float32)
            self._scale = (processor.rescale_factor / deviation).astype(np.float32).reshape(3, 1, 1)
            self._shift = (-np.asarray(processor.image_mean, np.float32) / deviation).reshape(3, 1, 1)
        except (AttributeError, TypeError, ValueError):
            return False
        return self._crop is not None

    def _fits(self) -> bool:
        """Say whether the result is the processor's, for pictures of several shapes."""
        noise = np.random.default_rng(0)
        for width_px, height_px in TRIED_SIZES:
            picture = Image.fromarray(noise.integers(0, 256, (height_px, width_px, 3), dtype=np.uint8))
            theirs = self._by_processor([picture])
            if set(theirs) != {"pixel_values"} or not self._is_like(theirs["pixel_values"].numpy(), picture):
                logger.info("Pictures are prepared by %s itself.", type(self._processor).__name__)
                return False
        return True

    def _is_like(self, theirs: FloatArray, picture: Image.Image) -> bool:
        try:
            ours = self._prepare([picture]).numpy()
        except ValueError:  # a cut-out larger than the picture
            return False
        return bool(ours.shape == theirs.shape and (np.abs(ours - theirs) / self._scale).max() <= TOLERANCE_LEVELS)

    def _by_processor(self, pictures: Sequence[Image.Image]) -> dict[str, Any]:
        return dict(self._processor(images=list(pictures), return_tensors="pt"))

    def _prepare(self, pictures: Sequence[Image.Image]) -> Any:
        import torch  # noqa: PLC0415 -- slow import

        width_px, height_px = self._crop  # type: ignore[misc]  # _read has seen to it
        pixels = np.empty((len(pictures), 3, height_px, width_px), np.float32)
        for place, picture in zip(pixels, pictures, strict=True):
            np.multiply(np.asarray(self._middle(picture)).transpose(2, 0, 1), self._scale, out=place)
        pixels += self._shift
        return torch.from_numpy(pixels)

    def _middle(self, picture: Image.Image) -> Image.Image:
        """Return the middle of the resized picture, of the size that is cut out."""
        width, height = self._crop  # type: ignore[misc]
        whole_width, whole_height = self._resized(*picture.size)
        if whole_width < width or whole_height < height:  # the processor puts a border around it
            raise ValueError("the cut-out is larger than the picture")
        left, top = (whole_width - width) // 2, (whole_height - height) // 2
        # resizing only the middle (`box`) gives other pixels: up to 18 levels on noise
        whole = picture.resize((whole_width, whole_height), self._resample)
        return whole.crop((left, top, left + width, top + height))

    def _resized(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Return the size before the cut, rounded as transformers does."""
        if self._size is not None:
            return self._size
        shortest, longest = min(width_px, height_px), max(width_px, height_px)
        longer = int(self._shortest_px * longest / shortest)
        return (self._shortest_px, longer) if width_px <= height_px else (longer, self._shortest_px)
