"""What things that encoders recognise are called in the reader's language."""

from typing import Any

from django.utils.translation import npgettext_lazy, pgettext

THING_NAMES: dict[str, Any] = {
    "person": npgettext_lazy("thing", "person", "people"),
    "bicycle": npgettext_lazy("thing", "bicycle", "bicycles"),
    "car": npgettext_lazy("thing", "car", "cars"),
    "motorcycle": npgettext_lazy("thing", "motorcycle", "motorcycles"),
    "airplane": npgettext_lazy("thing", "airplane", "airplanes"),
    "bus": npgettext_lazy("thing", "bus", "buses"),
    "train": npgettext_lazy("thing", "train", "trains"),
    "truck": npgettext_lazy("thing", "truck", "trucks"),
    "boat": npgettext_lazy("thing", "boat", "boats"),
    "traffic light": npgettext_lazy("thing", "traffic light", "traffic lights"),
    "fire hydrant": npgettext_lazy("thing", "fire hydrant", "fire hydrants"),
    "stop sign": npgettext_lazy("thing", "stop sign", "stop signs"),
    "parking meter": npgettext_lazy("thing", "parking meter", "parking meters"),
    "bench": npgettext_lazy("thing", "bench", "benches"),
    "bird": npgettext_lazy("thing", "bird", "birds"),
    "cat": npgettext_lazy("thing", "cat", "cats"),
    "dog": npgettext_lazy("thing", "dog", "dogs"),
    "horse": npgettext_lazy("thing", "horse", "horses"),
    "sheep": npgettext_lazy("thing", "sheep", "sheep"),
    "cow": npgettext_lazy("thing", "cow", "cows"),
    "elephant": npgettext_lazy("thing", "elephant", "elephants"),
    "bear": npgettext_lazy("thing", "bear", "bears"),
    "zebra": npgettext_lazy("thing", "zebra", "zebras"),
    "giraffe": npgettext_lazy("thing", "giraffe", "giraffes"),
    "backpack": npgettext_lazy("thing", "backpack", "backpacks"),
    "umbrella": npgettext_lazy("thing", "umbrella", "umbrellas"),
    "handbag": npgettext_lazy("thing", "handbag", "handbags"),
    "tie": npgettext_lazy("thing", "tie", "ties"),
    "suitcase": npgettext_lazy("thing", "suitcase", "suitcases"),
    "frisbee": npgettext_lazy("thing", "frisbee", "frisbees"),
    "skis": npgettext_lazy("thing", "skis", "skis"),
    "snowboard": npgettext_lazy("thing", "snowboard", "snowboards"),
    "sports ball": npgettext_lazy("thing", "ball", "balls"),
    "kite": npgettext_lazy("thing", "kite", "kites"),
    "baseball bat": npgettext_lazy("thing", "baseball bat", "baseball bats"),
    "baseball glove": npgettext_lazy("thing", "baseball glove", "baseball gloves"),
    "skateboard": npgettext_lazy("thing", "skateboard", "skateboards"),
    "surfboard": npgettext_lazy("thing", "surfboard", "surfboards"),
    "tennis racket": npgettext_lazy("thing", "tennis racket", "tennis rackets"),
    "bottle": npgettext_lazy("thing", "bottle", "bottles"),
    "wine glass": npgettext_lazy("thing", "wine glass", "wine glasses"),
    "cup": npgettext_lazy("thing", "cup", "cups"),
    "fork": npgettext_lazy("thing", "fork", "forks"),
    "knife": npgettext_lazy("thing", "knife", "knives"),
    "spoon": npgettext_lazy("thing", "spoon", "spoons"),
    "bowl": npgettext_lazy("thing", "bowl", "bowls"),
    "banana": npgettext_lazy("thing", "banana", "bananas"),
    "apple": npgettext_lazy("thing", "apple", "apples"),
    "sandwich": npgettext_lazy("thing", "sandwich", "sandwiches"),
    "orange": npgettext_lazy("thing", "orange", "oranges"),
    "broccoli": npgettext_lazy("thing", "broccoli", "broccoli"),
    "carrot": npgettext_lazy("thing", "carrot", "carrots"),
    "hot dog": npgettext_lazy("thing", "hot dog", "hot dogs"),
    "pizza": npgettext_lazy("thing", "pizza", "pizzas"),
    "donut": npgettext_lazy("thing", "donut", "donuts"),
    "cake": npgettext_lazy("thing", "cake", "cakes"),
    "chair": npgettext_lazy("thing", "chair", "chairs"),
    "couch": npgettext_lazy("thing", "couch", "couches"),
    "potted plant": npgettext_lazy("thing", "potted plant", "potted plants"),
    "bed": npgettext_lazy("thing", "bed", "beds"),
    "dining table": npgettext_lazy("thing", "dining table", "dining tables"),
    "toilet": npgettext_lazy("thing", "toilet", "toilets"),
    "tv": npgettext_lazy("thing", "television", "televisions"),
    "laptop": npgettext_lazy("thing", "laptop", "laptops"),
    "mouse": npgettext_lazy("thing", "computer mouse", "computer mice"),
    "remote": npgettext_lazy("thing", "remote control", "remote controls"),
    "keyboard": npgettext_lazy("thing", "keyboard", "keyboards"),
    "cell phone": npgettext_lazy("thing", "mobile phone", "mobile phones"),
    "microwave": npgettext_lazy("thing", "microwave", "microwaves"),
    "oven": npgettext_lazy("thing", "oven", "ovens"),
    "toaster": npgettext_lazy("thing", "toaster", "toasters"),
    "sink": npgettext_lazy("thing", "sink", "sinks"),
    "refrigerator": npgettext_lazy("thing", "refrigerator", "refrigerators"),
    "book": npgettext_lazy("thing", "book", "books"),
    "clock": npgettext_lazy("thing", "clock", "clocks"),
    "vase": npgettext_lazy("thing", "vase", "vases"),
    "scissors": npgettext_lazy("thing", "scissors", "scissors"),
    "teddy bear": npgettext_lazy("thing", "teddy bear", "teddy bears"),
    "hair drier": npgettext_lazy("thing", "hair dryer", "hair dryers"),
    "toothbrush": npgettext_lazy("thing", "toothbrush", "toothbrushes"),
}


def name_of(name: str, count: int = 1) -> str:
    """Return what so many things of this name are called; the name itself where nobody has said."""
    called = THING_NAMES.get(name)
    return name if called is None else str(called % count)


def words_of(name: str, count: int) -> str:
    """Return “dog”, “2 chairs”."""
    if count == 1:
        return name_of(name)
    return pgettext("so many things", "%(count)d %(things)s") % {"count": count, "things": name_of(name, count)}
