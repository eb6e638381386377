"""Finds a phrase that asks for no more texts, past the guards that keep ordinary sentences out. Pure.

A text is read as clauses of plain words. A word that occurs picks the rules worth trying, so that a text without such
a word costs one look-up. Legal ground: words that a reasonable person understands as a request, 47 CFR 64.1200(a)(10).
"""

import re
from typing import Final, NamedTuple

from processors.optout.phrase_rules import RULES
from processors.optout.phrase_words import Rule
from processors.optout.spellings import NEAR, STOP_SLIPS, is_unsubscribe, letters_of


class Phrase(NamedTuple):
    """A phrase, and the keyword it stands for."""

    keyword: str
    rule_id: str
    matched: str
    tags: tuple[str, ...] = ()


_POLITE: Final = re.compile(
    r"\b(?:great|appreciate\w*|nice|grateful|wonderful|kind|glad|thankful|helpful|perfect|awesome|happy|like it|best|possible|wondering|wonder|mind|thank you)(?: \w+){0,3}"
    r" (?:if|that|to) (?:you|u|yall|someone|you guys|have)(?: (?:guys|could|would|can|will|please|just|all|had|do|have))*$"
)
"""`it would be great if you could`: no condition."""
_REFUSED: Final = re.compile(
    r"\b(?:absolutely|definitely|certainly|of course|hell|heck|probably) not$|\b(?:said|promised|claimed)(?: \w+)? (?:you|yall|u|to)(?: (?:would|will|had|were going to))?$"
)
"""`absolutely not stop texting me`: two sentences whose mark is missing."""
_OWN_SLIP: Final = re.compile(r"\b(?:ignore|oops|my bad|meant (?:for|to)|disregard|last (?:text|message)|wrong chat)\b")
"""Somebody who wrote to the wrong person, and did not want to."""
_YOU_WONT: Final = re.compile(r"\b(?:if|why|unless|u|you|yall|ya|yous|they|these|this|it|phone)(?: \w+){0,2}$")
_LIMITS: Final = re.compile(
    r" ?(?:(?:me|us|to me|my phone|my cell|this number|anymore|please|here) )*(?:(?:so|this|that|too) (?:late|early|often|much|many)\b|(?:until|till|til|unless|except|between|before|after|during|while|past|earlier|later)\b|"
    r"(?:at|on|in|over|around) (?:\d|work|night|school|church|class|dinner|noon|midnight|weekends?|sundays?|saturdays?|mondays?|tuesdays?|"
    r"wednesdays?|thursdays?|fridays?|the (?:weekends?|mornings?|evenings?|middle|night|afternoon|phone|road)|mornings?|evenings?|holidays?|office|bed)|"
    r"(?:for|this|next) (?:now|today|tonight|the (?:next|rest)|an hour|a (?:bit|while|few|week|day|month)|week|weekend|month|\d)|"
    r"(?:and|n) driv|when (?:im|i am|you|u|i|were)|right now im|(?:im|i am) (?:driving|asleep|sleeping|busy|working|in (?:a |an )?(?:class|meeting|court|church|surgery))|back\b|yet\b|if\b|from (?:a|another|other|different|your other|this other|the other|two|2|multiple|the same)\b|in (?:spanish|english|all caps|group|caps)|to (?:my (?:wife|husband|work|home|old|other|office|son|daughter|mom|dad)|the (?:wrong|old|other)))"
)
_TOPIC: Final = re.compile(
    r" ?(?:(?:me|us) )?(?:about|regarding|re|on) (?!(?:this|that|it|anything|everything|nothing|stuff|shit|your|these|any of|politics|the election)\b)\w+"
)
_INSTEAD: Final = re.compile(
    r"\b(?:(?<!call )(?<!call me )(?<!call us )(?<!mail )(?<!mail me )(?<!mail us )(?<!phone me )instead|rather than|calling \| (?:just |please |but )?text|(?:text|txt|message) (?:me |us |only |instead )?\| (?:but |please )?(?:dont|do not) call|only (?:send|text|the|about|want|dresses|sales|\w+ please)|just (?:send|text|the)|but (?:keep|still|do|you can|please (?:keep|send)|send|i (?:still|do)|text|leave)|"
    r"(?<!dont )(?<!not )(?<!you )(?<!u )keep (?:the|texting|sending|me on)|(?:texts?|texting) (?:is|are|it is|works|only)|(?<!stop )(?<!more )(?<!no )(?:texts?|texting) (?:ok|okay)|(?:e ?mail|mail|send)(?: me| us)? (?:the|my|our|it|that)\b|other than|except|"
    r"texts? (?:are|is) (?:fine|ok|okay|good)|use (?:my|the) (?:other|cell|new|work)|once a (?:day|week|month)|less often|fewer)\b"
)
_JOKING: Final = re.compile(r"\b(?:just kidding|jk|im kidding|only kidding|kidding lol|im joking|just joking)\b")
_IDIOMS: Final = re.compile(
    r"\b(?:bus|pit|one|non|full|whistle|truck|rest|door|short|tram|train|subway|metro|shuttle|quick|1|my|which|what|next|last|first|nearest|closest|tour|tours|f|back)"
    r" stop(?! (?:text|txt|messag|msg|send|contact|spam|bother|harass|all))\b|"
    r"\bstop(?:ping|ped)? (?:by|in|at|over|off|sign|signs|light|loss|watch|payment|payments|order|and shop|n shop|the presses|motion|gap|bit|here on|for (?:gas|coffee|lunch|dinner|a|the)|on the way|along)\b|"
    r"\b(?:end|ends) of\b|\bweek end\b|\bopt in\b|\bout of stock\b|\b(?:text|txt|texts|call|message) (?:stop|end|quit|cancel|unsubscribe) (?:to|at) (?:\d{3,}|this)"
    r"|\bwrong (?:size|color|colour|order|item|address|date|time|day|price|one|way|with)\b"
)
_PARTIAL_UNSUBSCRIBE: Final = re.compile(
    r"\b(?:unsubscribed?|unsub|(?:remove|delete|take) (?:me|us|my name)|opt (?:me )?out|take me off)(?: \w+){0,3} (?:e ?mails?(?! (?:and|or) text)|mail|newsletters?|catalogs?|calls|phone calls|voicemail|paper|hold|speaker|do not disturb|waitlist|waiting list|wait list|guest list|group chat|reservation|raffle|schedule|autopay|auto ?pay|autoship|insurance|class|team(?! (?:texts?|messages?|list))|meeting|event|order|appointment|gift wrap|warranty|the (?:\w+ )?(?:order|class|team|party|game|trip|event|appointment|reservation|schedule|meeting|study|plan|course|lease|account))\b"
)


