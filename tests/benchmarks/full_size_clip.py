"""CLIP ViT-B/32 in full size with random weights, in the hub's format: for speed and memory, never for quality."""

import json
from pathlib import Path

VOCABULARY = 49_408
TEXT_LIMIT = 77
WORDS = "cat dog red car street on the in photo of an airplane musical instrument with sunset over sea children playing"


def save_full_size_clip(folder: Path) -> Path:
    import torch
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    vocabulary, merges = _vocabulary()
    end = vocabulary["<|endoftext|>"]
    tokens = {"bos_token_id": end - 1, "eos_token_id": end, "pad_token_id": end, "vocab_size": VOCABULARY}
    torch.manual_seed(0)
    CLIPModel(CLIPConfig(text_config=tokens)).save_pretrained(folder)
    CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=TEXT_LIMIT).save_pretrained(folder)
    square = {"height": 224, "width": 224}
    settings = {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 224}, "crop_size": square}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def _vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return one token for each of the words, as the real vocabulary has for short words, and one for any byte."""
    symbols = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 324))]
    merges: list[tuple[str, str]] = []
    for word in WORDS.split():
        start = word[0]
        for letter in [*word[1:-1], word[-1] + "</w>"][: len(word) - 1]:
            merges.append((start, letter))
            start += letter
    merges = list(dict.fromkeys(merges))
    names = [*symbols, *(symbol + "</w>" for symbol in symbols), *(left + right for left, right in merges)]
    names = [*dict.fromkeys(names), "<|startoftext|>", "<|endoftext|>"]
    return {name: number for number, name in enumerate(names)}, merges
