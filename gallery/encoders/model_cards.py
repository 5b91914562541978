"""What is known about each model before it is downloaded. docs/encoders.md shows the same; a test compares them."""

from dataclasses import dataclass

from gallery.errors import gettext_noop

DEFAULT_CLIP_MODEL = "openai/clip-vit-base-patch32"
MULTILINGUAL_TOWER = "sentence-transformers/clip-ViT-B-32-multilingual-v1"
CLIP_PREFIX = "clip:"


@dataclass(frozen=True)
class Figure:
    """One published retrieval figure: sentences find pictures, in percent. `source` says where it was printed."""

    task: str
    percent: float
    source: str


@dataclass(frozen=True)
class ModelCard:
    """One model. `model` is its name on the hub, "" for what pip installs.

    `revision` is the one commit whose files are used, so that a later change on the hub cannot change the vectors.
    `same_vectors` are other commits with the same weights in another format. `tower_of` names the model whose space
    a second text tower shares; `second_tower` is the other end of that link.
    """

    model: str
    title: str
    dimension: int
    input_px: int
    languages: str
    text_rule: str
    licence: str
    download_mb: int
    sample_languages: tuple[str, ...]
    figures: tuple[Figure, ...] = ()
    revision: str = ""
    same_vectors: tuple[str, ...] = ()
    second_tower: str = ""
    tower_of: str = ""

    @property
    def name(self) -> str:
        """Return the name that commands and settings take."""
        if not self.model:
            return "offline"
        return self.model if self.tower_of else CLIP_PREFIX + self.model


ENGLISH = gettext_noop("English")
CHINESE = gettext_noop("Chinese")
ENGLISH_AND_CHINESE = gettext_noop("English and Chinese")
OWN_TOWER = gettext_noop("all texts go to the model's own text tower")
BY_LETTERS = gettext_noop(
    "texts with letters beyond the Latin alphabet go to the multilingual tower, all others to the model's own"
)

M_CLIP_TABLE = "M-CLIP, larger_mclip.md, table “Txt2Img retrieval on MS-COCO, R@10”"
M_CLIP_TASK = "MS-COCO, English, R@10"
CHINESE_CLIP_TABLE = "Yang et al. 2022, arXiv 2211.01335; Results.md of OFA-Sys/Chinese-CLIP, zero-shot"
SIGLIP2_TABLE = "Tschannen et al. 2025, arXiv 2502.14786, table 1, B/16 at 224 px"

CARDS = (
    ModelCard(
        model="",
        title="offline: EfficientNet-Lite2, NanoDet + Universal Sentence Encoder",
        dimension=1280,
        input_px=260,
        languages=gettext_noop("16 languages, English and Chinese among them"),
        text_rule=OWN_TOWER,
        licence="Apache-2.0 (the package of the picture half's weights names none)",
        download_mb=0,
        sample_languages=("en", "zh"),
    ),
    ModelCard(
        model=DEFAULT_CLIP_MODEL,
        title="OpenAI CLIP ViT-B/32",
        dimension=512,
        input_px=224,
        languages=gettext_noop("English; about 50 with the multilingual tower"),
        text_rule=BY_LETTERS,
        licence="MIT (openai/CLIP; the hub names none)",
        download_mb=609,
        sample_languages=("en", "zh"),
        figures=(Figure(M_CLIP_TASK, 90.3, M_CLIP_TABLE),),
        # main (3d74acf9a28c) has a pickle and no safetensors; this commit is its conversion by the hub's own robot
        revision="c237dc49a33fc61debc9276459120b7eac67e7ef",
        same_vectors=("3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",),
        second_tower=MULTILINGUAL_TOWER,
    ),
    ModelCard(
        model=MULTILINGUAL_TOWER,
        title="Multilingual text tower for CLIP ViT-B/32",
        dimension=512,
        input_px=0,
        languages=gettext_noop("about 50 languages, English and Chinese among them"),
        text_rule=BY_LETTERS,
        licence="Apache-2.0",
        download_mb=544,
        sample_languages=("en", "zh"),
        revision="58edf8cada9e398793dca955574a48cbb7f18be2",
        tower_of=DEFAULT_CLIP_MODEL,
    ),
    ModelCard(
        model="openai/clip-vit-large-patch14",
        title="OpenAI CLIP ViT-L/14",
        dimension=768,
        input_px=224,
        languages=ENGLISH,
        text_rule=OWN_TOWER,
        licence="MIT (openai/CLIP; the hub names none)",
        download_mb=1715,
        sample_languages=("en",),
        figures=(Figure(M_CLIP_TASK, 91.8, M_CLIP_TABLE),),
        revision="32bd64288804d66eefd0ccbe215aa642df71cc41",
    ),
    ModelCard(
        model="OFA-Sys/chinese-clip-vit-base-patch16",
        title="Chinese-CLIP ViT-B/16",
        dimension=512,
        input_px=224,
        languages=CHINESE,
        text_rule=OWN_TOWER,
        licence="MIT (OFA-Sys/Chinese-CLIP; the hub names none)",
        download_mb=753,
        sample_languages=("zh",),
        figures=(
            Figure("Flickr30K-CN, Chinese, R@1", 62.7, CHINESE_CLIP_TABLE),
            Figure("COCO-CN, Chinese, R@1", 62.2, CHINESE_CLIP_TABLE),
        ),
        # main has a pickle and no safetensors; this commit is its conversion by the hub's own robot (refs/pr/1)
        revision="f4a64596bbcf9a2a94591b74b9dc39b2e4e77e3e",
    ),
    ModelCard(
        model="google/siglip2-base-patch16-224",
        title="SigLIP 2 B/16",
        dimension=768,
        input_px=224,
        languages=gettext_noop("109 languages, English and Chinese among them"),
        text_rule=OWN_TOWER,
        licence="Apache-2.0",
        download_mb=1539,
        sample_languages=("en", "zh"),
        figures=(
            Figure("MS-COCO, English, R@1", 52.1, SIGLIP2_TABLE),
            Figure("Flickr30K, English, R@1", 80.7, SIGLIP2_TABLE),
            Figure("Crossmodal-3600, mean of 36 languages, R@1", 40.3, SIGLIP2_TABLE),
        ),
        revision="75de2d55ec2d0b4efc50b3e9ad70dba96a7b2fa2",
    ),
    ModelCard(
        model="BAAI/AltCLIP",
        title="AltCLIP: CLIP ViT-L/14 with an XLM-R text tower",
        dimension=768,
        input_px=224,
        languages=ENGLISH_AND_CHINESE,
        text_rule=OWN_TOWER,
        licence="CreativeML OpenRAIL-M",
        download_mb=3480,
        sample_languages=("en", "zh"),
        figures=(Figure("COCO-CN, Chinese, R@1", 62.9, "model card of thu-ml/zh-clip-vit-roberta-large-patch14"),),
        revision="17788d7d45af0e41d0f10682fe91d655ac96435c",
    ),
)
CARDS_BY_MODEL = {card.model: card for card in CARDS}


def card_of(model: str) -> ModelCard | None:
    """Return what is known about a model of the hub; None for any other model or a folder."""
    return CARDS_BY_MODEL.get(model) if model else None


def original_revision(commit: str) -> str:
    """Return the commit that stands for these vectors: of a conversion, the one that was converted."""
    for card in CARDS:
        if card.same_vectors and commit == card.revision:
            return card.same_vectors[0]
    return commit
