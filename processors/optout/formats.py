"""Keywords in the company that changes nothing: courtesy, a copied instruction, a short code, a sentence of their own. Pure."""

import re
from typing import Final, NamedTuple

from processors.optout import normal
from processors.optout.normal import words_of
from processors.optout.spellings import read_word
from processors.optout.words import STRONG_KEYS, STRONG_WORDS, WEAK_WORDS

WORDS_MAX: Final = 12
"""A longer message is a sentence; the phrases read it."""
_COURTESY: Final = words_of(
    """
    please pls plz plse pleas plea thanks thank thx thnx tks ty tnx now immediately ok okay k just but kindly asap
    sir madam maam hi hello hey sorry already svp merci bitte aub danke gracias obrigado obrigada favor
    alstublieft grazie takk tack tak prosze plss plsss plzz plzzz tysm tyvm thankss pliz plis pleez plase pelase plese lutfen пожалуиста ya
    """
)
"""Words that carry no meaning of their own beside a keyword."""
_NOISE: Final = words_of(
    """
    bruh bro bruv dude man girl lady ladies guys people folks mate buddy pal friend yall team god gosh jesus christ lord
    damn dammit damnit dangit goddamn hell wtf ffs smh fs seriously serious really freaking frickin fricking freakin
    fucking fuckin fing effing bloody nope no nah naw na yes yeah yea yep yo ugh ughh argh grr hmm um uh well so then dear
    respectfully morning afternoon evening again always sirs gentlemen greetings everyone crap shit bs hun honey sweetie
    amigo assholes asshole idiots idiot jerk jerks creep creeps morons moron bot robot losers bitch bitches today pleeease
    pleaseee pleasee thankyou thanku byebye bye goodbye cheers regards kind finally definitely absolutely simply and n 2day omg ew eww yuck gross x xx xo xoxo fam homie cuz sis queen king boss chief broski fella request requests requested requesting but
    """
)
"""What people say around a strong keyword without saying anything else. `oh` and `omg` are left out: they tease."""
_ASIDE: Final = re.compile(
    r"\b(?:for (?:the love of (?:all that is \w+|all things \w+|\w+)|(?:gods?|fucks?|christs?|petes?|heavens?|goodness) sakes?|good|real|ever)|i (?:said|say|mean it|am serious|beg (?:you|u|of you))|"
    r"(?:im|i am) (?:serious|not kidding|begging(?: (?:you|u))?|asking(?: (?:you|u))?)|once and for all|effective (?:immediately|now|today)|damn it|god damn it|"
    r"as soon as possible|(?:final|last|second|third|2nd|3rd) (?:warning|notice|time|request)|(?:\d{1,3}|many|so many|two|three|four|five) times|"
    r"you (?:all |guys |people )?(?:can|may|could|should) (?:please |just )?(?=stop)|with all due respect|good (?:morning|day|evening|afternoon)|god damn(?:it)?|this is my|(?:do|did) (?:you|u) (?:hear|understand)(?: me)?|in the name of \w+|"
    r"not interested|no (?:thanks|thank (?:you|u)|gracias)|do it now|all of (?:it|this|you|them)|once again|this is the|with (?:this|these|it|that|that shit|the crap)|(?:you|u) (?:guys|people|all)|what ?ever this is|who ?ever (?:this|you|u) (?:is|are|r)|have a (?:good|nice|great|blessed) (?:one|day|evening|night|weekend)|god bless(?: you)?|w this|to this)\b"
)
"""The same in more than one word."""
_PLEASES: Final = words_of(
    "please pls plz plse pliz favor svp bitte aub alstublieft lutfen prosze plait favore пожалуиста ya already now"
)
"""Words that ask, beside which a word of a language's pack is no answer."""
_YOU: Final = re.compile(
    r"\b(?:no thank (?:you|u)|thank (?:you|u)|por favor|por fa|per favore|right (?:now|away)|at once|(?:s il|sil) vous plait|yall|"
    r"(?:can|could|would|will) (?:you|u)|not interested|no (?:thanks|thank (?:you|u))|non merci|nein danke|no gracias|nao obrigad[oa]|no grazie|nee (?:dank je|bedankt)|nej tack|nei takk|nie dziekuje)\b"
)
"""Courtesy of more than one word."""
_YOU_WORDS: Final = words_of(
    """
    you u favor fa favore right once plait yall interested thanks merci danke gracias obrigado obrigada grazie bedankt dank tack takk dziekuje
    """
)
_AFTER_STOP: Final = words_of(
    """
    it this that these those them all everything forever permanently here the texts sms
    """
) - {"the"}
"""What STOP may be followed by without becoming another sentence; CANCEL and the others may not (`cancel it`)."""
_STOPS: Final = frozenset({"stop", "stopall", "stopp", "arret", "quit"})
_LEADS: Final = words_of(
    """
    reply replying text texting txt send sending type typing respond responding answer say said saying press write
    back with the word i im again
    """
)
_JOINTS: Final = words_of(
    """
    to 2 for and or end stop the all from out opt texts messages txts msgs sms text me be removed quit cancel
    unsubscribe unsub optout mms txt msg message subscription service notifications alerts ads promo promos
    marketing list these this delete promotional automated your ur any more
    """
)
_SHORT_CODE: Final = re.compile(
    r"(?:(?:reply|text|txt|send) )?(?:stop|arret|stopp|unsubscribe)(?: (?:au|a|al|to|at|naar|an))? \d{4,15}"
)
_TWO: Final = re.compile(r"(stop|unsubscribe|optout|unsub)2(?:end|quit|stop|cancel|unsubscribe|optout|unsub)")
_PLAYFUL: Final = re.compile(
    r"[\U0001F600-\U0001F606\U0001F609-\U0001F60D\U0001F923\U0001F602\U0001F618\U0001F970\U0001F605]|\b(?:lol|lmao|rofl|haha\w*|hehe\w*|jk|omg|blush\w*|(?<!not )kidding|teasing|too funny|so (?:cute|funny|good|sweet|pretty)|too (?:cute|sweet)|crying|dying|screaming|obsessed|love (?:it|this|that|these|you guys)|i need (?:it|this|these|that|one)|cant even)\b",
    re.IGNORECASE,
)
_CAPITALS: Final = re.compile(r"\W*(STOP|UNSUBSCRIBE|STOPALL)[\s,:]+([A-Za-z']+)(?:\s+([A-Za-z']+))?")
_LOWER: Final = re.compile(
    r"\W*(?:(?:please|pls|plz) )?(stop|unsubscribe|stopall|unsub) (?:i|im|ive|id|who (?:is|are|gave|the)|wrong|not interested|this is (?:not|the wrong|my|a|spam|harass\w*|illegal)|"
    r"already \w+|never|no longer|nobody|no one|no more|not (?:me|my|a|the)|leave (?:me|us)|(?:remove|delete|take) (?:me|my|us|this)|lose my|quit|"
    r"unsubscribe|do not|dont|we (?:dont|do not|have|already|moved|are not|arent)|(?:he|she) (?:died|is dead|passed|moved|does not|doesnt)|you have (?:the|been)|"
    r"youve got|my name is not|please (?:remove|take|delete))\b"
)
_SPEAKING: Final = words_of(
    """
    i im ive id my we were you u your ur youre who wrong not dont do no never please this nobody whoever am
    """
)
_LAST_WORDS: Final = ("stop", "unsubscribe", "stopall")
_LAST_CHARS_MAX: Final = 300
"""How far back from its last word a message is read for a complaint."""
_LAST: Final = re.compile(r"(\w+ (?:[^.!?;\n]{0,200} )?\w+) (stop|unsubscribe|stopall)[ .!\n]*$")
_NOT_BEFORE_LAST: Final = words_of(
    """
    the a an my your his her their our this that to bus next last first final one full pit truck rest non whistle dead hard
    door short quick wont will cant cannot dont not never didnt doesnt must should would could might may i you u we they it he
    she and or either than at tram train metro subway every which what any some no single say said texted reply replied type
    word ever just gonna never wouldnt couldnt ill youll well theyll lets let make made them him me us nonstop without of in
    on for called named is was are were be been shuttle bathroom gas lunch coffee pee potty each another second third 2nd 3rd
    if when until till did do does have has had want wanna need try press text send says sent typed hit use with by from
    """
)
"""Words before which STOP or UNSUBSCRIBE is no request of its own."""
_S_BEFORE_LAST: Final = words_of(
    "thanks thx yes times please this us pass years guys texts messages assholes jesus sirs"
)
_GOES_ON: Final = re.compile(
    r"(?<!you )(?<!u )(?<!this )(?<!texts )\b(?:dont|do not) (?:ever |you ever )?stop\b(?! (?:text|mess|send|contact))"
)
"""`stop? no, don't stop`."""
_ASKING: Final = re.compile(r"\W*(?:why|when|where|how|what|does|do|did|will|is|can|are|should|if) ")
"""Begins a question, whose mark may be missing."""
_COMPLAINT: Final = re.compile(
    r"\b(?:not interested|no longer|wrong|already|never|do not|dont|did not|didnt|isnt|is not|im not|i am not|i am a|im a|you are|youre|"
    r"moved|no thanks|no thank you|nope|not a|not my|harass\w*|spam|scam|enough|please|sick of|tired of|tcpa|lawyer|minor|"
    r"who (?:this|you)|idk|hate|sick|annoyed|ridiculous|too (?:many|much)|every ?day|busy|work|suck|sucks|no one|nobody|theres no|there is no|annoying|died|passed away|texts|texting|messages|unsolicited|consent|leave me|remove me)\b"
)
_CANONICAL: Final = {"cease": "STOP", "stopp": "STOP", "stoppen": "STOP"}
_OF_TEXTS: Final = re.compile(
    r"\b(?:you|u|yall) (?:keep |always |still )?(?:text|message|send|spam)|\b(?:\d?th|second|third|last|\dth|\drd) time\b|\b(?:texts|texting|messages|messaging|msgs)\b"
)
"""Beside it a weak keyword that is a sentence (`Quit. You text every day`) means what it means alone."""
_REMOVALS: Final = frozenset(
    f"{verb}{whom}{off}"
    for whom in ("", " it", " this", " her", " him", " them", " us")
    for verb, off in (("remove", ""), ("delete", ""), ("take", " off"))
)
_LAST_REMOVAL: Final = re.compile(
    r"(?:(?<!dont )(?:please|pls|plz|kindly) (?:remove|delete|take (?:it|this|me|her|him|them|us) off)|(?:, ?| )(?:remove|delete|take (?:it|this|me|her|him|them|us) off) (?:please|pls|plz|asap|now|thanks|thank you)|, ?(?:remove|delete))[ .!]*$"
)
_OF_NUMBERS: Final = re.compile(
    r"\b(?:number|phone|cell|landline|list|line|texts|no longer|moved|deceased|dead|passed away|subscriber|customer|patient|member|owner|signed|signing|sign up|texting|who this is)\b"
)
"""Beside it `please remove` means the number."""
_STRONG_PARTS: Final = (
    "stop",
    "unsub",
    "opt",
    "revok",
    "remove",
    "arret",
    "cease",
    "quit",
    "cancel",
    "end",
    "delete",
    "take",
)
"""One of them stands in every text that `in_a_sentence` can find; a cheap look before a dear one."""


