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

EVERYWHERE: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "ARRET": "ARRET", "ARRETE": "ARRET", "ARRETT": "ARRET", "ARRETER": "ARRET", "ARRETEZ": "ARRET",
        "DESABONNER": "ARRET", "DESABONNEMENT": "ARRET", "DESINSCRIRE": "ARRET", "DESINSCRIPTION": "ARRET",
        "SE DESABONNER": "ARRET", "ME DESABONNER": "ARRET", "DESABONNEZ MOI": "ARRET",
    },
    "es": {
        "DETENER": "DETENER", "SALIR": "SALIR", "CANCELAR": "CANCELAR", "PARAR": "PARAR", "NO MAS": "NO MAS",
        "DESUSCRIBIR": "CANCELAR", "DESUSCRIBIRME": "CANCELAR", "DARME DE BAJA": "BAJA", "DAR DE BAJA": "BAJA",
        "DARSE DE BAJA": "BAJA", "CANCELAR SUSCRIPCION": "CANCELAR", "ELIMINAR SUSCRIPCION": "CANCELAR",
    },
    "pt": {
        "DESCADASTRAR": "CANCELAR", "DESINSCREVER": "CANCELAR", "CANCELAR INSCRICAO": "CANCELAR",
        "CANCELAR ASSINATURA": "CANCELAR", "PARE": "PARAR",
    },
    "de": {
        "ABMELDEN": "ABMELDEN", "ABBESTELLEN": "ABMELDEN", "AUSTRAGEN": "ABMELDEN", "STOPP": "STOP",
        "ABMELDUNG": "ABMELDEN", "STOPPEN": "STOP", "NEWSLETTER ABBESTELLEN": "ABMELDEN",
    },
    "it": {
        "DISISCRIVIMI": "DISISCRIVIMI", "DISISCRIVERE": "DISISCRIVIMI", "CANCELLAMI": "DISISCRIVIMI",
        "CANCELLATEMI": "DISISCRIVIMI", "DISISCRIZIONE": "DISISCRIVIMI", "CANCELLA ISCRIZIONE": "DISISCRIVIMI",
    },
    "nl": {"AFMELDEN": "AFMELDEN", "UITSCHRIJVEN": "AFMELDEN", "AFMELDING": "AFMELDEN"},
    "sv": {"AVREGISTRERA": "AVREGISTRERA", "AVPRENUMERERA": "AVREGISTRERA"},
    "da": {"AFMELD": "AFMELD", "FRAMELD": "AFMELD"},
    "no": {"AVMELD": "AVMELD", "MELD AV": "AVMELD"},
    "pl": {"WYPISZ": "WYPISZ", "WYPISZ MNIE": "WYPISZ", "REZYGNUJE": "WYPISZ"},
    "ru": {"СТОП": "STOP", "ОТПИСАТЬСЯ": "STOP", "ОТПИСКА": "STOP", "ОТПИШИТЕ": "STOP"},
    "el": {"ΣΤΟΠ": "STOP"},
    "he": {"הסר": "STOP", "הסירו אותי": "STOP"},
    "ar": {"الغاء الاشتراك": "STOP", "إلغاء الاشتراك": "STOP", "توقف": "STOP"},
    "tr": {"ABONELIKTEN CIK": "IPTAL", "ABONELIK IPTAL": "IPTAL"},
    "zh": {"退订": "STOP", "退訂": "STOP", "取消订阅": "STOP", "取消訂閱": "STOP"},
    "ja": {"配信停止": "STOP", "配信停止希望": "STOP"},
    "ko": {"수신거부": "STOP"},
    "id": {"BERHENTI BERLANGGANAN": "HENTIKAN"},
}  # fmt: skip
"""Per language, what as a whole message can only mean no more texts; always on (decision 12).

Sources: CWTA mandatory keywords, Twilio Proxy's ARRET family, Sinch Conversation consent keywords (OPTOUT.md 2 and 3);
the rest are the verbs that these languages have for leaving a list.
"""
STARTS_EVERYWHERE: Final = ("VOLVER", "RECIBIR", "VOLTAR", "RECEBER")
"""Sinch Conversation's defaults for Spanish and Portuguese."""

PACKS: Final[Mapping[str, Mapping[str, str]]] = {
    "es": {"BAJA": "BAJA", "ALTO": "ALTO", "FIN": "FIN", "BASTA": "BASTA", "TERMINAR": "ALTO", "QUITAR": "CANCELAR"},
    "fr": {"FIN": "FIN", "ANNULER": "ANNULER", "STOPPER": "STOP", "RETRAIT": "ARRET"},
    "pt": {"SAIR": "SAIR", "CHEGA": "PARAR", "FIM": "PARAR", "REMOVER": "CANCELAR"},
    "de": {"ENDE": "STOP", "BEENDEN": "STOP", "HALT": "STOP", "LOSCHEN": "ABMELDEN"},
    "it": {"BASTA": "BASTA", "FERMA": "STOP", "ANNULLA": "STOP", "FINE": "STOP"},
    "nl": {"EINDE": "STOP", "UIT": "AFMELDEN"},
    "sv": {"AVSLUTA": "AVSLUTA", "SLUTA": "AVSLUTA", "SLUT": "AVSLUTA"},
    "da": {"SLUT": "AFMELD", "STANDS": "AFMELD"},
    "no": {"SLUTT": "AVMELD", "AVSLUTT": "AVMELD"},
    "pl": {"KONIEC": "WYPISZ", "USUN": "WYPISZ"},
    "ru": {"ОТМЕНА": "STOP", "ХВАТИТ": "STOP", "НЕТ": "STOP"},
    "tr": {"IPTAL": "IPTAL", "RET": "IPTAL", "DUR": "IPTAL"},
    "zh": {"停止": "STOP", "取消": "STOP", "TD": "STOP", "T": "STOP"},
    "ja": {"停止": "STOP", "解除": "STOP"},
    "ko": {"중지": "STOP", "거부": "STOP"},
    "id": {"HENTIKAN": "HENTIKAN", "BERHENTI": "HENTIKAN"},
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
    found |= rows(["STOP ALL"], "opt_out", "STOPALL") | rows(["CEASE", "DESIST"], "opt_out", "STOP")
    for words in EVERYWHERE.values():
        for word, keyword in words.items():
            found |= rows([word], "opt_out", keyword)
    return found


EXACT: Final[Mapping[str, Keyword]] = _table()
"""Every row that is always on, by its key."""
STRONG_KEYS: Final = frozenset({*(key_of(plain(word)) for word in STRONG), "cease", "stopp", "stoppen"})
STRONG_WORDS: Final = frozenset({"stop", "stopall", "unsubscribe", "unsub", "optout", "revoke", "arret", "stopp"})
"""Strong keywords of one word."""
WEAK_WORDS: Final = frozenset(word.lower() for word in WEAK)
