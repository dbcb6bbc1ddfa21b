"""Small talk: what is thanks, what is an emoji, and what was meant to be a link."""

from __future__ import annotations

import time

import pytest

from common.telegram.said import Mark, Text
from common.telegram.small_talk import Talk, is_broken_link, is_emoji, is_thanks, small_talk


@pytest.mark.parametrize(
    "words",
    [
        *(
            "thanks",
            "Thanks!",
            "thank you so much 🙏",
            "THX",
            "ty!!",
            "thankssss",
            "ok thanks",
            "Thanks, bot.",
            "Tnx :)",
        ),
        *(
            "Danke",
            "danke schön!",
            "Vielen Dank",
            "merci beaucoup",
            "¡Gracias!",
            "muchas grácias",
            "obrigada",
            "grazie",
        ),
        *("спасибо", "Спасибо большое!", "Дякую", "dziękuję", "Dzieki", "teşekkürler", "köszönöm szépen", "ευχαριστώ"),
        *(
            "谢谢你",
            "ありがとうございます",
            "감사합니다",
            "شكرا",
            "תודה",
            "धन्यवाद",
            "cảm ơn",
            "terima kasih",
            "ขอบคุณครับ",
        ),
        *("@whatsit_bot thanks", "Thank\nyou"),
    ],
)
def test_thanks_is_understood_in_many_spellings_and_languages(words: str) -> None:
    assert is_thanks(words)


@pytest.mark.parametrize(
    "words",
    [
        *("", "what is this", "hello", "nice", "thankless", "empty", "party", "Thanksgiving", "danken", "mercimek"),
        *("thanks, but what is the bird?", "谢谢，这是什么？", "thanks " + "for all the fish " * 5),
    ],
)
def test_what_says_or_asks_something_else_is_not_thanks(words: str) -> None:
    assert not is_thanks(words)


@pytest.mark.parametrize(
    "words",
    [
        "👍",
        "❤️",
        "❤",
        "👍🏽",
        "🇩🇪",
        "👨‍👩‍👧‍👦",
        "👍👍👍",
        "🎉 🎉",
        "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
        "✅",
        "☺️",
        ":)",
        ":-D",
        "<3",
        "^^",
        "@whatsit_bot 👍",
    ],
)
def test_a_lone_emoji_is_told_from_words(words: str) -> None:
    assert is_emoji(words)


@pytest.mark.parametrize("words", ["", " ", "ok", "👍 ok", "1", "!", "🏽", "\u200d", "#", "™ x", "👍" * 30, "/what"])
def test_words_are_no_emoji(words: str) -> None:
    assert not is_emoji(words)


@pytest.mark.parametrize(
    "words",
    [
        *(
            "example . com/cat.jpg",
            "example. com/cat.jpg",
            "example .com/cat",
            "look: example . com",
            "example [.] org",
        ),
        *("hxxp://example.com/a", "hXXps://e.org", "h**p://e.org/a", "htp://e.org", "http//e.org", "http:/e.org/a"),
        *("http : //e.org", "http:\\\\e.org", "https://", "htttp://e.org", "ftp://e.org/cat.jpg", "www cat jpg"),
        *("www.cat", "www, example com", "example[.]com", "example(dot)net/cat", "example dot com", "example,com/cat"),
        *(
            "cat.jpg",
            "photo . png",
            "C:\\Users\\me\\cat.jpeg",
            "file:///home/me/cat.webp",
            "data:image/png;base64,AAAA",
        ),
        *("example.com", "example。com/cat"),
    ],
)
def test_what_was_meant_to_be_a_link_is_noticed(words: str) -> None:
    assert small_talk(Text(words), answers_bot=False) is Talk.BROKEN_LINK


@pytest.mark.parametrize(
    "words",
    [
        *("hello", "I like cats. Come on", "and/or", "3.14", "e.g. this", "node.js", "www", "wwww lol", "www なにこれ"),
        *(
            "What is it? It is in/on the box",
            "one . two . three",
            "see you at 10:30",
            "km/h",
            "a@example.com",
            "tg://user?id=1",
        ),
        *("http is a protocol", "dot", "I see a dot in it", "Hello.How are you", "/start"),
    ],
)
def test_other_words_are_not_taken_for_a_link(words: str) -> None:
    assert small_talk(Text(words), answers_bot=False) is Talk.WORDS


def test_where_telegram_has_marked_a_link_there_is_nothing_to_explain() -> None:
    address = "t.me/whatsit_bot and example . com"
    assert not is_broken_link(Text(address, (Mark(kind="url", start=0, end=16),)))


@pytest.mark.parametrize(
    "piece", ["a", "a ", ".", "w", "h", " . ", "a-", "[.]", "dot ", "👍", "thank", "ttttp:", "x://"]
)
def test_the_longest_text_takes_no_time(piece: str) -> None:
    text = (piece * 4096)[:4096]
    began = time.process_time()
    small_talk(Text(text), answers_bot=True)
    assert time.process_time() - began < 0.1
