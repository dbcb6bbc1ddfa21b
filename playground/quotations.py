"""Quotations among a text's entities.

Telegram refuses no entity for where it stands, but keeps the rules of
https://core.telegram.org/bots/api#messageentity: a quotation has no other quotation inside or around it, and no link or
code reaches over its border. How it keeps them is in ``fix_entities`` of
https://github.com/tdlib/td/blob/master/td/telegram/MessageEntity.cpp.
"""

from __future__ import annotations

import itertools

from playground.json_types import Json

_QUOTATIONS = frozenset({"blockquote", "expandable_blockquote"})
_STYLES = frozenset({"bold", "italic", "underline", "strikethrough", "spoiler"})


def settled(entities: list[Json]) -> list[Json]:
    """The entities as Telegram stores them around quotations, each before those inside it.

    Of nested quotations the outer one stays. Bold text and other styles are cut at a quotation's borders. Any other
    entity that reaches over a border is dropped.
    """
    quotations = _outermost([entity for entity in entities if entity["type"] in _QUOTATIONS])
    if not quotations:
        return entities
    kept = list(quotations)
    for entity in entities:
        if entity["type"] in _STYLES:
            kept += _cut(entity, quotations)
        elif entity["type"] not in _QUOTATIONS and not any(_crosses(entity, one) for one in quotations):
            kept.append(entity)
    return sorted(kept, key=lambda one: (one["offset"], -one["length"], one["type"] not in _QUOTATIONS))


def _outermost(quotations: list[Json]) -> list[Json]:
    kept: list[Json] = []
    for quotation in sorted(quotations, key=lambda one: (one["offset"], -one["length"])):
        if not kept or quotation["offset"] >= _end(kept[-1]):
            kept.append(quotation)
    return kept


def _cut(entity: Json, quotations: list[Json]) -> list[Json]:
    borders = {border for one in quotations for border in (one["offset"], _end(one))}
    start, end = entity["offset"], _end(entity)
    places = sorted({start, end} | {border for border in borders if start < border < end})
    return [{**entity, "offset": place, "length": after - place} for place, after in itertools.pairwise(places)]


def _crosses(entity: Json, quotation: Json) -> bool:
    overlaps = entity["offset"] < _end(quotation) and quotation["offset"] < _end(entity)
    inside = quotation["offset"] <= entity["offset"] and _end(entity) <= _end(quotation)
    return overlaps and not inside


def _end(entity: Json) -> int:
    return int(entity["offset"] + entity["length"])
