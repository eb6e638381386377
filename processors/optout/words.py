"""The table of keywords: whole messages, normalised, and what each of them means. Data; no rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from processors.optout.normal import key_of, plain
from schemas.records import MessageLabel


@dataclass(frozen=True, slots=True)
class Keyword:
    """One row: a whole message, normalised, and what it means."""

    label: MessageLabel
    keyword: str
    """Canonical upper-case form, as events carry it."""
    rule_id: str


STRONG: Final = ("STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "UNSUB", "OPT OUT", "OPTOUT", "REVOKE", "REMOVE ME")
"""Words that mean it even beside others: 47 CFR 64.1200(a)(10), CTIA 5.1.3, and the public contract."""
WEAK: Final = ("END", "QUIT", "CANCEL", "BLOCK", "WRONG", "REMOVE")
"""Words that mean it alone, and something else in company (a cancelled order, a wrong size)."""
STARTS: Final = ("START", "UNSTOP", "SUBSCRIBE")
HELPS: Final = ("HELP", "INFO", "AIDE", "AYUDA")

OTHER_WORDS: Final[Mapping[str, str]] = {
    "CEASE": "STOP", "DESIST": "STOP", "NO MORE": "STOP", "DISCONTINUE": "STOP", "TERMINATE": "STOP", "EXIT": "STOP",
    "DEACTIVATE": "STOP", "UNREGISTER": "UNSUBSCRIBE", "DEREGISTER": "UNSUBSCRIBE", "UNENROLL": "UNSUBSCRIBE",
    "DISENROLL": "UNSUBSCRIBE", "UNREG": "UNSUBSCRIBE", "DELETE": "REMOVE", "DELETE ME": "REMOVE ME",
    "ERASE ME": "REMOVE ME", "ENOUGH ALREADY": "STOP", "ENOUGH OF THIS": "STOP", "NO TEXTS": "STOP", "OPTED OUT": "OPT OUT", "OPT OFF": "OPT OUT", "OPTING OUT": "OPT OUT",
    "DND": "STOP", "DNC": "STOP", "END ALL": "STOP", "HALT": "STOP",
}  # fmt: skip
"""English words that as a whole message are understood as the same request."""

EVERYWHERE: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "ARRET": "ARRET", "ARRETE": "ARRET", "ARRETT": "ARRET", "ARRETER": "ARRET", "ARRETEZ": "ARRET",
        "DESABONNER": "ARRET", "DESABONNEMENT": "ARRET", "DESINSCRIRE": "ARRET", "DESINSCRIPTION": "ARRET",
        "SE DESABONNER": "ARRET", "ME DESABONNER": "ARRET", "DESABONNEZ MOI": "ARRET", "DESABONNE MOI": "ARRET",
        "ME DESINSCRIRE": "ARRET", "DESINSCRIVEZ MOI": "ARRET", "STOP PUB": "STOP",
        "ANNULER": "ANNULER", "RESILIER": "ANNULER", "STOPPEZ": "STOP",
    },
    "es": {
        "DETENER": "DETENER", "SALIR": "SALIR", "CANCELAR": "CANCELAR", "PARAR": "PARAR", "NO MAS": "NO MAS",
        "DESUSCRIBIR": "CANCELAR", "DESUSCRIBIRME": "CANCELAR", "DARME DE BAJA": "BAJA", "DAR DE BAJA": "BAJA",
        "DARSE DE BAJA": "BAJA", "CANCELAR SUSCRIPCION": "CANCELAR", "ELIMINAR SUSCRIPCION": "CANCELAR",
        "QUITAR": "CANCELAR", "ELIMINAR": "CANCELAR", "BORRAR": "CANCELAR", "ELIMINARME": "CANCELAR", "BORRARME": "CANCELAR",
        "PAREN": "PARAR", "DETENGAN": "DETENER", "DETENGANSE": "DETENER", "BASTA YA": "BASTA", "YA BASTA": "BASTA",
        "NO MOLESTAR": "PARAR", "NO MOLESTEN": "PARAR", "NO MOLESTE": "PARAR", "DESINSCRIBIR": "CANCELAR",
    },
    "pt": {
        "DESCADASTRAR": "CANCELAR", "DESINSCREVER": "CANCELAR", "CANCELAR INSCRICAO": "CANCELAR",
        "CANCELAR ASSINATURA": "CANCELAR", "PARE": "PARAR", "PAREM": "PARAR", "SAIR": "SAIR",
        "DESCADASTRO": "CANCELAR", "EXCLUIR": "CANCELAR", "CHEGA DISSO": "PARAR",
    },
    "de": {
        "ABMELDEN": "ABMELDEN", "ABBESTELLEN": "ABMELDEN", "AUSTRAGEN": "ABMELDEN", "STOPP": "STOP",
        "ABMELDUNG": "ABMELDEN", "STOPPEN": "STOP", "NEWSLETTER ABBESTELLEN": "ABMELDEN", "BEENDEN": "STOP",
        "AUFHÖREN": "STOP", "AUFHOEREN": "STOP", "KÜNDIGEN": "ABMELDEN", "KUENDIGEN": "ABMELDEN", "KÜNDIGUNG": "ABMELDEN",
        "LÖSCHEN": "ABMELDEN", "LOESCHEN": "ABMELDEN", "HÖR AUF": "STOP", "HÖRT AUF": "STOP", "HÖREN SIE AUF": "STOP",
        "STOPPT": "STOP", "ABO KÜNDIGEN": "ABMELDEN",
    },
    "it": {
        "DISISCRIVIMI": "DISISCRIVIMI", "DISISCRIVERE": "DISISCRIVIMI", "CANCELLAMI": "DISISCRIVIMI",
        "CANCELLATEMI": "DISISCRIVIMI", "DISISCRIZIONE": "DISISCRIVIMI", "CANCELLA ISCRIZIONE": "DISISCRIVIMI",
        "ANNULLA": "ANNULLA", "ANNULLA ISCRIZIONE": "ANNULLA", "CANCELLA": "DISISCRIVIMI", "CANCELLAZIONE": "DISISCRIVIMI",
        "RIMUOVIMI": "DISISCRIVIMI", "RIMUOVETEMI": "DISISCRIVIMI", "DISISCRIVETEMI": "DISISCRIVIMI",
        "SMETTILA": "STOP", "SMETTETELA": "STOP", "DISDETTA": "ANNULLA", "FERMATEVI": "STOP",
    },
    "nl": {
        "AFMELDEN": "AFMELDEN", "UITSCHRIJVEN": "AFMELDEN", "AFMELDING": "AFMELDEN", "OPZEGGEN": "AFMELDEN",
        "VERWIJDEREN": "AFMELDEN", "UITSCHRIJVING": "AFMELDEN", "HOU OP": "STOP", "HOUD OP": "STOP", "OPHOUDEN": "STOP",
    },
    "sv": {
        "AVREGISTRERA": "AVREGISTRERA", "AVPRENUMERERA": "AVREGISTRERA", "AVSLUTA": "AVSLUTA", "SLUTA": "AVSLUTA", "STOPPA": "STOP",
        "AVANMÄL": "AVREGISTRERA", "AVANMÄLAN": "AVREGISTRERA", "AVBESTÄLL": "AVREGISTRERA",
    },
    "da": {"AFMELD": "AFMELD", "FRAMELD": "AFMELD", "FRAMELDING": "AFMELD", "FRAMELD MIG": "AFMELD"},
    "no": {"AVMELD": "AVMELD", "MELD AV": "AVMELD", "AVSLUTT": "AVMELD", "AVMELDING": "AVMELD", "AVREGISTRER": "AVMELD"},
    "fi": {"LOPETA": "STOP", "PERUUTA": "STOP", "POISTA": "STOP", "LOPETTAKAA": "STOP", "PERU TILAUS": "STOP"},
    "pl": {
        "WYPISZ": "WYPISZ", "WYPISZ MNIE": "WYPISZ", "REZYGNUJE": "WYPISZ", "REZYGNACJA": "WYPISZ", "WYPISAĆ": "WYPISZ",
        "USUŃ": "WYPISZ", "USUŃ MNIE": "WYPISZ", "ANULUJ": "WYPISZ", "PRZESTAŃ": "STOP", "PRZESTAŃCIE": "STOP",
    },
    "cs": {
        "ODHLÁSIT": "STOP", "ODHLÁSIT SE": "STOP", "ODHLASTE MĚ": "STOP", "ODHLÁŠENÍ": "STOP", "ZRUŠIT": "STOP",
        "PŘESTAŇTE": "STOP", "PRESTAŇTE": "STOP",
    },
    "hu": {"LEIRATKOZÁS": "STOP", "LEIRATKOZOM": "STOP", "LEIRATKOZNI": "STOP", "LEMONDÁS": "STOP"},
    "ro": {"DEZABONARE": "STOP", "DEZABONEAZĂ": "STOP", "DEZABONEAZĂ MĂ": "STOP", "DEZABONAȚI MĂ": "STOP", "OPRIȚI": "STOP"},
    "hr": {"ODJAVA": "STOP", "ODJAVI": "STOP", "ODJAVI ME": "STOP", "ODJAVITE ME": "STOP", "PREKINITE": "STOP"},
    "ru": {
        "СТОП": "STOP", "ОТПИСАТЬСЯ": "STOP", "ОТПИСКА": "STOP", "ОТПИШИТЕ": "STOP", "ОТПИСАТЬ": "STOP", "УДАЛИТЬ": "STOP",
        "УДАЛИТЕ": "STOP", "ОТМЕНА": "STOP", "ПРЕКРАТИТЕ": "STOP", "ПЕРЕСТАНЬТЕ": "STOP", "ОТСТАНЬТЕ": "STOP",
        "ОТСТАНЬ": "STOP", "ОТВАЛИ": "STOP", "ОТВАЛИТЕ": "STOP", "ОТВЯЖИТЕСЬ": "STOP",
    },
    "uk": {"ВІДПИСАТИСЯ": "STOP", "ВІДПИСАТИСЬ": "STOP", "ВІДПИСКА": "STOP", "ВІДПИШІТЬ": "STOP", "ПРИПИНІТЬ": "STOP"},
    "bg": {"СПРИ": "STOP", "СПРЕТЕ": "STOP", "ОТПИШИ": "STOP", "ОТПИШЕТЕ МЕ": "STOP"},
    "el": {"ΣΤΟΠ": "STOP", "ΔΙΑΓΡΑΦΗ": "STOP", "ΑΠΕΓΓΡΑΦΗ": "STOP", "ΔΙΑΚΟΠΗ": "STOP", "ΣΤΑΜΑΤΗΣΤΕ": "STOP"},
    "he": {
        "הסר": "STOP", "הסרה": "STOP", "הסירו": "STOP", "הסירו אותי": "STOP", "תסירו אותי": "STOP", "להסיר": "STOP",
        "תפסיקו": "STOP", "הפסיקו": "STOP", "הפסק": "STOP", "ביטול": "STOP",
    },
    "ar": {
        "الغاء الاشتراك": "STOP", "إلغاء الاشتراك": "STOP", "توقف": "STOP", "توقفوا": "STOP", "الغاء": "STOP", "ايقاف": "STOP",
        "اوقف": "STOP", "أوقفوا": "STOP", "قف": "STOP",
    },
    "fa": {"لغو": "STOP", "لغو11": "STOP"},
    "tr": {
        "ABONELIKTEN CIK": "IPTAL", "ABONELIK IPTAL": "IPTAL", "IPTAL": "IPTAL", "DURDUR": "IPTAL", "IPTAL ET": "IPTAL",
        "LISTEDEN CIK": "IPTAL",
    },
    "zh": {
        "退订": "STOP", "退訂": "STOP", "取消订阅": "STOP", "取消訂閱": "STOP", "停止": "STOP", "取消": "STOP", "别发了": "STOP",
        "別發了": "STOP", "不要再发了": "STOP", "不要再發了": "STOP", "别再发了": "STOP", "別再發了": "STOP", "请停止": "STOP",
        "不要再发": "STOP", "不要发了": "STOP",
    },
    "ja": {
        "配信停止": "STOP", "配信停止希望": "STOP", "停止": "STOP", "停止してください": "STOP", "やめてください": "STOP",
        "やめて": "STOP", "送らないで": "STOP", "送らないでください": "STOP", "配信を停止してください": "STOP", "配信解除": "STOP",
    },
    "ko": {
        "수신거부": "STOP", "수신 거부": "STOP", "중지": "STOP", "그만": "STOP", "그만 보내세요": "STOP", "그만 보내주세요": "STOP",
        "해지": "STOP", "구독취소": "STOP", "구독 취소": "STOP", "보내지 마세요": "STOP",
    },
    "vi": {"HUỶ ĐĂNG KÝ": "STOP", "NGỪNG NHẮN TIN": "STOP", "DỪNG LẠI": "STOP", "NGƯNG LẠI": "STOP"},
    "th": {"ยกเลิก": "STOP", "หยุด": "STOP"},
    "hi": {"रोकें": "STOP", "रोको": "STOP", "बंद करो": "STOP", "बंद करें": "STOP", "BAND KARO": "STOP", "MAT BHEJO": "STOP"},
    "id": {"BERHENTI BERLANGGANAN": "HENTIKAN", "BERHENTI": "HENTIKAN", "HENTIKAN": "HENTIKAN", "STOP LANGGANAN": "HENTIKAN"},
    "tl": {"ITIGIL": "STOP", "TIGIL": "STOP", "ITIGIL NA": "STOP", "TIGILAN": "STOP", "TAMA NA": "STOP"},
}  # fmt: skip
"""Per language, what as a whole message can only mean no more texts; always on (decision 12).

