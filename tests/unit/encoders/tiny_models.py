"""Models of a few kilobytes with random weights, saved in the hub's own format: they test loading, not quality."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AltCLIPConfig,
    AltCLIPModel,
    BertConfig,
    BertModel,
    BertTokenizer,
    ChineseCLIPConfig,
    ChineseCLIPModel,
    CLIPConfig,
    CLIPModel,
    CLIPTokenizer,
    Siglip2Tokenizer,
    SiglipConfig,
    SiglipModel,
    XLMRobertaTokenizer,
)

SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
VISION = {**SHAPE, "image_size": 32, "patch_size": 8}
CHARACTERS = "abcdefghijklmnopqrstuvwxyz猫狗红色的汽车一只"


def save_tiny_clip(folder: Path, *, dimension: int = 16) -> Path:
    """CLIP with a byte-pair vocabulary: every byte, alone and at the end of a word, and three merges."""
    symbols = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 324))]
    merges = [("c", "a"), ("ca", "t</w>"), ("r", "e")]
    words = [*symbols, *(symbol + "</w>" for symbol in symbols), "ca", "cat</w>", "re"]
    vocabulary = {word: number for number, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}
    end = vocabulary["<|endoftext|>"]
    tokens = {"bos_token_id": end - 1, "eos_token_id": end, "pad_token_id": end}
    text = {**SHAPE, **tokens, "vocab_size": len(vocabulary), "max_position_embeddings": 24}
    _save(CLIPModel, CLIPConfig(text_config=text, vision_config=VISION, projection_dim=dimension), folder)
    CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=24).save_pretrained(folder)
    _save_image_processor(folder, "CLIPImageProcessor", {"shortest_edge": 32})
    return folder


def save_tiny_chinese_clip(folder: Path) -> Path:
    text = {**SHAPE, "vocab_size": 64, "max_position_embeddings": 24}
    config = ChineseCLIPConfig(text_config=text, vision_config=VISION, projection_dim=16)
    _save(ChineseCLIPModel, config, folder)
    _save_bert_tokenizer(folder)
    _save_image_processor(folder, "ChineseCLIPImageProcessor", {"height": 32, "width": 32})
    return folder


def save_tiny_siglip(folder: Path) -> Path:
    words = [
        "<pad>",
        "<eos>",
        "<bos>",
        "<unk>",
        "<mask>",
        *CHARACTERS,
        "▁",
        *(f"<0x{byte:02X}>" for byte in range(256)),
    ]
    vocabulary = {word: number for number, word in enumerate(words)}
    text = {**SHAPE, "vocab_size": len(vocabulary), "max_position_embeddings": 16, "pad_token_id": 0}
    _save(SiglipModel, SiglipConfig(text_config=text, vision_config=VISION), folder)
    Siglip2Tokenizer(vocab=vocabulary, merges=[], model_max_length=16).save_pretrained(folder)
    _save_image_processor(folder, "SiglipImageProcessor", {"height": 32, "width": 32})
    return folder


def save_tiny_altclip(folder: Path) -> Path:
    """A CLIP vision tower with an XLM-R text tower, whose positions begin after the padding token's."""
    symbols = ["<s>", "<pad>", "</s>", "<unk>", "▁", *CHARACTERS, "<mask>"]
    vocabulary = [(symbol, -1.0) for symbol in symbols]
    text = {**SHAPE, "vocab_size": len(symbols), "max_position_embeddings": 26, "project_dim": 20}
    config = AltCLIPConfig(text_config=text, vision_config=VISION, projection_dim=16)
    _save(AltCLIPModel, config, folder)
    XLMRobertaTokenizer(vocab=vocabulary).save_pretrained(folder)  # names no longest text, as some published ones
    _save_image_processor(folder, "CLIPImageProcessor", {"shortest_edge": 32})
    return folder


def save_tiny_text_tower(folder: Path, *, dimension: int) -> Path:
    """A BERT with mean pooling and a projection, in the layout of sentence-transformers."""
    _save(BertModel, BertConfig(**SHAPE, vocab_size=64, max_position_embeddings=24), folder)
    _save_bert_tokenizer(folder)
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense"}
    modules = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in kinds.items()]
    _write_json(folder / "modules.json", modules)
    _write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})
    activation = "torch.nn.modules.linear.Identity"
    dense = {"in_features": 32, "out_features": dimension, "bias": False, "activation_function": activation}
    _write_json(folder / "2_Dense" / "config.json", dense)
    weight = torch.randn(dimension, 32, generator=torch.Generator().manual_seed(3))
    save_file({"linear.weight": weight}, folder / "2_Dense" / "model.safetensors")
    return folder


def copy_of(folder: Path, target: Path) -> Path:
    """Return a copy that a test may break."""
    return Path(shutil.copytree(folder, target))


def pickle_weights(folder: Path) -> Path:
    """Leave the weights as `pytorch_model.bin` only, as repositories of older models have them."""
    for safe in list(folder.rglob("model.safetensors")):
        torch.save(load_file(safe), safe.with_name("pytorch_model.bin"))
        safe.unlink()
    return folder


def _save(model_class, config, folder):
    with torch.random.fork_rng():
        torch.manual_seed(11)
        model_class(config).save_pretrained(folder)


def _save_bert_tokenizer(folder):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
    vocabulary = {word: number for number, word in enumerate(words)}
    BertTokenizer(vocab=vocabulary, model_max_length=24).save_pretrained(folder)


def _save_image_processor(folder, kind, size):
    settings = {"image_processor_type": kind, "size": size, "crop_size": {"height": 32, "width": 32}}
    _write_json(folder / "preprocessor_config.json", settings)


def _write_json(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
