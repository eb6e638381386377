"""Recognises reactions (tapbacks) on the raw text, and gives back what the contact wrote beside the quotation. Pure.

Forms: Apple Messages writes a verb and the quoted message, in the phone's language; Google Messages puts the same
between U+200A and U+200B or U+200C (OPTOUT.md section 4). Removing invisibles first would destroy the markers.
"""

import re
from typing import Final

_EMOJI: Final = r"[^\w\s\"'“”„«»「」]{1,12}"
_WHAT: Final = (
    r"(?:a heart|a like|a dislike|a laugh|an exclamation(?: mark| point)?|a question(?: mark)?|an emphasis|"
    r"(?:a|the) sticker|" + _EMOJI + r")"
)
_ENGLISH: Final = (
    r"(?:loved|liked|disliked|laughed at|emphasi[sz]ed|questioned|"
    rf"reacted (?:with (?:a sticker|{_EMOJI})|{_EMOJI}) to|removed {_WHAT} from|removed (?:a|the) reaction from|"
    rf"{_EMOJI} to)"
)
_OTHERS: Final = (
    # German, French, Spanish, Portuguese, Italian, Dutch
    rf"hat (?:mit )?{_EMOJI} auf|gefällt(?: nicht)?:?|(?:a |j'ai )?(?:n'a pas )?(?:aimé|adoré)|"
    rf"a (?:réagi avec|retiré|supprimé) {_EMOJI} (?:à|de)|a (?:ri de|mis en évidence|questionné)|"
    rf"(?:no )?le (?:gusta|gustó|encanta|encantó)|(?:le dio )?risa:?|reaccionó con {_EMOJI} a|(?:eliminó|quitó) {_EMOJI} de|"
    rf"(?:não )?(?:curtiu|gostou de|amou|riu de)|reagiu com {_EMOJI} a|removeu {_EMOJI} de|"
    rf"(?:non )?(?:ha messo mi piace a|mi piace|ha adorato|ha riso per)|ha reagito con {_EMOJI} a|"
    rf"(?:vindt|vond) (?:leuk|niet leuk):?|reageerde met {_EMOJI} op|"
    # Russian, Polish, Czech, Hungarian, Bulgarian, Vietnamese, the Nordic languages, Turkish
    r"(?:не )?понравил(?:ось|ась|ся|ись)|посмеял(?:ся|ась|ись) над|(?:nie )?polubił(?:a|\(a\))?|uwielbia|(?:ne)?líbí se(?: mi)?|to se mi líbí|"
    r"(?:nem )?tetszett|kedvelte|imádta|(?:не )?харес(?:а|ва|ах)|(?:đã )?(?:không )?(?:thích|yêu thích|cười)|"
    r"(?:ogillade|gillade|älskade|skrattade åt)|(?:likte|elsket|lo av)|(?:kunne lide|elskede)|(?:beğendi|beğenmedi)"
)
_BEFORE: Final = re.compile(rf"\s*(?:{_ENGLISH}|{_OTHERS})\s*(?=[\"'“”„«»‹「『‘])", re.IGNORECASE)
_MEDIA: Final = re.compile(
    rf"\s*{_ENGLISH} (?:an? |your )?(?:image|photo|picture|video|movie|gif|sticker|attachment|link|file|contact|location|"
    r"(?:voice|audio|digital touch) ?(?:message|recording|memo)?)s?\s*[.!]?\s*",
    re.IGNORECASE,
)
_AFTER: Final = re.compile(
    rf"\s*(?:{_EMOJI} hinzugefügt|(?:ein|einen) \w{{2,20}} hinzugefügt|(?:{_EMOJI} |mit {_EMOJI} )?reagiert|"
    r"(?:niet )?leuk|按讚|按赞|表示喜歡|表示喜欢|(?:に|へ)?(?:いいね|リアクション).{0,12}|(?:を|に).{1,16}しました|"
    r"에.{1,12}표시함|hozzáadott.{0,16})\s*[.。]?\s*",
    re.IGNORECASE,
)
_LEADS: Final = ("對", "对", "「", "„", "vindt ", "Vindt ")
"""What stands before the quotation where the verb stands behind it."""
_CLOSING: Final = {
    '"': '"', "'": "'", "“": "”", "”": "”", "„": "“”", "«": "»", "»": "«", "‹": "›", "「": "」", "『": "』", "‘": "’",
}  # fmt: skip
_MARKED: Final = re.compile(
    r"\u200a?[\u200b\u200c][^\u200b\u200c]{1,64}[\u200b\u200c].*\u200a[^\u200a]{0,40}\u200a?", re.DOTALL
)
_A_MARK: Final = re.compile("[\"'“”„«»‹「『‘]")
_A_MEDIUM: Final = re.compile(r"[a-z]d (?:at )?(?:an? |your )|to (?:an?|your) ", re.IGNORECASE)
"""Cheap looks before dear ones: every reaction has one of them."""
_CUT_SHORT: Final = ("…", "...")


def rest_of(text: str) -> str | None:
    """What stands behind the quotation of a reaction, empty for a reaction alone; None where the text is none."""
    if "\u200a" in text and _MARKED.fullmatch(text.strip(" \n\r\t")):
        return ""
    stripped = text.strip()
    if _A_MEDIUM.search(stripped) is not None and _MEDIA.fullmatch(stripped):
        return ""
    if _A_MARK.search(stripped) is None:
        return None
    found = _BEFORE.match(stripped)
    if found is not None:
        behind = _behind(stripped, found.end())
        return "" if behind and _AFTER.fullmatch(behind) else behind
    for lead in _LEADS:
        if stripped.startswith(lead):
            at = next((place for place in range(min(len(stripped), 8)) if stripped[place] in _CLOSING), None)
            behind = _behind(stripped, at) if at is not None else None
            return "" if behind and _AFTER.fullmatch(behind) else None
    return None


def _behind(text: str, at: int) -> str | None:
    """What follows the quotation that opens at a place; None where it never closes."""
    opened = text[at]
    closing = _CLOSING.get(opened)
    if closing is None:
        return None
    end = _close(text, at, opened, closing)
    if end is None:
        return "" if text.endswith(_CUT_SHORT) else None
    return text[end + 1 :].strip().strip(".")


def _close(text: str, at: int, opened: str, closing: str) -> int | None:
    """Place of the closing mark: counted where marks have two sides, else the last one that can close."""
    if opened not in closing:
        depth = 0
        for place in range(at, len(text)):
            if text[place] in closing:
                depth -= 1
                if depth == 0:
                    return place
            elif text[place] == opened:
                depth += 1
        return None
    for place in range(len(text) - 1, at, -1):
        if text[place] in closing and (opened != "'" or place + 1 == len(text) or text[place + 1].isspace()):
            return place
    return None
