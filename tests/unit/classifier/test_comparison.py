"""What a comparison of int8 with fp32 proves, and what it does not."""

from __future__ import annotations

import math

import msgspec
import pytest
from scipy.stats import binom  # type: ignore[import-untyped]

from classifier.int8.comparison import Comparison, Cost, surely

BASE = Comparison(
    source="holidays",
    calibrated_on=100,
    photos=200,
    agreeing=199,
    agreement=0.995,
    surely=surely(199, 200),
    mean_change=0.0123,
    largest_change=0.0789,
    fp32=Cost(ms=28.4, mb=215),
    int8=Cost(ms=8.9, mb=146),
)


def comparison(agreeing: int, photos: int) -> Comparison:
    return msgspec.structs.replace(
        BASE, photos=photos, agreeing=agreeing, agreement=agreeing / photos, surely=surely(agreeing, photos)
    )


@pytest.mark.parametrize(("failures", "sample"), [(0, 59), (1, 93), (2, 124), (3, 153), (4, 181)])
def test_so_many_must_agree_for_95_percent_as_the_published_sample_sizes_say(failures: int, sample: int) -> None:
    # The smallest samples that prove 95 % with 95 % confidence, which reactor safety knows as Wilks' sample sizes of
    # first to fifth order: S. S. Wilks, Annals of Mathematical Statistics 12 (1941), 91-96.
    assert surely(sample - failures, sample) >= 0.95
    assert surely(sample - 1 - failures, sample - 1) < 0.95


def test_if_all_agree_the_bound_is_the_n_th_root_of_a_twentieth() -> None:
    # The "rule of three" (Hanley and Lippman-Hand, JAMA 1983): about 1 - 3/n.
    assert surely(200, 200) == pytest.approx(0.05 ** (1 / 200))
    assert math.isclose(surely(200, 200), 1 - 3 / 200, abs_tol=1e-3)


def test_if_no_photo_agrees_nothing_is_sure() -> None:
    assert surely(0, 10) == 0


@pytest.mark.parametrize("share", [0.8, 0.97])
def test_the_bound_lies_above_the_truth_in_one_of_twenty_samples_at_most(share: float) -> None:
    too_high = sum(binom.pmf(agreeing, 200, share) for agreeing in range(201) if surely(agreeing, 200) > share)

    assert too_high <= 0.05


@pytest.mark.parametrize(
    ("agreeing", "photos", "is_proof"),
    [
        (199, 200, True),
        (198, 200, False),  # 96.9 %
        (199, 199, False),  # one photo too few, however good
        (987, 1000, True),
        (970, 1000, False),  # 97 %, but not for sure
    ],
)
def test_int8_is_proven_by_200_photos_and_a_bound_of_97_percent(agreeing: int, photos: int, is_proof: bool) -> None:
    assert comparison(agreeing, photos).is_proof is is_proof


def test_people_read_all_of_it() -> None:
    assert list(BASE.lines()) == [
        "same best class: 199 of 200 (99.5%); surely 97.6% or more (lower 95% bound, Clopper-Pearson, one-sided)",
        "the probability of fp32's best class changes by 1.2% on average, by 7.9% at most",
        "one picture takes 8.9 ms, not 28.4; memory 146 MB, not 215",
    ]


def test_with_few_photos_people_read_that_they_prove_little() -> None:
    *_, last = comparison(4, 4).lines()

    assert last == (
        "4 photos prove little. PRECISION=auto asks for 200: name a folder with photos of your own by --photos"
    )
