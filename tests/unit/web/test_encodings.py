"""The encodings of web pages."""

from __future__ import annotations

import codecs
import time

import pytest

from common.web.encodings import charset, codec_of, text_of

# All names of https://encoding.spec.whatwg.org/#names-and-labels, by Python's name of what they mean there. Without the
# encodings that the standard replaces by a sign of error (HZ, ISO-2022-KR, ISO-2022-CN).
NAMES = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "cp866": "866 cp866 csibm866 ibm866",
    "iso8859_2": "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "iso8859_3": "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso8859_4": "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso8859_5": "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    "iso8859_6": "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e "
    "iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987",
    "iso8859_7": "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7 "
    "iso_8859-7:1987 sun_eu_greek",
    "iso8859_8": "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8 "
    "iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical",
    "iso8859_10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso8859_13": "iso-8859-13 iso8859-13 iso885913",
    "iso8859_14": "iso-8859-14 iso8859-14 iso885914",
    "iso8859_15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso8859_16": "iso-8859-16",
    "koi8_r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8_u": "koi8-ru koi8-u",
    "mac_roman": "csmacintosh mac macintosh x-mac-roman",
    "cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "cp1250": "cp1250 windows-1250 x-cp1250",
    "cp1251": "cp1251 windows-1251 x-cp1251",
    "cp1252": "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 "
    "iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
    "cp1253": "cp1253 windows-1253 x-cp1253",
    "cp1254": "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 "
    "windows-1254 x-cp1254",
    "cp1255": "cp1255 windows-1255 x-cp1255",
    "cp1256": "cp1256 windows-1256 x-cp1256",
    "cp1257": "cp1257 windows-1257 x-cp1257",
    "cp1258": "cp1258 windows-1258 x-cp1258",
    "mac_cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc_jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "iso2022_jp": "csiso2022jp iso-2022-jp",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "cp949": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 "
    "windows-949",
    "utf-16-be": "unicodefffe utf-16be",
    "utf-16-le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
}


@pytest.mark.parametrize("codec", NAMES)
def test_every_name_of_the_web_means_what_it_means_in_browsers(codec: str) -> None:
    for name in NAMES[codec].split():
        assert codec_of(name) == codec_of(f" {name.upper()}\n") == codec, name


@pytest.mark.parametrize(
    "name",
    [
        *("", "cat", "rot13", "base64", "zip", "bz2", "hex", "idna", "punycode", "utf-7", "unicode_escape", "cp037"),
        *("hz-gb-2312", "iso-2022-kr", "ütf-8", "x\0y", "utf-8" * 1000, "../utf_8", "encodings.utf_8", "undefined"),
    ],
)
def test_what_is_not_an_encoding_of_the_web_is_ignored(name: str) -> None:
    assert codec_of(name) == ""
    assert text_of("<p>ü".encode(), name) == ("<p>ü", "utf-8")


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("text/html; charset=windows-1251", "windows-1251"),
        ('Text/HTML;Charset="Windows-1251"; x=y', "Windows-1251"),
        ("text/html; charset='koi8-r'", "koi8-r"),
        ("text/html;charset = utf-8;", "utf-8"),
        ("text/html; x; charset=gbk junk", "gbk"),
        ("text/html", ""),
        ("charset", ""),
        ("text/html; charset=", ""),
        ('text/html; charset="', ""),
        ("", ""),
    ],
)
def test_what_a_content_type_names(header: str, named: str) -> None:
    assert charset(header) == named


CAT = "<p>кот ñ"
META = "<meta charset=windows-1251><p>кот"


@pytest.mark.parametrize(
    ("body", "server", "text"),
    [
        # A byte order mark goes before all else
        (codecs.BOM_UTF8 + CAT.encode(), "windows-1251", CAT),
        (codecs.BOM_UTF16_LE + CAT.encode("utf-16-le"), "utf-8", CAT),
        (codecs.BOM_UTF16_BE + CAT.encode("utf-16-be"), "", CAT),
        # Then what the server says
        ("<p>кот".encode("koi8-r"), "KOI8-R", "<p>кот"),
        ("<meta charset=utf-8><p>кот".encode("koi8-r"), "koi8-r", "<meta charset=utf-8><p>кот"),
        (CAT.encode("utf-16-le"), "utf-16", CAT),
        # Then the page itself
        (META.encode("cp1251"), "", META),
        (META.encode("cp1251"), "cat", META),
        (f"<!-- <meta charset=gbk> --><script>'<meta charset=gbk>'</script>{META}".encode("cp1251"), "", None),
        ("<META CONTENT='text/html; charset=shift_jis' http-equiv=Content-Type>猫".encode("cp932"), "", None),
        ("<meta charset=gb2312>猫€".encode("gb18030"), "", None),
        ("<meta charset=ks_c_5601-1987>고양이 똠".encode("cp949"), "", None),
        ("<meta charset=utf-16>猫".encode(), "", None),
        ("<meta charset=cat><meta charset=big5>貓".encode("big5"), "", None),
        ("<meta charset=latin1>“ü”".encode("cp1252"), "", None),
        # Then a guess
        (CAT.encode(), "", CAT),
        ("<p>«ü»".encode("cp1252"), "", "<p>«ü»"),
        ("<p>кот".encode()[:-1], "", "<p>ко\ufffd"),
    ],
)
def test_a_page_is_read_as_browsers_read_it(body: bytes, server: str, text: str | None) -> None:
    read, _ = text_of(body, server)
    if text is None:
        assert "\ufffd" not in read
        assert not read.isascii()
        assert any(sign in read for sign in ("猫", "貓", "고양이 똠", "кот", "“ü”"))
    else:
        assert read == text


@pytest.mark.parametrize("codec", NAMES)
def test_two_megabytes_that_are_no_characters_are_read_in_no_time(codec: str) -> None:
    for junk in (b"\x81", b"\xff", b"\x80a", b"\x1b$B"):
        began = time.process_time()
        assert text_of(junk * ((2 << 20) // len(junk)), NAMES[codec].split()[0])[1] == codec
        assert time.process_time() - began < 0.5
