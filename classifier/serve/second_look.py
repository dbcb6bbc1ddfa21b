"""A second look at a picture whose centre says too little: at its ends, and closer at what the network saw.

Each view gives probabilities of its own. Together they count by the square of the best one of each: a view that sees
nothing in particular hardly counts. Together they decide only if they are surer than the centre alone.

The numbers below were chosen on 300 photos, as they are, at the ends of wide pictures, and small in larger ones:
``docs/decisions/0020-a-second-look.md``.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from classifier.serve.engines.engine import Maps, Output, Picture
from classifier.serve.rules import Rules
from common.messages import Finding, FindingKind, Place
from common.model.records import MapGrid
from common.model.whole import SCALE, Whole

WANTED_BELOW: Final = 0.6
"""A picture whose best class has less gets a second look."""
LONG_FROM: Final = 1.2
"""A picture that is so many times as long as wide has ends that the centre does not show."""
BOTH_SURE_FROM: Final = 0.8
"""Two ends that are each so sure of different things are both named."""
OTHER_END_UP_TO: Final = 0.3
"""... and neither gives the other's thing more than this."""
ZOOM_COUNTS: Final = 0.5
"""A zoom counts half: it sees a part of something that fills the picture."""
OFF_THE_MIDDLE: Final = 0.2
"""How far the middle of a view is from that of the picture, in shares of its side, to be at one side of it."""
NOT_THE_MIDDLE: Final = 0.08
"""For the two ends of a picture that is hardly longer than wide: they are 0.12 off, and a rounding across is less."""
PLACE_FROM: Final = 0.5
"""What has less is not said to be anywhere."""
SEEN_BEFORE: Final = 0.3
"""What the centre gave this probability, or more, is not only somewhere else."""
SAYS_FROM: Final = 0.6
"""Where the centre says nothing, all views together say nothing with less: of 100 such answers, half would be right."""
STRANGE_UP_TO: Final = 0.8
"""... and with less than this, if the surest view is strange."""
ENDS: Final = 2

_THINGS: Final = frozenset({FindingKind.CLASS, FindingKind.GROUP})
_NOTHING: Final = frozenset({FindingKind.UNKNOWN, FindingKind.UNSURE})


class Sight(NamedTuple):
    """A picture to classify.

    Attributes:
        centre: What the model sees in a first look (crop x crop x 3, uint8, RGB, row by row).
        whole: All of it, for a second look.
    """

    centre: Picture
    whole: Whole | None = None


class View(NamedTuple):
    """A part of a picture, as the model sees it.

    Attributes:
        x: Where its middle is, from the left, in shares of the whole picture's width.
        y: Likewise, from the top.
        pixels: Its pixels (crop x crop x 3, uint8, RGB, row by row).
        counts: What it counts beside the other views.
    """

    x: float
    y: float
    pixels: Picture
    counts: float = 1.0

    def place(self, off: float = OFF_THE_MIDDLE) -> Place:
        """Where it is in the picture, if its middle is more than that off the picture's."""
        across = _side(self.x - 0.5, off, "left", "right")
        down = _side(self.y - 0.5, off, "top", "bottom")
        return Place(f"{down} {across}".strip() or "middle")


class Seen(NamedTuple):
    """What the network said of a view.

    Attributes:
        view: The view.
        shares: The probabilities of all classes.
        best: That of the best class; classes of the same name are one.
        strange: Whether it is unlike the pictures that the model knows.
        maps: Where the network saw its best classes.
    """

    view: View
    shares: Sequence[float]
    best: float
    strange: bool
    maps: Maps | None

    @classmethod
    def of(cls, view: View, output: Output, rules: Rules) -> Seen:
        """The same, from the network's output."""
        shares = rules.probabilities(output.scores)
        return cls(view, shares, max(rules.merge(shares)), rules.is_strange(output.scores), output.maps)


def is_wanted(finding: Finding) -> bool:
    """Whether a finding from the centre alone is too little. Of clothes on somebody, there is no more to say."""
    return finding.kind is not FindingKind.WORN and finding.best.probability < WANTED_BELOW


def views(sight: Sight) -> list[View]:
    """The centre; and for a second look at a long picture its two ends."""
    centre, whole = View(0.5, 0.5, sight.centre), sight.whole
    if whole is None or max(whole.width, whole.height) < LONG_FROM * min(whole.width, whole.height):
        return [centre]
    right, bottom = whole.width - whole.crop, whole.height - whole.crop
    if right > bottom:
        corners = [(0, round(bottom / 2)), (right, round(bottom / 2))]
    else:
        corners = [(round(right / 2), 0), (round(right / 2), bottom)]
    return [centre, *(_view(whole, left, top) for left, top in corners)]


