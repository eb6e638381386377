"""Phrases that ask for no more texts in languages other than English, on words without accents. Pure.

A language's rules are tried only where one of its own words occurs, so that English costs nothing.
"""

import re
from typing import Final, NamedTuple

from processors.optout.phrases import Phrase


class _Language(NamedTuple):
    name: str
    keyword: str
    words: frozenset[str]
    """One of them must occur."""
    pattern: re.Pattern[str]
    guard: re.Pattern[str] | None = None
    """Makes the sentence something else."""


def _language(name: str, keyword: str, words: str, pattern: str, guard: str | None = None) -> _Language:
    bounded = re.compile(rf"(?<![^ ])(?:{pattern})(?![^ ])")
    return _Language(name, keyword, frozenset(words.split()), bounded, re.compile(guard) if guard else None)


_ALL: Final = (
    _language(
        "fr", "ARRET",
        "arrete arretez arreter darreter trompez cesse cessez cesser plus stop desabonner desabonnez desabonne desinscrire desinscrivez "
        "retirez retirer supprimez enlevez laissez laisse faux mauvais erreur recevoir contactez ecrivez envoyez spam",
        r"(?:arrete|arretez|d?arreter|cesse|cessez|cesser|stop)(?: \w+)? (?:de |d |vos |les |avec |dm|men|mecrire|menvoyer)+(?: ?(?:me|m|nous|n))?"
        r"(?: ?\w*(?:envoyer|envoi|ecrire|contacter|spammer|harceler|texter|messages?|sms|textos|pub\w*|appeler|deranger|embeter))"
        r"|(?:arretez|arrete|cessez|stop) (?:les |vos |ces |tous les )?(?:messages|sms|textos|pubs?|publicites)"
        r"|ne (?:me |m|nous )?\w*(?:contacte[zr]?|ecri\w+|envoye[zr]?|envoie|texte[zr]?|appele[zr]|derange[zr]) (?:plus|pas de (?:messages|sms))"
        r"|(?:ne )?(?:veux|souhaite|desire|voudrais) (?:plus|ne plus) (?:\w+ ){0,2}(?:recevoir|etre contactee?|de (?:vos |ces )?(?:messages|sms|textos|pub\w*))"
        r"|(?:plus|pas) (?:de |d )(?:messages?|sms|textos?|pub\w*|spams?)(?: (?:svp|merci|s il vous plait|sil vous plait))?(?= \||$)"
        r"|(?:je )?(?:veux|voudrais|souhaite|desire|comment)(?: \w+){0,2} (?:me |se )?(?:desabonner|desinscrire|retirer)"
        r"|(?:desabonne[zr]?|desinscri\w+|retirez|enlevez|supprimez|retire)(?: |-)?(?:moi|mon numero|nous)"
        r"|laisse[zr]? (?:moi|nous) tranquille|vous (?:vous )?(?:etes )?trompez? de (?:numero|personne)"
        r"|(?:c est |cest |vous avez (?:le |un )?)?(?:mauvais|faux) numero",
        r"\b(?:pas arreter|n arretez pas|narretez pas)\b",
    ),
    _language(
        "es", "PARAR",
        "no borrenme eliminenme quitenme sacame deja dejen dejar dejeme deje para paren parar basta borre borren borrar elimine eliminen eliminar quite quiten quitar "
        "saquenme quitenme eliminenme darme baja numero cancele cancelen saqueme sacame borrame quitame paz desuscribirme",
        r"(?:ya )?no mas (?:\w+ ){0,2}(?:mensajes?|textos?|sms|publicidad|promociones|spam)"
        r"|(?:deja|dejen|deje|dejar|para|paren|pare|basta) (?:ya )?(?:de|con) (?:\w+ ){0,2}?(?:enviar|mandar|escribir|molestar|mensaje|textear|contactar|llamar|enviando|spam)\w*"
        r"|(?:ya )?no (?:envi|mand)\w+ (?:mas )?(?:mensajes|textos|sms|nada)|(?:ya )?no (?:me |nos )(?:envi|mand|escrib|contact|molest|llam|text|mensaj)\w+(?: (?:mas|mensajes|nada|textos|ya|sms|por favor|mas mensajes|mas textos|mas sms|nunca))*(?= \||$)"
        r"|no (?:quiero|deseo|necesito|queremos) (?:\w+ ){0,3}(?:mensajes|textos|sms|publicidad|promociones|que me (?:escriban|manden|envien|contacten|molesten))"
        r"|(?:quiero|deseo|quisiera|necesito|solicito|como|favor de|por favor)(?: \w+){0,2} (?:darme de baja|desuscribirme|cancelar (?:la |mi |esta )?suscripcion|que me (?:quiten|borren|eliminen|saquen))"
        r"|(?:dame|denme|deme|dar|darme|darnos) de baja"
        r"|(?:elimin|borr|quit|saqu|remuev|sac)(?:e|en|a|ar|ue|uen)(?: ?(?:me|nme))?(?: (?:de|mi numero|este numero|mi telefono))(?: (?:su|la|esta|tu|sus|los))?(?: (?:listas?|numero|telefono|base de datos|mensajes|contactos))?"
        r"|(?:eliminenme|borrenme|quitenme|saquenme|borrame|quitame|sacame|saqueme)"
        r"|(?:numero|telefono) (?:equivocado|incorrecto)|persona equivocada"
        r"|deje?n?me en paz|cancelen? (?:los |estos |sus )?(?:mensajes|textos)",
        r"\b(?:no dejen? de|no pares? de|no quiero dejar)\b",
    ),
    _language(
        "pt", "PARAR",
        "pare parem parar nao nunca chega remova remover removam retire retirem tira tire numero errado sair cancele cancelar descadastre descadastrar mensagens sem",
        r"(?:pare|parem|parar|chega|para) (?:de |com )(?:\w+ ){0,2}?(?:enviar|mandar|mensage\w+|sms|encher|incomodar|me (?:enviar|mandar)|ligar|spam)"
        r"|nao (?:me |quero |desejo |queremos |envi\w+|mand\w+)(?:mais )?(?:\w+ ){0,3}(?:envi\w+|mand\w+|contat\w+|receber|mensage\w+|sms|nada|mais)"
        r"|(?:sem|chega de|nada de) (?:mais )?(?:mensagens|sms)"
        r"|(?:remov|retir|tir|exclu|apag)\w{1,3} (?:me |o |meu )?(?:meu |este )?(?:numero|contato|telefone|da (?:sua |vossa )?lista)"
        r"|(?:me|eu)? ?(?:tira|tire|remova|retire|descadastre)(?:m)? (?:me )?d(?:a|essa|esta|e) (?:sua |vossa )?lista|me descadastr\w+"
        r"|quero (?:sair|me descadastrar)(?: d\w+)?(?: \w+){0,2}(?= \||$)|quero cancelar(?: (?:as|essas|a|esta|minha))?(?: (?:mensagens|inscricao|assinatura|sms|lista))?(?= \||$)|cancel\w+ (?:a |minha )?(?:inscricao|assinatura)"
        r"|numero errado|pessoa errada|me deix\w+ em paz",
        r"\bnao pare(?:m)? de\b",
    ),
    _language(
        "de", "ABMELDEN",
        "keine nicht kein hor hort horen aufhoren abmelden abbestellen austragen loschen losche loscht falsche ruhe stoppen stoppt streichen entfernen entfernt",
        r"(?:bitte )?(?:keine?|nicht) (?:weiteren? |mehr )?(?:nachrichten?|sms|werbung|whatsapps?|textnachrichten)(?: mehr)?(?: \w+){0,2}(?= \||$)"
        r"|(?:will|mochte|wunsche|brauche)(?: \w+){0,2} keine (?:\w+ )?(?:nachrichten|sms|werbung)(?: \w+){0,3}"
        r"|(?:hort?|horen sie)(?: \w+){0,3} auf(?: (?:mir|mit|damit|uns|zu|sms|nachrichten|schreiben|schicken|senden|texten)+)*(?: \w+){0,3}(?= \||$)"
        r"|(?:schreib\w*|schick\w*|send\w*|kontaktier\w*|text\w*)(?: sie| ihr)? (?:mir|mich|uns) (?:bitte )?(?:nicht|nichts|keine)(?: \w+){0,2}"
        r"|(?:mochte|will|wurde|wie kann|kann)(?: \w+)? (?:ich )?(?:mich|uns)(?: \w+){0,4} (?:abmelden|austragen)|(?:sms|nachrichten|newsletter|werbung) (?:\w+ )?abbestellen|bitte (?:mich )?(?:abmelden|austragen|stoppen|abbestellen)"
        r"|(?:melde|meldet|melden sie|trag|tragt|tragen sie|streich\w*|losch\w*|entfern\w*|nehm\w*|nimm)(?: \w+){0,3} (?:ab|aus|von (?:der|eurer|ihrer|dieser) liste|nummer|liste)(?= \||$| raus| bitte)"
        r"|lass\w*(?: sie)? (?:mich|uns)(?: \w+){0,2} in ruhe|falsche (?:nummer|person)",
        r"\b(?:hort? nicht auf|nicht abmelden|nicht stornieren)\b",
    ),
    _language(
        "it", "DISISCRIVIMI",
        "non basta smettetela smettete smetti smettila cancellami cancellatemi rimuovetemi togliete toglietemi numero disiscrivermi piu cancellarmi",
        r"(?:non )(?:mi |ci )?(?:\w+ ){0,2}?(?:inviat\w+|mandat\w+|scriv\w+|contattat\w+|inviar\w+|mandar\w+|contattar\w+|messaggi\w*) (?:\w+ ){0,2}?(?:piu|altri|messaggi|sms|niente)(?: \w+)?(?= \||$)"
        r"|non (?:voglio|desidero) (?:piu )?(?:\w+ ){0,3}(?:messaggi|sms|ricevere|pubblicita)"
        r"|(?:basta|smett\w+)(?: (?:con|di|i|questi|gli))*(?: (?:mandar\w*|inviar\w*|scriver\w*|messaggi|sms|messaggiarmi))"
        r"|(?:cancella|rimuov|togli)\w*(?:temi|mi|te|te mi|rmi|ete)? (?:dalla|dalle|da|il mio numero|questo numero)(?: \w+){0,3}"
        r"|(?:voglio|vorrei|come)(?: \w+){0,2} (?:disiscrivermi|cancellarmi|annullare l iscrizione)|numero sbagliato|lasciatemi in pace",
        r"\bnon smettete\b",
    ),
    _language(
        "nl", "AFMELDEN",
        "geen niet stop stoppen stopt verkeerd afmelden uitschrijven verwijder verwijderen rust",
        r"(?:graag |aub |alstublieft )?geen (?:\w+ ){0,2}(?:sms\w*|berichten|berichtjes|reclame|smsjes)(?: meer)?(?: \w+){0,2}(?= \||$)"
        r"|(?:stop|stopt|stoppen)(?: \w+)? met(?: \w+){0,4} (?:sms\w*|berichten|sturen|appen|smsen|berichtjes)"
        r"|(?:stuur|schrijf|sms|app|bericht|contacteer)(?:t|en)? (?:me|mij|ons) (?:\w+ )?(?:niet|niks|geen)(?: \w+){0,2}"
        r"|(?:wil|graag|hoe kan)(?: \w+){0,4} (?:afmelden|uitschrijven)|(?:meld|schrijf|haal|verwijder) (?:me|mij|mijn nummer)(?: \w+){0,4} (?:af|uit|lijst|nummer)(?= \||$)"
        r"|verkeerd nummer|laat (?:me|mij) met rust|verwijder mijn nummer",
    ),
    _language(
        "sv", "AVREGISTRERA",
        "sluta forkert feil inga inte avregistrera fel ta",
        r"sluta(?: \w+){0,2} (?:skicka|smsa|messa|skriva|kontakta)(?: \w+){0,3}|inga (?:fler|mer) (?:sms|meddelanden)|skicka inte (?:mer|fler)(?: \w+)?|"
        r"(?:vill|hur)(?: \w+){0,3} avregistrera(?: mig)?|(?:fel|forkert|feil) nummer|ta bort (?:mig|mitt nummer)|vill inte ha (?:\w+ )?(?:sms|meddelanden)",
    ),
    _language(
        "pl", "WYPISZ",
        "prosze przestan przestancie nie zly wypisz wypisac usun usuncie numer",
        r"(?:przestan|przestancie|prosze przestac)(?: \w+){0,3} (?:wysylac|pisac|smsow\w*)(?: \w+){0,3}|nie (?:chce|zycze sobie) (?:\w+ ){0,3}(?:smsow|wiadomosci|sms)|"
        r"(?:usun|usuncie|wypisz|wypiszcie)(?: \w+){0,2} (?:numer|mnie|z listy)(?: \w+){0,3}|nie (?:pisz|piszcie|pisac|wysylaj|wysylajcie|wysylac)(?: \w+){0,3}|(?:zly|pomylka|bledny) numer",
    ),
    _language(
        "ru", "STOP",
        "не хватит прекратите перестаньте отпишите отписаться удалите уберите стоп ошиблись",
        r"(?:прекратите|перестаньте|хватит)(?: \w+){0,2} (?:присылать|слать|писать|отправлять|спамить|рассылку)(?: \w+){0,3}|не (?:присылаите|пишите|шлите|отправляите)(?: \w+){0,3}|"
        r"(?:отпишите|удалите|уберите)(?: \w+){0,4} (?:меня|номер|рассылки)(?: \w+)?|не хочу (?:\w+ ){0,2}(?:получать|сообщени\w+|смс)(?: \w+)?|хочу отписаться(?: \w+){0,3}",
    ),
)  # fmt: skip


_ANY: Final = frozenset().union(*(language.words for language in _ALL))


def find(clauses: str) -> Phrase | None:
    """The first phrase of the first language that has one."""
    words = set(clauses.split(" "))
    if words.isdisjoint(_ANY):
        return None
    for language in _ALL:
        if language.words.isdisjoint(words):
            continue
        found = language.pattern.search(clauses)
        if found is not None and (language.guard is None or language.guard.search(clauses) is None):
            return Phrase(language.keyword, f"phrase.{language.name}", found[0].strip(" |"))
    return None
