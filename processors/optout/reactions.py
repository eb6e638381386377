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
_PICTURE: Final = "[\u203c-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff][^\\w\\s\"'“”„«»「」]{0,11}"
"""An emoji, by its first sign."""
_ANY_LANGUAGE: Final = rf"(?!(?:ok|okay|no|yes|lol|haha|he|she|they|i|you) )(?:[^\W\d_]+ ){{0,3}}{_PICTURE}(?: (?!he|she|they|i|you|said|says|stop)[^\W\d_]+){{0,3}}:?"
"""`Reagerte med 👍 på “…”`: an emoji among a few words, and then nothing but the quotation."""
_OTHERS: Final = (
    # German
    rf"hat (?:mit )?{_EMOJI} auf|gefällt(?: mir)?(?: nicht)?:?|(?:gelacht über|lacht über|lachte über|betont|hervorgehoben|infrage gestellt|geliebt|mochte|liebt):?|"
    r"entfernte .{1,20} (?:aus|von)|hat (?:ein herz|ein gefällt mir|einen lacher|ein ausrufezeichen|ein fragezeichen) (?:von|aus|zu) |hat(?: (?:über|auf))?|"
    # French
    rf"(?:a |j'ai |vous avez )?(?:n'a pas )?(?:aimé|adoré)|(?:a )?(?:réagi (?:avec|par)|retiré|supprimé) (?:{_EMOJI}|(?:un|une|le|la) [\w’']{{1,20}}(?: [\w’']{{1,20}}){{0,2}}) (?:à|de|sur)|"
    r"(?:a )?(?:ri (?:de|à)|mis en évidence|questionné|souligné|mis l'accent sur|accentué)|n'a pas aimé|n'aime pas|aime|"
    # Spanish
    rf"(?:no )?(?:le|te|me) (?:ha )?(?:gusta|gustó|gustado|encanta|encantó|encantado)|(?:le |te )?(?:dio|da|hizo) (?:un )?(?:risa|me gusta|me encanta|gracia)(?: a)?:?|"
    rf"(?:ha )?(?:reaccionó|reaccionado|reaccionaste) con {_EMOJI} a|(?:ha )?(?:eliminó|quitó|eliminado|quitado) (?:{_EMOJI}|(?:un|una|el|la) [\w ]{{1,24}}) (?:de|a)|(?:se )?(?:rió de|rio de|ha reído de)|(?:ha )?(?:enfatizó|enfatizado|destacó|destacado|resaltó|cuestionó|cuestionado|preguntó por)|"
    # Portuguese
    rf"(?:não )?(?:curtiu|gostou de|amou|adorou|riu de|riu com|descurtiu|enfatizou|destacou|questionou|deu risada de)|reagiu com {_EMOJI} a|(?:removeu|retirou) (?:{_EMOJI}|(?:um|uma|o|a) [\w ]{{1,24}}) de|"
    # Italian
    rf"(?:non )?(?:ha messo (?:un )?(?:mi piace|cuore|non mi piace) a|mi piace|piace|piaciuto|ha adorato|adora|ha riso per|ha riso di|ha enfatizzato|ha evidenziato|ha messo in dubbio|ha aggiunto .{{1,20}} a)|ha reagito con {_EMOJI} a|ha rimosso .{{1,24}} da|"
    # Dutch
    rf"(?:vindt|vond|vonden) (?:(?:niet )?leuk|geweldig):?|(?:reageerde|heeft gereageerd) met {_EMOJI} op|(?:lachte|moest lachen) om|(?:benadrukte|beklemtoonde|hield van|betwijfelde|stelde vraag bij)|verwijderde .{{1,24}} (?:van|uit)|"
    # Russian, Ukrainian, Bulgarian
    r"(?:очень |не )?(?:понравил(?:ось|ась|ся|ись)|нравится|нравятся)|(?:по|за)?сме(?:ял|ёт|ет)(?:ся|ась|ись) над|отмечено|выделено|поставлен вопрос на|реакция .{1,12} на|удален[оа]? .{1,24} (?:из|с)|"
    r"(?:не )?(?:сподобал(?:ося|ась|ося)|подобається)|(?:не )?(?:харес(?:а|ва|ах|ано))|реакция .{1,12} към|премахнато .{1,16} от|"
    # Polish, Czech, Slovak, Hungarian
    r"(?:nie )?polubi(?:ł|ła|ł\(a\)|ono)|uwielbia|pokochał(?:a)?|znielubił(?:a)?|zaśmiał(?:a)? się z|podkreślił(?:a)?|zakwestionował(?:a)?|zareagował(?:a)? .{1,12} na|usun(?:ął|ęła) .{1,24} z|"
    r"(?:ne)?líbí se(?: mi)?|to se mi líbí|(?:ne)?líbil[oa] se|milovaný|smál[a]? se|zdůrazněno|otázka|reagoval[a]? .{1,12} na|odstran\w+ .{1,24} z|odebrán .{1,12} z|páči sa(?: mi)?|"
    r"(?:nem )?(?:tetszett|kedveli|kedvelte)|imádta|nevetett rajta|kiemelte|kérdezte|.{1,12} reagált erre|.{1,24} eltávolítva (?:innen|erről)|szívecske erre|"
    # Vietnamese, the Nordic languages, Turkish, Indonesian
    r"(?:đã )?(?:không )?(?:thích|yêu thích|cười|nhấn mạnh|đặt câu hỏi)|"
    r"(?:ogillade|gillade|gillar|älskade|älskar|skrattade åt|betonade|ifrågasatte)|reagerade med .{1,12} på|tog bort .{1,24} från|"
    r"(?:likte|mislikte|elsket|lo av|satte .{1,20} ved|liker ikke lenger|misliker ikke lenger|understreket)|(?:reagerte|reagerede) med .{1,12} på|fjernet .{1,24} fra|(?:kunne (?:ikke )?lide|synes godt om|elskede|grinede af|lo ad|fremhævede|fjernede .{1,24} fra)|"
    r"(?:tykkäsi|rakasti|nauroi)|(?:beğendi|beğenmedi|sevdi|güldü)|(?:menyukai|menyukai pesan|suka)"
)
_BEFORE: Final = re.compile(rf"\s*(?:{_ENGLISH}|{_OTHERS}|{_ANY_LANGUAGE}):?\s*(?=[\"'“”„«»‹「『‘])", re.IGNORECASE)
_MEDIA: Final = re.compile(
    rf"\s*{_ENGLISH} (?:an? |your )?(?:image|photo|picture|video|movie|gif|sticker|attachment|link|file|contact|location|message|text|memoji|pdf|note|poll|post|website|card|event|"
    r"(?:voice|audio|digital touch) ?(?:message|recording|memo)?)s?\s*[.!]?\s*",
    re.IGNORECASE,
)
_MEDIA_OTHERS: Final = re.compile(
    rf"\s*{_OTHERS} (?:une? |un' ?|una |uma |um |ein |eine |einen |en |et |een |изображени|фото|zdjęcie)(?:image|photo|vidéo|imagen|foto|video|imagem|vídeo|immagine|bild|bilde|billede|afbeelding|lien|enlace|link|message|mensaje|mensagem|messaggio|nachricht)?\w{{0,8}}\s*[.!]?\s*",
    re.IGNORECASE,
)
_AFTER: Final = re.compile(
    rf"\s*(?:{_EMOJI} hinzugefügt|(?:ein|einen) \w{{2,20}} hinzugefügt|(?:{_EMOJI} |mit {_EMOJI} )?reagiert|"
    r"(?:niet )?leuk|gefällt (?:mir|dir)(?: nicht)?|geweldig|beğen\w{1,8}|gelik(?:e|t|ed)|geliebt|gelacht|betont|hervorgehoben|infrage gestellt|(?:über )?gelacht|mit .{1,24} (?:markiert|reagiert)|"
    r"(?:das )?(?:herz|„?gefällt mir“?) entfernt|按讚|按赞|表示喜歡|表示喜欢|(?:に|へ)?(?:いいね|リアクション).{0,12}|(?:を|に).{1,16}しました|"
    r"에.{1,12}표시함|hozzáadott.{0,16})\s*[.。]?\s*",
    re.IGNORECASE,
)
_LEADS: Final = (
    "對",
    "对",
    "「",
    "„",
    "“",
    "«",
    "vindt ",
    "Vindt ",
    "vond ",
    "Vond ",
    "Hat ",
    "hat ",
    "heeft ",
    "Heeft ",
)
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
_MEDIA_CHARS_MAX: Final = 60
"""The longest words for a reaction to a picture."""
_CUT_SHORT: Final = ("…", "...")


def rest_of(text: str) -> str | None:
    """What stands behind the quotation of a reaction, empty for a reaction alone; None where the text is none."""
    if "\u200a" in text and _MARKED.fullmatch(text.strip(" \n\r\t")):
        return ""
    stripped = text.strip()
    if _A_MEDIUM.search(stripped) is not None and _MEDIA.fullmatch(stripped):
        return ""
    if _A_MARK.search(stripped) is None:
        return (
            ""
            if len(stripped) <= _MEDIA_CHARS_MAX and not stripped.isascii() and _MEDIA_OTHERS.fullmatch(stripped)
            else None
        )
    found = _BEFORE.match(stripped)
    if found is not None:
        behind = _behind(stripped, found.end())
        return "" if behind and _AFTER.fullmatch(behind) else behind
    for lead in _LEADS:
        if stripped.startswith(lead):
            at = next((place for place in range(min(len(stripped), 12)) if stripped[place] in _CLOSING), None)
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
