"""The word classes that phrases are made of, their guards, and the shape of one rule. Data.

A pattern reads one clause of plain words (`normal.clauses`). All are bounded: no nested quantifier, no open gap.
"""

import re
from typing import Final, NamedTuple

TEXTS: Final = (
    r"(?:te?xts?|txts?|te?xt(?:ing|in|ign|inf|ng)|texing|tetxing|tx(?:t?ing)|me?s{1,2}a?e?ge?s?|msgs?|ms{1,2}gs|"
    r"me?s{1,2}[ae]?gi?n?g|msg?ing|sms(?:es|s)?|spam+(?:ing|in)?|notifications?|alerts?|promos?|promotions?|adverts?|ads|"
    r"advertis(?:ing|ements?)|solicit(?:ing|ations?)|marketing|blasts?)"
)
"""What arrives, or sending it."""
DOING: Final = (
    r"(?:te?xt(?:ing|in|ign|inf|ng)|texing|tetxing|tx(?:t?ing)|me?s{1,2}[ae]?gi?n?g|msg?ing|spam+(?:ing|in)|contacting|"
    r"bother(?:ing|in)|harr?ass?ing|pestering|bugging|annoying|solicit(?:ing|in)|hitting me up|blowing up my phone|"
    r"sending|sendin|writing|reaching out|communicating with)"
)
DO: Final = r"(?:te?xt|txt|me?s{1,2}a?e?ge?|msg|contact|call(?! (?:it|him|her|them|the|that|in|ahead)\b)|bother|harr?ass?|spam|solicit|write|reach out(?: to)?|bug)"
ME: Final = r"(?:me|us|my (?:phone|cell|number|mobile|line)|this (?:number|phone|line|cell)|here)"
FILL: Final = (
    r"(?:(?:all|any|the|these|those|this|that|them|ur|your|yur|you|more|of|with|w|damn|damned|darn|fuckin?g?|frickin?g?|"
    r"freakin?g?|bloody|stupid|annoying|constant|daily|weekly|future|further|other|marketing|promotional|promo|spam|unwanted|"
    r"unsolicited|political|campaign|sms|phone|automated|to|from|it|here|so|calling|and|or|calls|f|ing|fing|send|sending|sendin|getting|receiving|me|us|my|"
    r"phone|number|out|coming|many|goddamn|crap|shit|bs|text|group|mass|auto|automatic|robo|sales|spammy|donation|random|useless|dumb|irritating|nonstop|endless|additional|extra|emails|anymore|every|each|youre|yall|yal|u|robot|bot|ridiculous|junk|bulk|another|single|one) ){0,5}"
)
STOP: Final = r"(?:stop|quit|cease|halt|discontinue|knock off|lay off|cut out|stopping)"
NEWS: Final = (
    r"(?:reminders|updates|coupons|offers|deals|requests|asks|fundrais\w+|invites|invitations|newsletters|surveys|polls|"
    r"communications?|correspondence|nonsense|garbage|trash|bullshit|rubbish|propaganda|(?:donation|political|campaign) \w+|"
    r"robo ?texts?|discounts|sales pitch\w*|specials|announcements|notices|pings|pinging|dms|whatsapps|chats|contact|solicitors)"
)
"""What is sent by text; each word is also something else, so it counts beside a verb alone."""
OTHER: Final = (
    r"(?:orders?|packages?|parcels?|shipments?|shipping|deliver\w+|bills?|invoices?|mail|e ?mails?|catalogs?|items?|sizes?|colou?rs?|wrong|"
    r"checks?|cheques?|money|boxe?s?|products?|letters?|flowers|samples?|him|her|payments?|charg\w+|meds|prescriptions?|refills?|"
    r"postcards?|flyers?|paper\w*|newspapers?|magazines?|statements?|kids?|food|meals?|drivers?|techs?|technicians?|trucks?|crew|"
    r"troops|weapons|aid|jobs?|autopay|class|links?)"
)
"""What is sent, but not by text."""
LATER: Final = (
    r"(?:after|before|until|till|til|during|when|while|unless|except|at|so|too|early|late|twice|duplicates?|double|every|about|regarding|if|"
    r"instead|between|today|tonight|weekends?|mornings?|in|on)"
)
"""What makes a request one about time or topic."""
FREE: Final = rf"(?: (?!(?:{OTHER}|{LATER})(?: |$))\w+)"
"""Any other word."""
AGAIN: Final = (
    r"(?: (?:(?:\d{1,3}|many|multiple|several|two|three|four|five|ten|a hundred|a million|a dozen) times|times|ty|kindly|for good|"
    r"right now|tho|though|bye|goodbye|sirs|dammit|damnit|god damn it|for (?:gods|fucks|christs|petes) sake|jesus|christ|mate|bruh|lady|"
    r"team|seriously|permanently|completely|altogether|entirely|as soon as possible|effective immediately|i mean it|whatsoever|for (?:weeks|months|days|years)|for the (?:last|second|third|final|\w+th) time|"
    r"in (?:the )?future|going forward|moving forward|from now on|of any kind|so much|very much|regards|god bless|dear|folks|lol stop|"
    r"to (?:this|my|our) (?:\w+ )?(?:number|phone|cell|line)|have a (?:good|nice|great|blessed) (?:day|one|evening|night)|"
    r"now|please|pls|plz|again|anymore|any more|no more|nomore|ever|at all|already|immediately|asap|ok|okay|thanks|thank you|"
    r"thx|period|forever|at this number|on this number|to this number|on this phone|to me|or else|x|xx|man|dude|bro|sir|"
    r"madam|people|guys|yall|ffs|wtf|omg|u|you))*"
)
END: Final = r"(?= \||$)"
PESTERING: Final = (
    r"(?:disturbing|interrupting|subscribing|adding|putting|including|signing|enrolling|contacting|targeting|stalking|hounding|bombarding|"
    r"blasting|reaching|inundating|overwhelming|badgering|chasing|following|hassling|tracking|intruding|invading|polluting|pinging|buzzing|"
    r"inviting|bugging|pushing|nagging|poking|waking|notifying|alerting|reminding|soliciting|annoying|pestering|bothering|flooding|dming|"
    r"whatsapping|selling|ringing|scamming|phishing|text bombing|trying to (?:contact|reach|sell|text|message|get|recruit|convince|scam|engage|talk))"
)
"""What a sender does to somebody who wants to be left alone."""
START: Final = r"(?:^|\| )(?:(?:please|pls|plz|kindly|just|so|and|but|ok|okay|hey|hi|hello|sorry|no|nope|nah|yes|yeah|yo|then|now|omg|ugh|sir|madam|maam|also|again|i said|i say|bro|bruh|dude|man|lady|guys|yall|people|good morning|good evening|good afternoon|dear \w+|thanks|thank you|thx|hun|hon|honey|sweetie|buddy|pal|mate|boss|fam|dear|friend|girl|sis|cuz|lol|seriously|for the (?:\w+) time|(?:can|could|would|will) (?:you|u|someone|somebody|yall)(?: guys)?|i beg you|im begging you|god|jesus|damn|respectfully) )*"


