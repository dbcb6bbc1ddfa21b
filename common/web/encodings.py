"""Web pages as text, in the encoding that browsers would read them in.

As the WHATWG's Encoding and HTML standards say: a byte order mark decides; then what the server names; then what the
page itself names. A name that is not one of the web's counts as if it were not there. Where that leaves nothing,
browsers guess: UTF-8 if the bytes are UTF-8, and windows-1252 otherwise.
"""

from __future__ import annotations

import codecs
import re
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import Final

from common.web.tags import attributes, tags

# Browsers look for <meta charset> in the first 1,024 bytes, and begin again if it comes later. Ours is searched once.
_SEARCHED_BYTES: Final = 16 * 1024
_MARKS: Final = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_GUESSED: Final = "cp1252"
_CHARSET: Final = re.compile(r"""charset[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^\s;"']+))""", re.IGNORECASE)
_LONGEST_NAME: Final = 40

# From Python's name of an encoding to the one that reads it as the web does
# (https://encoding.spec.whatwg.org/#names-and-labels): it takes many a name for that of a larger encoding. This is also
# the list of those that may be used: Python has others that no page is in, and some that are no encodings of text.
_CODECS: Final = {
    **{f"iso8859_{part}": f"iso8859_{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{f"cp{page}": f"cp{page}" for page in (866, 874, *range(1250, 1259))},
    **dict.fromkeys(("ascii", "latin_1", "iso8859_1"), "cp1252"),
    **dict.fromkeys(("iso8859_11", "tis_620"), "cp874"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb18030"),
    **dict.fromkeys(("big5", "big5hkscs"), "big5hkscs"),
    **dict.fromkeys(("shift_jis", "cp932"), "cp932"),
    **dict.fromkeys(("euc_kr", "cp949"), "cp949"),
    **dict.fromkeys(("utf_16", "utf_16_le"), "utf-16-le"),
    **{name: name for name in ("koi8_r", "koi8_u", "mac_roman", "mac_cyrillic", "euc_jp", "iso2022_jp")},
    "iso8859_9": "cp1254",
    "utf_8": "utf-8",
    "utf_16_be": "utf-16-be",
}
_OF_SEVERAL_BYTES: Final = {
    *("utf-8", "utf-16-le", "utf-16-be", "gb18030", "big5hkscs", "cp932", "cp949", "euc_jp", "iso2022_jp"),
}
# Names of the web that Python does not know, with hyphens and colons as low lines.
_MORE_NAMES: Final = {
    **dict.fromkeys(("unicode_1_1_utf_8", "unicode11utf8", "unicode20utf8", "x_unicode20utf8"), "utf_8"),
    **dict.fromkeys(("unicode", "csunicode", "iso_10646_ucs_2", "ucs_2", "unicodefeff"), "utf_16_le"),
    **dict.fromkeys(("x_sjis", "ms_kanji", "windows_31j", "ms932"), "cp932"),
    **dict.fromkeys(("windows_949", "ks_c_5601_1989", "ksc_5601", "iso_ir_149", "csksc56011987", "cseuckr"), "cp949"),
    **dict.fromkeys(("x_gbk", "csgb2312", "gb_2312", "gb_2312_80"), "gbk"),
    **dict.fromkeys(("cn_big5", "x_x_big5"), "big5"),
    **dict.fromkeys(("x_euc_jp", "cseucpkdfmtjapanese"), "euc_jp"),
    **dict.fromkeys(("iso_8859_8_i", "iso_8859_8_e", "csiso88598i", "csiso88598e", "logical", "visual"), "iso8859_8"),
    **dict.fromkeys(("iso_8859_6_i", "iso_8859_6_e", "csiso88596i", "csiso88596e"), "iso8859_6"),
    **dict.fromkeys(("koi", "koi8", "cskoi8r"), "koi8_r"),
    **dict.fromkeys(("macintosh", "mac", "x_mac_roman", "csmacintosh"), "mac_roman"),
    **dict.fromkeys(("x_mac_cyrillic", "x_mac_ukrainian"), "mac_cyrillic"),
    **{f"x_cp{page}": f"cp{page}" for page in range(1250, 1259)},
    **{f"iso8859{part}": f"iso8859_{part}" for part in range(1, 16)},
    **{f"iso_8859_{part}": f"iso8859_{part}" for part in range(1, 17)},
    "koi8_ru": "koi8_u",
    "csisolatin9": "iso8859_15",
    "sun_eu_greek": "iso8859_7",
    "unicodefffe": "utf_16_be",
    **dict.fromkeys(("dos_874", "windows_874"), "cp874"),
    "x_user_defined": "cp1252",
}


def text_of(body: bytes, named: str = "") -> tuple[str, str]:
    """A page as text, and Python's name of its encoding.

    Args:
        body: The page, or its beginning.
        named: The encoding that the server named; '' if it named none.
    """
    for mark, codec in _MARKS.items():
        if body.startswith(mark):
            return _decode(body[len(mark) :], codec), codec
    codec = codec_of(named) or _named_inside(body) or ("utf-8" if _is_utf_8(body) else _GUESSED)
    return _decode(body, codec), codec


def codec_of(name: str) -> str:
    """Python's name of the encoding that has this name on the web; '' if there is no such encoding."""
    name = name.strip("\t\n\f\r ").lower()
    if not name.isascii() or len(name) > _LONGEST_NAME:
        return ""
    plain = normalize_encoding(name.replace(":", "_").replace("-", "_"))
    return _CODECS.get(_MORE_NAMES.get(plain) or aliases.get(plain, plain), "")


def charset(content_type: str) -> str:
    """The encoding that a Content-Type names, such as ``text/html; charset="UTF-8"``; '' if it names none."""
    found = _CHARSET.search(content_type)
    return next(filter(None, found.groups()), "") if found else ""


def _named_inside(body: bytes) -> str:
    """The encoding that a page says it is in. Not UTF-16: we could not have read that as ASCII."""
    for name, rest in tags(body[:_SEARCHED_BYTES].decode("latin-1")):
        if name == "meta":
            given = attributes(rest)
            named = given.get("charset", "")
            if not named and given.get("http-equiv", "").strip().lower() == "content-type":
                named = charset(given.get("content", ""))
            if codec := codec_of(named):
                return "utf-8" if codec.startswith("utf-16") else codec
    return ""


def _decode(body: bytes, codec: str) -> str:
    if codec in _OF_SEVERAL_BYTES:
        return body.decode(codec, "replace")
    # Python takes 3 s for 2 MB of bytes that are no characters, and 0.01 s with a table that has one for each.
    table = bytes(range(256)).decode(codec, "replace")
    return codecs.charmap_decode(body, "strict", table)[0]


def _is_utf_8(body: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)  # the end may be cut in the middle of a character
    except UnicodeDecodeError:
        return False
    return True
