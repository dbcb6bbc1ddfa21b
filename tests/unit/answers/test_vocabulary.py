"""The names of ImageNet's classes: complete, different from one another, and good English."""

from __future__ import annotations

import itertools
import re

import pytest

from common.answers import vocabulary
from common.settings import ROOT

IMAGENET = vocabulary.imagenet()
ENGLISH = vocabulary.names("en")
GROUPS = {group.id: {*group.classes} for group in IMAGENET.groups}
PHRASES = [*ENGLISH.classes, *ENGLISH.groups.values()]

SECONDS = {second for _, second in IMAGENET.merged}
TEAT = 680
ARTICLE = re.compile(r"an? ")
# How a word begins that sounds unlike its first letter.
VOWEL_SOUND = re.compile(r"hour|SLR\b")
CONSONANT_SOUND = re.compile(r"uni|one-|european", re.IGNORECASE)
UNCOUNTABLE = {
    *("armor", "audio equipment", "chain mail", "clothing", "cookware or a kitchen tool", "face powder", "furniture"),
    *("hairspray", "lipstick", "lotion", "medical equipment", "perfume", "sports equipment", "sunscreen", "swimwear"),
    *("tableware", "toilet paper", "underwear or swimwear", "velvet", "wool", "cloth or bedding", "hay"),
    *("broccoli", "cabbage, broccoli or cauliflower", "cauliflower", "chocolate sauce", "corn", "dough", "eggnog"),
    *("bread or a pastry", "food or drink", "guacamole", "hot pot", "ice cream", "ice cream or dessert", "pasta"),
    *("red wine", "soup", "soup or stew", "zucchini"),
}
SINGULAR_IN_S = re.compile(r"(us|is|ss|ops)$")  # a bus, a mantis, a glass, a triceratops


def words_of(phrase: str) -> str:
    return ARTICLE.sub("", phrase, count=1) if ARTICLE.match(phrase) else phrase


def test_every_class_has_a_name_and_only_merged_classes_share_one() -> None:
    first = [phrase.lower() for index, phrase in enumerate(ENGLISH.classes) if index not in SECONDS]

    assert len(ENGLISH.classes) == 1000
    assert len(first) == len({*first}) == 1000 - len(IMAGENET.merged)
    for one, other in IMAGENET.merged:
        assert ENGLISH.phrase(one) == ENGLISH.phrase(other)


def test_the_names_in_a_list_differ_as_well() -> None:
    listed = [ENGLISH.listed(index).lower() for index in range(1000) if index not in SECONDS]

    assert len(listed) == len({*listed})


def test_every_group_has_a_name_of_its_own_which_is_not_a_class_s() -> None:
    names = [ENGLISH.group(group.id).lower() for group in IMAGENET.groups]

    assert [*ENGLISH.groups] == [*GROUPS]
    assert len(names) == len({*names}) == len(IMAGENET.groups)
    # Or the bot would say: a mask (93%), perhaps a mask (45%).
    assert {*names} & {phrase.lower() for phrase in ENGLISH.classes} == set()


@pytest.mark.parametrize(
    ("index", "phrase", "listed"),
    [
        (967, "an espresso", "espresso"),
        (949, "strawberries", "strawberries"),
        (880, "a unicycle", "unicycle"),
        (604, "an hourglass", "hourglass"),
        (605, "an iPod", "iPod"),
        (134, "a crane (bird)", "crane (bird)"),
        (517, "a crane (machine)", "crane (machine)"),
        (310, "an ant", "ant"),
        (963, "a pizza", "pizza"),
    ],
)
def test_a_name_has_its_article_in_a_sentence_and_not_in_a_list(index: int, phrase: str, listed: str) -> None:
    assert ENGLISH.phrase(index) == phrase
    assert ENGLISH.listed(index) == listed


def test_an_stands_before_the_sound_of_a_vowel_and_a_before_all_others() -> None:
    wrong = []
    for phrase in PHRASES:
        if ARTICLE.match(phrase):
            words = words_of(phrase)
            vowel = words[0].lower() in "aeiou" and not CONSONANT_SOUND.match(words)
            if phrase.startswith("an ") != bool(vowel or VOWEL_SOUND.match(words)):
                wrong.append(phrase)
    assert wrong == []


def test_only_a_plural_or_something_uncountable_has_no_article() -> None:
    without = {phrase for phrase in PHRASES if not ARTICLE.match(phrase)}
    plural = {phrase for phrase in without if re.search(r"s( \(|$)", phrase)}
    something = {phrase for phrase in without if phrase.startswith("something ")}

    assert without - plural - something == UNCOUNTABLE


def test_nothing_with_an_article_is_a_plural() -> None:
    names = [words_of(phrase) for phrase in PHRASES if ARTICLE.match(phrase)]
    heads = [re.split(r" \(| (?:of|with|des|or other) |, ", words)[0] for words in names]

    assert [head for head in heads if head.endswith("s") and not SINGULAR_IN_S.search(head)] == []


def test_names_are_written_as_the_bot_writes() -> None:
    for phrase in PHRASES:
        assert re.fullmatch(r"[A-Za-z’,() -]+", phrase), phrase
        assert phrase == " ".join(phrase.split())
        assert "- " not in phrase
        assert not phrase.startswith(("the ", "The "))
        first = phrase.split()[0]
        assert first == first.lower(), phrase


