"""Sample pictures for an empty library: free ones that the package scikit-image installs."""

from dataclasses import dataclass
from pathlib import Path

import skimage

from gallery.models import Actor, Image, Job, User, Visibility

from .import_jobs import ImportCounts, noted_import
from .ingest import accept_upload
from .labels import check_labels


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture of `skimage.data`, with the credit and licence that its documentation states."""

    name: str
    credit: str


SOURCE = "skimage.data"
SAMPLES = (
    Sample("brick.png", "CC0Textures, CC0"),
    Sample("gravel.png", "CC0Textures, CC0"),
    Sample("grass.png", "CC0Textures, CC0"),
    Sample("clock_motion.png", "Stefan van der Walt, public domain"),
    Sample("coins.png", "Brooklyn Museum, no known copyright restrictions"),
    Sample("camera.png", "Lav Varshney, CC0"),
    Sample("horse.png", "Andreas Preuss, CC0"),
    Sample("hubble_deep_field.jpg", "NASA, public domain"),
    Sample("astronaut.png", "NASA, public domain"),
    Sample("rocket.jpg", "SpaceX, public domain"),
    Sample("coffee.png", "Rachel Michetti, CC0"),
    Sample("chelsea.png", "Stefan van der Walt, CC0"),
)


def sample_path(sample: Sample) -> Path:
    return Path(skimage.__file__).parent / "data" / sample.name


def bring_in_samples(*, owner: User, by: Actor) -> int:
    """Add the sample pictures, public, to a library that has no picture at all; return how many were added."""
    if Image.objects.exists():
        return 0
    brought: list[Image] = []
    with noted_import(
        lambda: ImportCounts(added=len(brought)), owner=owner, source=SOURCE, total=len(SAMPLES), by=by
    ) as run:
        for sample in SAMPLES:
            brought.append(_bring_in(sample, run.job, owner=owner, by=by))
            run.advance()
    return len(brought)


def _bring_in(sample: Sample, job: Job, *, owner: User, by: Actor) -> Image:
    labels = check_labels(description=sample.credit, tags="sample", visibility=Visibility.PUBLIC)
    with sample_path(sample).open("rb") as file:
        return accept_upload(file, owner=owner, name=sample.name, labels=labels, by=by, job=job).image