def zoom(whole: Whole, seen: Sequence[Seen], grid: MapGrid) -> View | None:
    """A closer look at what the surest view saw; None if the network does not say where that is."""
    surest = max(seen, key=operator.attrgetter("best"))
    if surest.maps is None:
        return None
    column, row = _spot(surest.maps)
    half = whole.crop / 2
    left = SCALE * (surest.view.x * whole.width - half + grid.start + grid.stride * column) - half
    top = SCALE * (surest.view.y * whole.height - half + grid.start + grid.stride * row) - half
    left, top = (_clamped(left, SCALE * whole.width - whole.crop), _clamped(top, SCALE * whole.height - whole.crop))
    x, y = (left + half) / (SCALE * whole.width), (top + half) / (SCALE * whole.height)
    return View(x, y, whole.zoom(left, top), ZOOM_COUNTS)


def judged(seen: Sequence[Seen], rules: Rules) -> Finding:
    """What a picture shows, by all views of it. The first is the centre."""
    centre = seen[0]
    first = rules.judge(centre.shares, strange=centre.strange)
    if len(seen) == 1:
        return first
    if both := _both_ends(seen, rules):
        return both
    together = _combined(seen)
    if max(rules.merge(together)) <= centre.best:
        return first
    surest = max(seen, key=operator.attrgetter("best"))
    found = rules.judge(together, strange=surest.strange)
    if _says_less(found, first, surest):
        return first
    return msgspec.structs.replace(found, place=_place(together, surest, centre), views=len(seen))


def _says_less(found: Finding, first: Finding, surest: Seen) -> bool:
    """Whether all views together say less than the centre, or too little where the centre says nothing."""
    if found.kind in _NOTHING:
        return first.kind not in _NOTHING
    if first.kind not in _NOTHING or found.kind is FindingKind.PRINTED:
        return False
    return found.probability < (STRANGE_UP_TO if surest.strange else SAYS_FROM)


def _place(together: Sequence[float], surest: Seen, centre: Seen) -> Place:
    """Where the likeliest class is: where the surest view saw it, if the centre hardly did."""
    best = together.index(max(together))
    is_there = surest.shares[best] == max(surest.shares) and together[best] >= PLACE_FROM
    return surest.view.place() if is_there and centre.shares[best] < SEEN_BEFORE else Place.MIDDLE


def _both_ends(seen: Sequence[Seen], rules: Rules) -> Finding | None:
    """Both ends of a long picture, if each is sure of a thing and the two differ."""
    ends = seen[1 : 1 + ENDS]
    if len(ends) < ENDS:  # a picture that is not long has only its centre and a zoom
        return None
    one, other = (_found_in(end, rules, len(seen)) for end in ends)
    if not all(each.kind in _THINGS and each.probability >= BOTH_SURE_FROM for each in (one, other)):
        return None
    # Of each end its likeliest class: a group that is all delicate has no guesses.
    first, second = (end.shares.index(max(end.shares)) for end in ends)
    differ = max(ends[1].shares[first], ends[0].shares[second]) <= OTHER_END_UP_TO
    return msgspec.structs.replace(one, other=other) if differ and not rules.are_related(first, second) else None


def _found_in(end: Seen, rules: Rules, views: int) -> Finding:
    found = rules.judge(end.shares, strange=end.strange)
    return msgspec.structs.replace(found, place=end.view.place(NOT_THE_MIDDLE), views=views)


def _combined(seen: Sequence[Seen]) -> list[float]:
    """The probabilities of all classes by all views, each weighted by the square of its best one."""
    weights = [each.view.counts * each.best**2 for each in seen]
    total = sum(weights)
    return [
        sum(map(operator.mul, weights, of_a_class)) / total
        for of_a_class in zip(*(each.shares for each in seen), strict=True)
    ]


def _spot(maps: Maps) -> tuple[float, float]:
    """Column and row of what speaks for the best class: the weighted middle of all cells with half of the most."""
    cells = maps.cells[0]
    half = max(cells) / 2
    strong = [(divmod(index, maps.columns), cell) for index, cell in enumerate(cells) if cell >= half > 0]
    total = sum(cell for _, cell in strong)
    if not total:  # nothing speaks for it
        return (maps.columns - 1) / 2, (maps.rows - 1) / 2
    column = sum(cell * place[1] for place, cell in strong) / total
    row = sum(cell * place[0] for place, cell in strong) / total
    return column, row


def _view(whole: Whole, left: int, top: int) -> View:
    half = whole.crop / 2
    return View((left + half) / whole.width, (top + half) / whole.height, whole.view(left, top))


def _clamped(corner: float, most: int) -> int:
    return min(max(round(corner), 0), most)


def _side(distance: float, off: float, before: str, behind: str) -> str:
    if abs(distance) < off:
        return ""
    return before if distance < 0 else behind
