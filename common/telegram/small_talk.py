"""What people say to the bot without asking for anything: thanks, an emoji, a link that is not one, other words.

It only decides between a friendly line, another one, and a reaction. So it may err, and knows no grammar.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import unicodedata
from typing import Final

from common.telegram.said import Text

MOST_THANKS: Final = 60
"""Characters of thanks. Longer texts say something else, too."""
MOST_EMOJI: Final = 24
"""Characters of "a lone emoji", which may have a dozen: a family of four with skin tones has eleven."""


class Talk(enum.Enum):
    """The kinds of small talk."""

    WORDS = "words"
    THANKS = "thanks"
    APPLAUSE = "applause"
    """Thanks or an emoji in reply to the bot."""
    BROKEN_LINK = "broken link"
    """It looks like a link, but none is marked."""


@dataclasses.dataclass(frozen=True)
class SmallTalk:
    """Words that ask for nothing."""

    talk: Talk


# Of languages with spaces between words, whole words.
_THANKS: Final = (
    *("thank", "thanks", "thank you", "thankyou", "thank u", "thanku", "thx", "thnx", "tnx", "thanx", "thks", "ty"),
    *("tysm", "tyvm", "cheers", "danke", "vielen dank", "besten dank", "dankeschön", "merci", "mersi", "gracias"),
    *(
        "gràcies",
        "obrigado",
        "obrigada",
        "obg",
        "brigado",
        "grazie",
        "bedankt",
        "dank je",
        "dank u",
        "takk",
        "tack",
        "kiitos",
    ),
    *("kiitti", "aitäh", "paldies", "ačiū", "dziękuję", "dzięki", "dzieki", "děkuji", "díky", "ďakujem", "vďaka"),
    *("köszönöm", "köszi", "mulțumesc", "hvala", "faleminderit", "спасибо", "спс", "пасиб", "благодарю", "благодаря"),
    *("дякую", "дзякуй", "хвала", "рахмет", "рақмет", "rahmat", "ευχαριστώ", "teşekkürler", "teşekkür", "sağol"),
    *("شكرا", "متشکرم", "ممنون", "مرسی", "شکریہ", "תודה", "धन्यवाद", "शुक्रिया", "dhanyavaad", "shukriya", "terima kasih"),
    *("makasih", "salamat", "cảm ơn", "cám ơn", "arigato", "arigatou", "kamsahamnida", "xiexie", "asante"),
)
_THANKS_WITHOUT_SPACES: Final = (
    *("谢谢", "謝謝", "感谢", "感謝", "多谢", "多謝", "ありがと", "サンキュー", "감사", "고마워", "고맙", "ขอบคุณ"),
)

_ENDINGS: Final = "jpe?g|png|webp|gif|bmp|avif|hei[cf]"
_SURE: Final = "com|org|net|edu|gov|info|io"
_DOMAINS: Final = rf"{_SURE}|co|uk|de|fr|es|it|nl|pl|ru|ua|br|in|jp|cn|eu|us|ca|au|ch|at|se|me"
_ODD_DOT: Final = r"(?:\s{1,2}\.\s{0,2}|\s{0,2}[\[({]\s?(?:\.|dot)\s?[\])}]\s{0,2}|\s{1,2}dot\s{1,2}|[。．])"
# Telegram marks what is a link. These are not, and were meant to be. Each has parts of bounded lengths only.
_BROKEN_LINK: Final = re.compile(
    r"(?<!\w)h[tx*]{1,3}p?s?\s?[:;/]{1,2}\s?[/\\]"  # hxxp://  htp:/  http//
    r"|(?<!\w)(?!tg:|tel:|ton)[a-z]{2,10}\s?:\s?//|(?<!\w)data:image/"
    r"|(?<!\w)www[.,\s]\s?[a-z0-9]"
    rf"|[\w-](?:\.|{_ODD_DOT})(?:{_ENDINGS})(?!\w)"  # cat.jpg
    rf"|\w[\w-]\.(?:{_DOMAINS})(?![\w.])"
    rf"|\w[\w-]{_ODD_DOT}(?:{_SURE})(?!\w)"  # example[.]com
    rf"|\w[\w-](?:{_ODD_DOT}|\.\s{{1,2}})(?:{_DOMAINS})\s?/"  # example. de/cat
    rf"|\w[\w-][,\s](?:{_SURE})/\w",  # example,com/cat
    re.IGNORECASE,
)
_EMAIL: Final = re.compile(r"[\w.]@\w")
_NAME: Final = re.compile(r"@\w+")
_REPEATED: Final = re.compile(r"(\w)\1+")
_SMILEY: Final = re.compile(r"(?:[:;=8][-‑o']?[)D\]*pP3]+|<3+|\^_?\^|[xX]D+)$")
_JOINERS: Final = frozenset("\u200d\ufe0f\u20e3")


def small_talk(text: Text, *, answers_bot: bool) -> Talk:
    """What kind of small talk a text is in which there is nothing to look at.

    Args:
        text: The text.
        answers_bot: Whether it replies to a message of the bot.
    """
    words = text.text.strip()
    thanks = is_thanks(words)
    if answers_bot and (thanks or is_emoji(words)):
        return Talk.APPLAUSE
    if thanks:
        return Talk.THANKS
    return Talk.BROKEN_LINK if is_broken_link(text) else Talk.WORDS


def is_thanks(words: str) -> bool:
    """Whether a short text says thanks, in one of many languages, and asks nothing."""
    if len(words) > MOST_THANKS or re.search("[?？؟]", words):
        return False
    plain = _plain(_NAME.sub(" ", words))
    return _IS_THANKS.search(plain) is not None


def is_emoji(words: str) -> bool:
    """Whether a text is an emoji, or a few; or one of the smileys that people type instead."""
    words = _NAME.sub("", words).strip()
    if len(words) > MOST_EMOJI:
        return False
    if _SMILEY.match(words):
        return True
    return any(map(_is_picture, words)) and all(map(_is_of_an_emoji, words))


def is_broken_link(text: Text) -> bool:
    """Whether a text looks like a link, though Telegram has marked none in it."""
    if any(mark.kind in {"url", "text_link", "email"} for mark in text.marks) or _EMAIL.search(text.text):
        return False
    return _BROKEN_LINK.search(text.text) is not None


def _is_picture(character: str) -> bool:
    return character > "\u2000" and unicodedata.category(character) == "So"


def _is_of_an_emoji(character: str) -> bool:
    """Signs, skin tones, flags, and what joins them."""
    is_tag = "\U000e0020" <= character <= "\U000e007f"
    return _is_picture(character) or character in _JOINERS or character.isspace() or is_tag or _is_skin_tone(character)


def _is_skin_tone(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def _plain(words: str) -> str:
    """Without accents, capitals and letters that somebody repeats: "Graciaaaas" is "gracias"."""
    letters = (each for each in unicodedata.normalize("NFKD", words.casefold()) if unicodedata.category(each) != "Mn")
    return _REPEATED.sub(r"\1", "".join(letters))


_IS_THANKS: Final = re.compile(
    rf"(?<!\w)(?:{'|'.join(re.escape(_plain(word)) for word in _THANKS)})(?!\w)"
    rf"|{'|'.join(re.escape(_plain(word)) for word in _THANKS_WITHOUT_SPACES)}"
)