Sources: CWTA mandatory keywords, Twilio Proxy's ARRET family, Sinch Conversation consent keywords (OPTOUT.md 2 and 3);
the rest are the verbs that these languages have for leaving a list, or for CANCEL and REMOVE, which count in English.
"""
STARTS_EVERYWHERE: Final = ("VOLVER", "RECIBIR", "VOLTAR", "RECEBER")
"""Sinch Conversation's defaults for Spanish and Portuguese."""

PACKS: Final[Mapping[str, Mapping[str, str]]] = {
    "es": {"BAJA": "BAJA", "ALTO": "ALTO", "FIN": "FIN", "BASTA": "BASTA", "TERMINAR": "ALTO"},
    "fr": {"FIN": "FIN", "RETRAIT": "ARRET"},
    "pt": {"CHEGA": "PARAR", "FIM": "PARAR", "REMOVER": "CANCELAR"},
    "de": {"ENDE": "STOP", "HALT": "STOP"},
    "it": {"BASTA": "BASTA", "FERMA": "STOP", "FINE": "STOP"},
    "nl": {"EINDE": "STOP", "UIT": "AFMELDEN"},
    "sv": {"SLUT": "AVSLUTA"},
    "da": {"SLUT": "AFMELD", "STANDS": "AFMELD"},
    "no": {"SLUTT": "AVMELD"},
    "pl": {"KONIEC": "WYPISZ"},
    "ru": {"ХВАТИТ": "STOP", "НЕТ": "STOP"},
    "tr": {"RET": "IPTAL", "DUR": "IPTAL"},
    "zh": {"TD": "STOP", "T": "STOP"},
    "ja": {"解除": "STOP"},
    "ko": {"거부": "STOP"},
    "id": {"BATAL": "HENTIKAN", "CUKUP": "HENTIKAN"},
}  # fmt: skip
"""Per language, words that are also ordinary answers; on where a list asks for the language (OPTOUT.md 3)."""
LANGUAGES: Final = tuple(sorted(PACKS))
"""Languages that a list can switch on."""