def test_brackets_stand_at_the_end_and_say_one_thing() -> None:
    for phrase in PHRASES:
        if "(" in phrase:
            assert re.fullmatch(r"[^()]+ \([a-z ]+\)", phrase), phrase


def test_a_name_fits_on_a_phone_s_line() -> None:
    # 32 characters in bold are a line of a bubble that is 360 px wide.
    longer = {phrase for phrase in PHRASES if len(phrase) > 32}

    assert longer == {"an American Staffordshire terrier"}
    assert max(map(len, PHRASES)) < 40


def test_the_ids_of_groups_are_short_slugs() -> None:
    ids = [group.id for group in IMAGENET.groups]

    assert len(ids) == len({*ids})
    assert [name for name in ids if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name) or len(name) > 32] == []


def test_a_group_is_two_or_more_classes_and_not_just_a_merged_pair() -> None:
    for group in IMAGENET.groups:
        assert 2 <= len(group.classes) < 1000
        assert list(group.classes) == sorted({*group.classes})
        assert 0 <= group.classes[0] <= group.classes[-1] < 1000
        assert group.classes not in IMAGENET.merged
    assert len({group.classes for group in IMAGENET.groups}) == len(IMAGENET.groups)


def test_no_group_divides_a_merged_pair() -> None:
    divided = [
        (name, pair)
        for (name, classes), pair in itertools.product(GROUPS.items(), IMAGENET.merged)
        if len(classes & {*pair}) == 1
    ]
    assert divided == []
    for pair in IMAGENET.merged:
        assert len({*IMAGENET.worn} & {*pair}) != 1
        assert len({*IMAGENET.delicate} & {*pair}) != 1


@pytest.mark.parametrize(
    "chain",
    [
        ("terrier", "hunting-dog", "dog", "mammal", "animal"),
        ("schnauzer", "terrier"),
        ("greyhound", "hound", "hunting-dog"),
        ("spitz-dog", "dog"),
        ("toy-dog", "dog"),
        ("cat", "cat-or-wild-cat", "mammal"),
        ("big-cat", "wild-cat", "cat-or-wild-cat"),
        ("wolf", "wild-dog-wolf-or-fox", "mammal"),
        ("monkey", "monkey-or-ape", "mammal"),
        ("finch", "songbird", "bird", "animal"),
        ("duck", "duck-or-goose", "water-bird", "bird"),
        ("snake", "reptile", "animal"),
        ("shark", "fish", "animal"),
        ("beetle", "insect", "insect-spider-or-the-like", "animal"),
        ("crab", "crustacean", "sea-animal-without-bones"),
        ("car", "car-or-truck", "road-vehicle"),
        ("sled", "vehicle", "thing"),
        ("truck", "car-or-truck"),
        ("sailing-boat", "boat-or-ship"),
        ("piano", "keyboard-instrument", "musical-instrument", "thing"),
        ("citrus-fruit", "fruit", "fruit-or-vegetables", "food-or-drink"),
        ("swimwear", "underwear-or-swimwear", "clothing", "thing"),
        ("hat-or-cap", "something-worn-on-the-head"),
        ("castle-or-palace", "building"),
        ("baby-bed", "bed", "furniture"),
    ],
    ids=lambda chain: chain[0],
)
def test_each_group_of_a_chain_is_a_part_of_the_next(chain: tuple[str, ...]) -> None:
    for smaller, larger in itertools.pairwise(chain):
        assert GROUPS[smaller] < GROUPS[larger]


def test_the_first_398_classes_are_the_animals() -> None:
    assert {*range(398)} == GROUPS["animal"]
    assert GROUPS["animal"] & GROUPS["thing"] == set()


def test_what_is_delicate_is_worn_or_an_ape_or_monkey_but_for_the_baby_s_teat() -> None:
    assert list(IMAGENET.delicate) == sorted({*IMAGENET.delicate})
    assert {*IMAGENET.delicate} - {*IMAGENET.worn} == {TEAT} | GROUPS["monkey-or-ape"] - {383, 384}
    assert GROUPS["underwear-or-swimwear"] <= {*IMAGENET.delicate}


def test_the_worn_are_single_indices_in_order() -> None:
    assert list(IMAGENET.worn) == sorted({*IMAGENET.worn})
    assert all(0 <= index < 1000 for index in (*IMAGENET.worn, *IMAGENET.printed))


def test_the_wordnet_ids_are_in_imagenet_s_order() -> None:
    ids = vocabulary.wordnet_ids()

    assert len(ids) == 1000
    assert all(re.fullmatch(r"n\d{8}", each) for each in ids)
    assert list(ids) == sorted({*ids})
    # Known from ILSVRC 2012's synset_words.txt: the first, the golden retriever, and the last.
    assert (ids[0], ids[207], ids[999]) == ("n01440764", "n02099601", "n15075141")


def test_the_files_are_read_once() -> None:
    assert vocabulary.imagenet() is IMAGENET
    assert vocabulary.names("en") is ENGLISH


def test_wordnet_s_notice_and_licence_go_along() -> None:
    folder = ROOT / "common/answers"

    assert "WordNet 3.0 Copyright 2006 by Princeton University" in (folder / "WORDNET-LICENSE").read_text("utf-8")
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in (folder / "imagenet.json").read_text("utf-8")
