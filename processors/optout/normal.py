"""Folds a text to the forms the tables are written in: plain letters, a key of words, clauses. Pure, linear, total."""

import re
import unicodedata
from typing import Final

TEXT_CHARS_MAX: Final = 1600
"""A ten-part SMS; of a longer text head and tail are read, because a request stands at either end (OPTOUT.md 6)."""
_HALF: Final = TEXT_CHARS_MAX // 2

_FILLERS: Final = "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""Letters and signs that draw nothing."""


def _pairs(text: str) -> dict[int, str]:
    """Read `xy` as: x is written for y."""
    return {ord(pair[0]): pair[1] for pair in text.split()}


_ENCLOSED: Final = {
    first + place: chr(ord("a") + place) for first in (0x1F130, 0x1F150, 0x1F170) for place in range(26)
}
"""Squared and circled letters; NFKC leaves most of them alone."""
_FLAGS: Final = {0x1F1E6 + place: chr(ord("a") + place) for place in range(26)}
"""Letters that flags are made of."""
_STROKES: Final = _pairs("ıi łl øo đd ŧt ħh ɑa ɡg ⱥa ƀb ɨi ʉu ʇt ɐa ɔc ǝe ɹr ɯm ʎy ʌv ɥh ʞk")
_SMALL_CAPITALS: Final = _pairs("ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ǫq ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz")
_LATIN: Final[dict[int, str | None]] = {
    **_ENCLOSED,
    **_STROKES,
    **_SMALL_CAPITALS,
    **dict.fromkeys(map(ord, _FILLERS)),
}
"""Latin letters that no decomposition opens."""
_CYRILLIC: Final = _pairs("аa вb сc ԁd еe гr нh һh іi јj кk ӏl мm пn оo рp ԛq ѕs тt уy ԝw хx ѵv")
_GREEK: Final = _pairs("αa βb εe ηn ιi κk νv οo ρp τt υu χx ωw ϲc ϳj")
_LISU: Final = _pairs("ꓮa ꓐb ꓚc ꓓd ꓰe ꓝf ꓖg ꓧh ꓲi ꓙj ꓗk ꓡl ꓟm ꓠn ꓳo ꓑp ꓣr ꓢs ꓔt ꓴu ꓦv ꓪw ꓫx ꓬy ꓜz")
_CHEROKEE: Final = _pairs("Ꭺa Ᏼb Ꮯc Ꭰd Ꭼe Ꮐg Ꮋh Ꭵi Ꭻj Ꮶk Ꮮl Ꮇm Ꮲp Ꮢr Ꮪs Ꭲt Ꮩv Ꮃw Ꮓz")
_ARMENIAN: Final = _pairs("օo սu ոn հh")
_SYLLABICS: Final = _pairs("ᗩa ᗷb ᑕc ᗪd ᗴe ᖴf ᕼh ᒍj ᒪl ᗰm ᑎn ᑭp ᖇr ᔕs ᑌu ᐯv ᗯw ᙭x ꮻo Ꮻo Ꮎo")
_LOOK_ALIKE: Final = {**_CYRILLIC, **_GREEK, **_LISU, **_CHEROKEE, **_ARMENIAN, **_SYLLABICS}
"""Letters drawn like Latin ones, after case folding."""
_LOOK_ALIKE_BY_SOUND: Final = {**_LOOK_ALIKE, ord("с"): "s"}
"""The Cyrillic es is drawn like a c and sounds like an s; `СТОР` is written with both in mind."""
_APOSTROPHES: Final = "'\u2018\u2019\u201b\u02bc\u00b4`\uff07"
_NO_APOSTROPHES: Final = str.maketrans(dict.fromkeys(_APOSTROPHES + "\u2122\u00ae\u00a9"))
_RUN: Final = re.compile(r"([^\W\d])\1{2,}")
_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")
_STOP_SIGN: Final = re.compile("[\U0001f6d1\U0001f6ab\u26d4]")
_CLAUSE_ENDS: Final = re.compile(
    r"[.!?;:,\n\u2026\u2014\u2013()\"\u201c\u201d\u00ab\u00bb\u3002\uff01\uff1f\u00bf\u00a1]+|\s-+\s"
)
_ADDRESS: Final = re.compile(r"(?:www\.|\w+://)\S+")
_SENTENCE_ENDS: Final = re.compile(r"(?:[.!?;\n\u2026\u2014\u2013\u3002]|\s-+\s|:\s)+")
_TITLE: Final = re.compile(r"\b(mrs?|ms|dr|sr)\.(?= )")
_LETTERS_APART: Final = re.compile(r"(?<!\w)[a-z](?:[.*_-][a-z]){3,11}(?!\w)")