def rows(words: Iterable[str], label: MessageLabel, keyword: str | None = None) -> dict[str, Keyword]:
    """Rows of the table for words of one label; each stands for itself, or for the keyword given."""
    return {
        key_of(plain(word)): Keyword(
            label, keyword or word.upper(), f"exact.{plain(keyword or word).replace(' ', '_')}"
        )
        for word in words
    }


def pack(languages: Iterable[str]) -> dict[str, Keyword]:
    """Rows that a list's languages add.

    Raises:
        KeyError: no such language.
    """
    found: dict[str, Keyword] = {}
    for language in languages:
        for word, keyword in PACKS[language].items():
            found |= rows([word], "opt_out", keyword)
    return found


def _table() -> dict[str, Keyword]:
    found = rows((*STRONG, *WEAK), "opt_out") | rows((*STARTS, *STARTS_EVERYWHERE), "opt_in") | rows(HELPS, "help")
    found |= rows(["STOP ALL"], "opt_out", "STOPALL")
    for word, keyword in OTHER_WORDS.items():
        found |= rows([word], "opt_out", keyword)
    for words in EVERYWHERE.values():
        for word, keyword in words.items():
            found |= rows([word], "opt_out", keyword)
    return found


EXACT: Final[Mapping[str, Keyword]] = _table()
"""Every row that is always on, by its key."""
_ASKED_FEWEST: Final = 3
ASKED: Final[Mapping[str, Keyword]] = {
    key: row for key, row in pack(PACKS).items() if len(key) >= _ASKED_FEWEST and key not in {"нет", "uit"}
}
"""The packs' words, which with a please beside them are no answer any more, whatever a list has switched on."""
STRONG_KEYS: Final = frozenset({*(key_of(plain(word)) for word in STRONG), "cease", "stopp", "stoppen"})
STRONG_WORDS: Final = frozenset({"stop", "stopall", "unsubscribe", "unsub", "optout", "revoke", "arret", "stopp"})
"""Strong keywords of one word."""
WEAK_WORDS: Final = frozenset(word.lower() for word in WEAK)