_KEYWORDS: Final = STRONG_WORDS | WEAK_WORDS


class Form(NamedTuple):
    """A keyword, and the form it came in."""

    keyword: str
    rule_id: str


def without_courtesy(words: list[str]) -> list[str]:
    """The words that carry meaning."""
    if not _YOU_WORDS.isdisjoint(words):
        words = _YOU.sub(" ", " ".join(words)).split()
    return [word for word in words if word not in _COURTESY]


def without_noise(words: list[str]) -> list[str]:
    """The words that carry meaning beside a strong keyword: what is said in anger or kindness is gone too."""
    text = _YOU.sub(" ", _ASIDE.sub(" ", " ".join(words)))
    return [word for word in text.split() if word not in _COURTESY and word not in _NOISE]


def asks(words: list[str]) -> bool:
    """Whether somebody says please, or now."""
    return not _PLEASES.isdisjoint(words)


def single_token(plain: str) -> str | None:
    """The only token of a message with its figures and signs, edges bare of what is no letter's stand-in."""
    tokens = plain.split()
    if len(tokens) != 1:
        return None
    return (
        tokens[0]
        .replace("()", "o")
        .strip(".,!?;:\"'()[]{}<>~-_=/\\|^%&\u2026\u201c\u201d\u2018\u2019\u00ab\u00bb\u00bf\u00a1")
    )