class Rule(NamedTuple):
    """One row of the table."""

    rule_id: str
    pattern: re.Pattern[str]
    keyword: str
    limited: bool
    """Whether a limit of time or topic behind it makes it a wish and no opt-out."""
    guard: re.Pattern[str] | None
    """What must not stand in the same clause before it."""
    tags: tuple[str, ...]


def rule(
    rule_id: str, pattern: str, *, keyword: str = "STOP", limited: bool = True, guard: str | None = None,
    tags: tuple[str, ...] = (),
) -> Rule:  # fmt: skip
    """One row; its pattern is matched between whole words.  A guard is searched in the clause before it."""
    return Rule(
        f"phrase.{rule_id}", re.compile(rf"(?<![^ ])(?:{pattern})(?![^ ])"), keyword, limited,
        re.compile(guard) if guard is not None else None, tags,
    )  # fmt: skip


NEGATED: Final = r"(?:\b(?:do not|dont|never|cant|cannot|can not|couldnt|wont|wouldnt|shouldnt|didnt|not|without)(?: you| u)?(?: ever| please| wanna| want to| want u to| want you to| going to| gonna)?$)"
ASKED_BACK: Final = r"(?:\b(?:did|when did|(?<!you )(?<!yall )(?<!u )(?<!they )have|(?<!this )has|had|do|does|will(?! (?:you|u|yall)\b)|would it|if i|if we|should i|should we|can i|could i|may i)(?: \w+){0,2}$)"
SELF: Final = (
    r"(?:\b(?:i|ill|id|ive|im|we|well|weve|he|she|hes|shes|it|its|they|theyll|kids|people|someone|everyone)(?: (?:just|will|would|can|could|"
    r"should|must|may|might|had|have|has|need|needs|want|wants|to|really|finally|gonna|going|try|tried|trying|am|are|is|was|also|both))*$)"
)
OTHERS_DO: Final = r"(?:\b(?:tell|told|ask|asked|make|made|let|help) (?:him|her|them|my \w+|the \w+|people|kids|our \w+)(?: not)?(?: to)?$)"
GUARD_STOP: Final = rf"(?:\b(?!you\b|u\b|yall\b|guys\b|people\b|someone\b|please\b|ya\b)\w+ (?:can|will|would|could|might|may)$)|(?:\b(?:never|didnt|did not)(?: \w+){{0,2}} (?:tell|told|ask|asked|say|said|want|wanted|mean|meant)(?: you| u| them)?(?: to)?$)|(?:\b(?:the|a|that|my|was|another|which)$)|{NEGATED}|{ASKED_BACK}|{SELF}|{OTHERS_DO}"

LISTS: Final = r"(?:(?:e ?mail|email|text|texting|sms|contact|call|calling|phone|mailing|marketing|message|messaging|promo|subscriber|distribution|campaign|donor|voter|volunteer|customer|client|patient)(?: (?:and|or|n) (?:email|text|texting|sms|call|calling|phone|mailing))? )?(?:lists?|data ?base|system|program|records|group|rotation|campaign|roster|file|contacts|directory|(?:text|group) thread)"
TARGET: Final = r"(?:me|us|my (?:name|cell|phone|mobile|info|information|contact|data|details|number|digits)(?: (?:number|info|information))?|(?:his|her) number|our (?:info|name|information)|my (?:husband|wife|mom|mother|dad|father|son|daughter|kid|parent|brother|sister|grandma|grandmother|grandpa|child|spouse|partner)s (?:number|phone|cell|name|info)|(?:this|our) (?:phone |cell |mobile |home |work |telephone )?(?:number|phone|cell|line|contact)|the number|number)"
NUMBER: Final = r"(?:number|num|nbr|person|phone|phone number|recipient|individual|guy|girl|lady|man|woman|contact|party|dude|cell|nr|mobile|caller|customer|client)"


def on(words: str, *rules: Rule) -> tuple[frozenset[str], tuple[Rule, ...]]:
    """The rules that are tried where one of the words occurs."""
    return frozenset(words.split()), rules
