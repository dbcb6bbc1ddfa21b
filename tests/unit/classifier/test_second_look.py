"""The second look at a picture whose centre says too little."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from classifier.serve import second_look
from classifier.serve.classifier import Classifier
from classifier.serve.engines.engine import Engine, Maps, Output, Picture
from classifier.serve.rules import Rules
from classifier.serve.second_look import Seen, Sight, View
from common.messages import Finding, FindingKind, Guess, Place
from common.model.input import InputSpec
from common.model.records import RULES, Calibration, MapGrid, ModelRecord
from common.model.whole import Whole

CROP, CELLS = 8, 4
SPEC = InputSpec(model="m", resize=9, crop=CROP, interpolation="bilinear", mean=(0, 0, 0), std=(1, 1, 1))
RECORD = ModelRecord(
    model="m",
    title="M",
    folder="",
    input=SPEC,
    classes=6,
    weights_sha256="",
    weights_source="",
    labels_source="colours.txt",
    maps=MapGrid(start=0.5, stride=2),
)
IMAGENET = ModelRecord(model="m", title="M", folder="", input=SPEC, classes=1000, weights_sha256="", weights_source="")
LABELS = ["red", "green", "blue", "cat", "dog", "cup"]
GREY, RED, BLUE = (10, 10, 10), (255, 10, 10), (10, 10, 255)


class Colours(Engine):
    """Stands in for an engine: the more of its pixels are red, green or blue, the surer it is of that class.

    Three more classes are as likely as a colour that it does not see.

    Attributes:
        seen: How many pictures each call brought.
    """

    name, classes = "colours", 6

    def __init__(self, *, maps: bool = True) -> None:
        self.maps = maps
        self.seen: list[int] = []

    def rest(self) -> None:
        pass

    def scores(self, pictures: Sequence[Picture], given_up: threading.Event | None = None) -> Sequence[Sequence[float]]:
        return [output.scores for output in self.outputs(pictures, given_up)]

    def outputs(
        self, pictures: Sequence[Picture], given_up: threading.Event | None = None, *, again: bool = False
    ) -> list[Output]:
        self.seen.append(len(pictures))
        return [self._output(np.frombuffer(pixels, np.uint8).reshape(CROP, CROP, 3)) for pixels in pictures]

    def _output(self, pixels: npt.NDArray[np.uint8]) -> Output:
        strong = pixels > 128
        scores = (30 * strong.mean(axis=(0, 1))).tolist()
        cells = strong.reshape(CELLS, CROP // CELLS, CELLS, CROP // CELLS, 3).mean(axis=(1, 3)).reshape(-1, 3)
        best = sorted(range(3), key=lambda index: -scores[index])
        maps = Maps(CELLS, CELLS, tuple(tuple(cells[:, index].tolist()) for index in best))
        return Output([*scores, 0.0, 0.0, 0.0], maps if self.maps else None)


def whole(picture: npt.NDArray[np.uint8]) -> Whole:
    height, width, _ = picture.shape
    large = picture.repeat(2, axis=0).repeat(2, axis=1)
    return Whole(width, height, memoryview(picture.tobytes()), memoryview(large.tobytes()), CROP)


def painted(width: int, height: int, *spots: tuple[slice, slice, tuple[int, int, int]]) -> npt.NDArray[np.uint8]:
    picture = np.full((height, width, 3), GREY, np.uint8)
    for rows, columns, colour in spots:
        picture[rows, columns] = colour
    return picture


def sight(picture: npt.NDArray[np.uint8]) -> Sight:
    height, width, _ = picture.shape
    top, left = round((height - CROP) / 2), round((width - CROP) / 2)
    return Sight(picture[top : top + CROP, left : left + CROP].tobytes(), whole(picture))


def looked_at(picture: npt.NDArray[np.uint8], engine: Engine | None = None) -> Finding:
    (found,) = Classifier(RECORD, engine or Colours(), LABELS).find([sight(picture)])
    return found


def seen(*shares: float, x: float = 0.5, y: float = 0.5) -> Seen:
    return Seen(View(x, y, b""), shares, max(shares), strange=False, maps=None)


@pytest.mark.parametrize(("probability", "wanted"), [(0.59, True), (0.6, False)])
def test_a_picture_whose_best_class_has_less_than_60_percent_gets_a_second_look(
    probability: float, wanted: bool
) -> None:
    finding = Finding(kind=FindingKind.UNSURE, guesses=(Guess(0, probability),))
    assert second_look.is_wanted(finding) is wanted


@pytest.mark.parametrize(
    ("width", "height", "places"),
    [
        (9, 9, ["middle"]),
        (10, 9, ["middle"]),
        (9, 10, ["middle"]),
        (12, 9, ["middle", "middle", "middle"]),
        (16, 9, ["middle", "left", "right"]),
        (22, 9, ["middle", "left", "right"]),
        (9, 16, ["middle", "top", "bottom"]),
    ],
)
def test_a_long_picture_is_also_looked_at_at_its_ends(width: int, height: int, places: list[str]) -> None:
    views = second_look.views(sight(painted(width, height)))
    assert [view.place().value for view in views] == places


def test_in_a_first_look_there_is_only_the_centre() -> None:
    (view,) = second_look.views(Sight(b"pixels"))
    assert (view.place(), view.pixels) == (Place.MIDDLE, b"pixels")


@pytest.mark.parametrize(
    ("columns", "place"), [(slice(0, 6), Place.LEFT), (slice(16, 22), Place.RIGHT)], ids=["left", "right"]
)
def test_a_thing_at_one_end_is_found_there(columns: slice, place: Place) -> None:
    found = looked_at(painted(22, 9, (slice(0, 9), columns, RED)))

    assert found.guesses[0].index == 0
    assert found.guesses[0].probability > 0.8
    assert found.place is place
    assert found.views == 4, "the centre, two ends, a zoom"


def test_a_small_thing_is_zoomed_in_on() -> None:
    spot = (slice(1, 3), slice(1, 3), RED)
    without = looked_at(painted(9, 9, spot), Colours(maps=False))
    closer = looked_at(painted(9, 9, spot))

    assert closer.guesses[0].index == without.guesses[0].index == 0
    assert closer.guesses[0].probability > without.guesses[0].probability
    assert (closer.views, without.views) == (2, 1)


def test_two_ends_that_are_sure_of_different_things_are_both_named() -> None:
    found = looked_at(painted(22, 9, (slice(0, 9), slice(0, 7), RED), (slice(0, 9), slice(15, 22), BLUE)))

    assert (found.guesses[0].index, found.place) == (0, Place.LEFT)
    assert found.other
    assert (found.other.guesses[0].index, found.other.place) == (2, Place.RIGHT)


def test_the_two_ends_of_a_picture_that_is_hardly_longer_than_wide_have_names_too() -> None:
    views = [seen(0.3, 0.3, 0.4), seen(0.9, 0.05, 0.05, x=0.35), seen(0.05, 0.9, 0.05, x=0.65)]
    found = second_look.judged(views, Rules(RECORD))
    assert found.other
    assert (found.place, found.other.place) == (Place.LEFT, Place.RIGHT)


def test_two_ends_that_show_the_same_are_one_thing() -> None:
    found = looked_at(painted(22, 9, (slice(0, 9), slice(0, 7), RED), (slice(0, 9), slice(15, 22), RED)))

    assert found.guesses[0].index == 0
    assert found.other is None


def test_two_ends_of_one_kin_are_one_thing_and_of_two_are_both_named() -> None:
    # A freight car (565) and an electric locomotive (547) are one train; a goldfish (1) is not.
    def ends(one: int, other: int) -> Finding:
        views = [seen(*sure(9, 0.4)), seen(*sure(one, 0.9), x=0.2), seen(*sure(other, 0.9), x=0.8)]
        return second_look.judged(views, Rules(IMAGENET))

    assert ends(565, 547).other is None
    assert ends(565, 1).other is not None


def sure(index: int, probability: float) -> list[float]:
    shares = [(1 - probability) / 999] * 1000
    shares[index] = probability
    return shares


def test_views_count_by_the_square_of_their_best() -> None:
    found = second_look.judged([seen(0.2, 0.4, 0.4), seen(0.8, 0.1, 0.1)], Rules(RECORD))

    # (0.4² · 0.2 + 0.8² · 0.8) / (0.4² + 0.8²)
    assert found.guesses[0] == Guess(0, pytest.approx(0.68))  # type: ignore[arg-type]


def test_what_makes_it_no_surer_is_dropped() -> None:
    found = second_look.judged([seen(0.5, 0.4, 0.1), seen(0.3, 0.4, 0.3, x=0.2)], Rules(RECORD))

    assert found.guesses[0] == Guess(0, 0.5)
    assert (found.place, found.views) == (Place.MIDDLE, 1)


def test_what_the_centre_shows_too_has_no_place() -> None:
    rules = Rules(RECORD)
    assert second_look.judged([seen(0.29, 0.4, 0.31), seen(0.9, 0.05, 0.05, x=0.2)], rules).place is Place.LEFT
    assert second_look.judged([seen(0.3, 0.4, 0.3), seen(0.9, 0.05, 0.05, x=0.2)], rules).place is Place.MIDDLE


def test_what_is_hardly_likely_has_no_place() -> None:
    views = [seen(0.1, 0.3, 0.3, 0.3), seen(0.49, 0.2, 0.2, 0.11, x=0.2)]
    found = second_look.judged(views, Rules(RECORD))
    assert (found.guesses[0].index, found.views, found.place) == (0, 2, Place.MIDDLE)


def test_clothes_get_no_second_look() -> None:
    finding = Finding(kind=FindingKind.WORN, guesses=(Guess(834, 0.3),))
    assert not second_look.is_wanted(finding)


def test_a_zoom_counts_half() -> None:
    zoom = Seen(View(0.5, 0.5, b"", counts=0.5), (0.8, 0.1, 0.1), 0.8, strange=False, maps=None)

    found = second_look.judged([seen(0.2, 0.4, 0.4), zoom], Rules(RECORD))

    # (0.4² · 0.2 + 0.5 · 0.8² · 0.8) / (0.4² + 0.5 · 0.8²)
    assert found.guesses[0] == Guess(0, pytest.approx(0.6))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("x", "y", "place"),
    [(0.5, 0.5, "middle"), (0.31, 0.5, "middle"), (0.29, 0.5, "left"), (0.5, 0.9, "bottom"), (0.8, 0.2, "top right")],
)
def test_a_view_s_place_has_a_name(x: float, y: float, place: str) -> None:
    assert View(x, y, b"").place().value == place


def test_a_strange_picture_is_still_strange_if_its_surest_view_is() -> None:
    calibration = Calibration(temperature=0.72, strange_below=5.8, measured_on="photos", rules=RULES)
    rules = Rules(msgspec.structs.replace(IMAGENET, calibration=calibration))
    centre, odd = seen(*sure(9, 0.2))._replace(strange=True), seen(*sure(9, 0.7))._replace(strange=True)
    assert second_look.judged([centre, odd], rules).kind is FindingKind.UNKNOWN
    assert second_look.judged([centre, odd._replace(strange=False)], rules).kind is FindingKind.CLASS
    assert second_look.judged([centre, seen(*sure(9, 0.9))._replace(strange=True)], rules).kind is FindingKind.CLASS


def test_a_group_that_the_centre_shows_is_not_given_up_for_nothing() -> None:
    # Fruit and vegetables (948 to 957) at the centre; a class at one end that is surer, and has no half.
    fruit = [0.0002] * 1000
    for index in (948, 949, 950, 951, 952):
        fruit[index] = 0.16
    other = [0.6 / 999] * 1000
    other[404] = 0.4
    found = second_look.judged([seen(*fruit), seen(*other, x=0.2)], Rules(IMAGENET))
    assert (found.kind, found.group, found.views) == (FindingKind.GROUP, "fruit", 1)


def test_many_pictures_are_looked_at_in_two_rounds_and_each_gets_its_own_answer() -> None:
    engine = Colours()
    classifier = Classifier(RECORD, engine, LABELS)
    at_left, at_right = (sight(painted(22, 9, (slice(0, 9), columns, RED))) for columns in (slice(0, 6), slice(16, 22)))
    first = Sight(np.full((CROP, CROP, 3), BLUE, np.uint8).tobytes())

    found = classifier.find([at_left, first, at_right])

    assert [each.place for each in found] == [Place.LEFT, Place.MIDDLE, Place.RIGHT]
    assert [each.guesses[0].index for each in found] == [0, 2, 0]
    assert engine.seen == [7, 2], "three views, one and three; then two zooms"