def read(core: list[str]) -> Form | None:
    """Read a message of a few words."""
    if len(core) > 1 and core[0] not in _STOPS and all(word in _AFTER_STOP for word in core[1:]):
        slip = read_word(core[0])
        core = ["stop", *core[1:]] if slip is not None and slip.keyword == "stop" else core
    text = " ".join(core)
    if _SHORT_CODE.fullmatch(text) is not None:
        return Form("STOP" if core[0] in _STOPS else core[0].upper(), "format.short_code")
    two = _TWO.fullmatch(text)
    if two is not None:
        return Form(two[1].upper(), "format.instruction")
    if core and core[0] in _STOPS and len(core) > 1 and all(word in _AFTER_STOP or word in _STOPS for word in core[1:]):
        return Form("STOP" if core[0] != "quit" else "QUIT", "format.stop_it")
    return _instruction(core)


def _instruction(core: list[str]) -> Form | None:
    """`reply STOP to end`, typed back word by word; also the keywords in a row."""
    at = 0
    while at < len(core) and core[at] in _LEADS:
        at += 1
    kept = core[at:]
    if len(kept) > 1 and len(set(kept)) == 1 and kept[0] in WEAK_WORDS:
        return Form(kept[0].upper(), "format.repeated")
    if len(kept) > 1 and not STRONG_WORDS.isdisjoint(kept) and (_KEYWORDS | {"and", "or", "n"}).issuperset(kept):
        return Form(next(word for word in kept if word in STRONG_WORDS).upper(), "format.repeated")
    if at and len(kept) > 1 and kept[0] in WEAK_WORDS and not STRONG_WORDS.isdisjoint(kept):
        kept = [next(word for word in kept if word in STRONG_WORDS), *kept]
    if not kept or (kept[0] not in STRONG_WORDS and " ".join(kept[:2]) not in STRONG_KEYS):
        return None
    if not all(word in _JOINTS or word in STRONG_WORDS or word in WEAK_WORDS for word in kept):
        return None
    if kept[-1] in {"to", "2", "for", "the", "from", "or", "and"} and len(kept) < 3:  # noqa: PLR2004 - `stop to`
        return None
    keyword = kept[0] if kept[0] in STRONG_WORDS else " ".join(kept[:2])
    return Form(keyword.upper(), "format.instruction" if at or len(set(kept)) > 1 else "format.repeated")