def words_of(text: str) -> frozenset[str]:
    """The words of a table, written as one text."""
    return frozenset(text.split())


def capped(text: str) -> str:
    """The text, or head and tail of one that is too long."""
    if len(text) <= TEXT_CHARS_MAX:
        return text
    return f"{text[:_HALF]}\n{text[-_HALF:]}"


def plain(text: str) -> str:
    """Lower-case letters without accents, invisibles, width or style; look-alikes of other scripts stay."""
    if text.isascii():
        return text.lower().replace("'", "").replace("`", "")
    folded = unicodedata.normalize("NFKC", text.translate(_NO_APOSTROPHES)).casefold()
    if not folded.isascii():
        opened = unicodedata.normalize("NFKD", folded)
        kept = (char for char in opened if unicodedata.category(char) not in {"Mn", "Me", "Cf"})
        folded = "".join(kept).translate(_LATIN)
    return folded.translate(_NO_APOSTROPHES)[: 2 * TEXT_CHARS_MAX]


def key_of(plain_text: str) -> str:
    """Words with one space between them; edges and punctuation are gone."""
    return _BETWEEN_WORDS.sub(" ", plain_text).strip()


def flag_letters(text: str) -> str:
    """The key of a text with flags' letters read as letters."""
    return key_of(plain(text.translate(_FLAGS)))


def look_alike(key: str) -> str:
    """The key with letters of other scripts read as the Latin ones they are drawn like."""
    return key if key.isascii() else key.translate(_LOOK_ALIKE)


def look_alike_by_sound(key: str) -> str:
    """The same with the Cyrillic es read as an s."""
    return key.translate(_LOOK_ALIKE_BY_SOUND)


def zero_as_letter(key: str) -> str:
    """The key with the figure 0 read as the Cyrillic o."""
    return key.replace("0", "\u043e")


def shortened(key: str) -> str:
    """The key with every run of three or more equal letters cut to one: no word of ours has such a run."""
    return _RUN.sub(r"\1", key) if _RUN.search(key) is not None else key


def mixed_words_folded(key: str) -> str:
    """The key with look-alikes folded in every word that also has Latin letters: nobody writes such a word by chance."""
    if key.isascii():
        return key
    return " ".join(look_alike(word) if any("a" <= char <= "z" for char in word) else word for word in key.split(" "))


def clauses(plain_text: str) -> str:
    """Words with one space between them and `|` where a clause ends, so that no rule reads across."""
    if _TITLE.search(plain_text) is not None:
        plain_text = _TITLE.sub(r"\1", plain_text)
    if _LETTERS_APART.search(plain_text) is not None:
        plain_text = _LETTERS_APART.sub(lambda found: " ".join(found[0][::2]), plain_text)
    marked = _CLAUSE_ENDS.sub(
        " | ", _STOP_SIGN.sub(" stop ", plain_text).replace("#", " number ").replace("&", " and ")
    )
    words = [word if word == "|" or word.isalnum() else _BETWEEN_WORDS.sub(" ", word) for word in marked.split()]
    return " ".join(" ".join(words).split())


def sentences(plain_text: str) -> list[str]:
    """Keys of the sentences, empty ones left out."""
    if "www." in plain_text or "://" in plain_text:
        plain_text = _ADDRESS.sub(" ", plain_text)
    found = (key_of(one) for one in _SENTENCE_ENDS.split(plain_text))
    return [one for one in found if one]