_APART: Final = re.compile(r"(?<![^ ])(?:(?:[a-z] ){3,11}[a-z]|s top|st op|sto p)(?![^ ])")
_FIGURED: Final = re.compile(r"(?<![^ ])(?=[a-z]*[0-9])[a-z0-9]{3,12}(?![^ ])")
_SUBJECT: Final = frozenset(NEAR.values()) | {
    "stop",
    "text",
    "texts",
    "unsubscribe",
    "unsub",
    "quit",
    "cancel",
    "remove",
    "optout",
    "me",
    "end",
    "list",
}
"""Words that are looked for behind spaces and figures."""


def _joined(found: re.Match[str]) -> str:
    word = found[0].replace(" ", "")
    return word if word in _SUBJECT else found[0]


def _unfigured(found: re.Match[str]) -> str:
    word = letters_of(found[0])
    return word if word in _SUBJECT else found[0]


def respelt(clauses: str) -> str:
    """The clauses with STOP and UNSUBSCRIBE spelt right, where a rule would ask for more than the word."""
    if _APART.search(clauses) is not None:
        clauses = _APART.sub(_joined, clauses)
    if _FIGURED.search(clauses) is not None:
        clauses = _FIGURED.sub(_unfigured, clauses)
    if " nt " in clauses or "un subscribe" in clauses or "un enroll" in clauses:
        clauses = (
            clauses.replace("un subscribe", "unsubscribe").replace("un enroll", "unenroll").replace("do nt ", "dont ")
        )
    words = clauses.split(" ")
    if (
        STOP_SLIPS.isdisjoint(words)
        and NEAR.keys().isdisjoint(words)
        and "uns" not in clauses
        and "scri" not in clauses
    ):
        return clauses
    return " ".join(
        "stop"
        if word in STOP_SLIPS
        else NEAR.get(word) or ("unsubscribe" if word != "unsubscribed" and is_unsubscribe(word) else word)
        for word in words
    )


def find(clauses: str) -> Phrase | None:
    """The first phrase of a text, in the order of the rules."""
    words = RULES.keys() & set(clauses.split(" "))
    if "do" in words and "do not" not in clauses:
        words.discard("do")
    if "did" in words and "did not" not in clauses:
        words.discard("did")
    if not words:
        return None
    shown = _IDIOMS.sub("~", clauses)
    partial = _PARTIAL_UNSUBSCRIBE.search(shown) is not None
    instead = _JOKING.search(shown) is not None or _INSTEAD.search(shown) is not None
    tried: set[str] = set()
    for word in sorted(words):
        for rule in RULES[word]:
            if rule.rule_id in tried:
                continue
            tried.add(rule.rule_id)
            found = _first(rule, shown, partial=partial, instead=instead)
            if found is not None:
                return Phrase(rule.keyword, rule.rule_id, found.strip(" |"), rule.tags)
    return None


def _first(rule: Rule, shown: str, *, partial: bool, instead: bool) -> str | None:
    for match in rule.pattern.finditer(shown):
        lead = len(match[0]) - len(match[0].lstrip(" |"))
        before = shown[: match.start() + lead].rpartition("|")[2].strip()
        if rule.guard is not None and before and rule.guard.search(before) and not _overruled(rule, before):
            continue
        if rule.tags and _OWN_SLIP.search(shown) is not None:
            continue
        if partial and rule.keyword in {"UNSUBSCRIBE", "REMOVE ME", "OPT OUT"}:
            continue
        after = shown[match.end() :].partition("|")[0]
        if rule.limited and (_LIMITS.match(after) or (instead and (_TOPIC.match(after) or rule.keyword == "STOP"))):
            continue
        return match[0]
    return None


def _overruled(rule: Rule, before: str) -> bool:
    """What a guard takes for another's doing is a request after all: asked politely, or a complaint."""
    return _POLITE.search(before) is not None or _REFUSED.search(before) is not None or _complains(rule, before)


def _complains(rule: Rule, before: str) -> bool:
    """`if you dont stop texting me`: the negation is a complaint, not a wish to go on."""
    if "stop" not in rule.rule_id and "cancel" not in rule.rule_id:
        return False
    negated = re.search(r"\b(?:dont|do not|wont|will not|cant|cannot|never|not|didnt)(?: you| u| yall)?$", before)
    return (
        negated is not None
        and _YOU_WONT.search(before[: negated.start()].rstrip()) is not None
        and re.search(r"\b(?:hope|please|glad|wish)\b", before) is None
    )