def in_a_sentence(plain: str, own: str) -> Form | None:
    """A strong keyword that is a sentence of its own, or stands in capitals before somebody speaks.

    Playful company (`Stop! 😂 you are too funny`) makes it an answer.
    """
    if not any(part in plain for part in _STRONG_PARTS):
        return None
    if _GOES_ON.search(plain) is not None:
        return None
    found = _sentence(plain) or _opening(plain, own) or _ending(plain, own)
    if found is None:
        return None
    playful = _PLAYFUL.search(own)
    return None if playful is not None and not (playful[0].lower() == "omg" and asks(plain.split())) else found


def _sentence(plain: str) -> Form | None:
    """The first sentence that is a keyword, bare or in the company that changes nothing."""
    for sentence in map(normal.shortened, normal.sentences(plain)):
        words = sentence.split(" ")
        if len(words) > WORDS_MAX:
            continue
        core = without_courtesy(words)
        found = _known(core, plain) or _bare(words) or _slip(core)
        if found is not None:
            return found
    return None


def _known(core: list[str], plain: str) -> Form | None:
    text = " ".join(core)
    if text in STRONG_KEYS or (text in WEAK_WORDS and _OF_TEXTS.search(plain) is not None):
        return Form(_CANONICAL.get(text, text.upper()), "format.sentence")
    if text in _REMOVALS and _OF_NUMBERS.search(plain) is not None:
        return Form("REMOVE ME", "format.sentence")
    if len(core) > 1 and STRONG_WORDS.issuperset(core):
        return Form(core[0].upper(), "format.sentence")
    return None


def _bare(words: list[str]) -> Form | None:
    """A strong keyword once all that people say in anger or kindness is gone."""
    if len(words) == 1:
        return None
    meant = without_noise(words)
    bare = " ".join(meant)
    if bare in STRONG_KEYS:
        return Form(_CANONICAL.get(bare, bare.upper()), "format.sentence")
    if len(meant) > 1 and meant[0] in _STOPS and _AFTER_STOP.issuperset(meant[1:]):
        return Form("STOP" if meant[0] != "quit" else "QUIT", "format.sentence")
    return None


def _slip(core: list[str]) -> Form | None:
    if len(core) != 1 or core[0] in STRONG_WORDS or not ("stop" in core[0] or core[0].startswith("unsub")):
        return None
    slip = read_word(core[0])
    return Form(slip.keyword.upper(), "format.sentence") if slip is not None and slip.keyword in STRONG_KEYS else None


def _opening(plain: str, own: str) -> Form | None:
    """`STOP I have asked you before`: the keyword in capitals, then somebody speaks; also `Stop, I moved`."""
    found = _CAPITALS.match(own)
    if found is not None:
        following = found[2].replace("'", "").lower()
        second = (found[3] or "").replace("'", "").lower()
        if following in _SPEAKING and not (
            following == "this" and second not in {"is", "now", "isnt", "number", "crap", "shit"}
        ):
            return Form(found[1], "format.opening")
    spoken = _LOWER.match(plain)
    if spoken is not None:
        return Form(spoken[1].upper(), "format.opening")
    first, comma, rest = plain.partition(",")
    words = rest.split()
    if comma and words and " ".join(without_courtesy(first.split())) in STRONG_KEYS and words[0] in _SPEAKING:
        return Form(" ".join(without_courtesy(first.split())).upper(), "format.opening")
    last = " ".join(without_courtesy(normal.key_of(plain.rpartition(",")[2]).split()))
    if comma and last in STRONG_KEYS:
        return Form(last.upper(), "format.sentence")
    if _LAST_REMOVAL.search(plain) is not None and _OF_NUMBERS.search(plain) is not None:
        return Form("REMOVE ME", "format.ending")
    return None


def _ending(plain: str, own: str) -> Form | None:
    """`I already voted stop`: a strong keyword as the last word of somebody who complains, or in capitals."""
    if not plain.rstrip(" .!\n").endswith(_LAST_WORDS):
        return None
    found = _LAST.search(plain[-_LAST_CHARS_MAX:])
    if found is None or own.rstrip().endswith("?"):
        return None
    *_, before = found[1].rpartition(" ")
    if before in {"me", "us"} and found[1].endswith(("ing me", "ing us")):
        before = ""
    if before in _NOT_BEFORE_LAST or (before.endswith("s") and before not in _S_BEFORE_LAST):
        return None
    if _ASKING.match(plain) is not None:
        return None
    if _COMPLAINT.search(found[1]) is None and not _shouted(own, found[2]):
        return None
    return Form(found[2].upper(), "format.ending")


def _shouted(own: str, keyword: str) -> bool:
    """Whether the last word is in capitals and those before it are not."""
    last = own.rstrip(" .!\n")[-len(keyword) :]
    return last == keyword.upper() and own != own.upper()
