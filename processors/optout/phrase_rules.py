"""The phrases themselves, by the words that make them worth trying; each row a pattern, its keyword and its guard. Data.

A pattern reads one clause of plain words (`normal.clauses`). All are bounded: no nested quantifier, no open gap.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

_TEXTS: Final = (
    r"(?:te?xts?|txts?|te?xt(?:ing|in|ign|inf|ng)|texing|tetxing|tx(?:t?ing)|me?s{1,2}a?e?ge?s?|msgs?|ms{1,2}gs|"
    r"me?s{1,2}[ae]?gi?n?g|msg?ing|sms(?:es|s)?|spam+(?:ing|in)?|notifications?|alerts?|promos?|promotions?|adverts?|ads|"
    r"advertis(?:ing|ements?)|solicit(?:ing|ations?)|marketing|blasts?)"
)
"""What arrives, or sending it."""
_DOING: Final = (
    r"(?:te?xt(?:ing|in|ign|inf|ng)|texing|tetxing|tx(?:t?ing)|me?s{1,2}[ae]?gi?n?g|msg?ing|spam+(?:ing|in)|contacting|"
    r"bother(?:ing|in)|harr?ass?ing|pestering|bugging|annoying|solicit(?:ing|in)|hitting me up|blowing up my phone|"
    r"sending|sendin|writing|reaching out)"
)
_DO: Final = r"(?:te?xt|txt|me?s{1,2}a?e?ge?|msg|contact|call|bother|harr?ass?|spam|solicit|write|reach out to|bug)"
_ME: Final = r"(?:me|us|my (?:phone|cell|number|mobile|line)|this (?:number|phone|line|cell)|here)"
_FILL: Final = (
    r"(?:(?:all|any|the|these|those|this|that|them|ur|your|yur|you|more|of|with|w|damn|damned|darn|fuckin?g?|frickin?g?|"
    r"freakin?g?|bloody|stupid|annoying|constant|daily|weekly|future|further|other|marketing|promotional|promo|spam|unwanted|"
    r"unsolicited|political|campaign|sms|phone|automated|to|from|it|here|so|calling|and|or|calls|f|ing|fing|send|sending|sendin|getting|receiving|me|us|my|"
    r"phone|number|out|coming|many|goddamn|crap|shit|bs|text|group|mass) ){0,5}"
)
_STOP: Final = r"(?:stop|quit|cease|halt|discontinue|knock off|lay off|cut out|stopping)"
_AGAIN: Final = (
    r"(?: (?:now|please|pls|plz|again|anymore|any more|ever|ever again|at all|already|immediately|asap|ok|okay|thanks|thank you|"
    r"thx|period|forever|at this number|on this number|to this number|on this phone|to me|or else|x|xx|man|dude|bro|sir|"
    r"madam|people|guys|yall|ffs|wtf|omg|u|you))*"
)
_END: Final = r"(?= \||$)"
_START: Final = r"(?:^|\| )(?:(?:please|pls|plz|kindly|just|so|and|but|ok|okay|hey|hi|hello|sorry|no|yes|then|now|omg|ugh|sir|madam|also|again|i said|i say|for the last time) )*"


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


def _rule(
    rule_id: str, pattern: str, *, keyword: str = "STOP", limited: bool = True, guard: str | None = None,
    tags: tuple[str, ...] = (),
) -> Rule:  # fmt: skip
    return Rule(
        f"phrase.{rule_id}", re.compile(rf"(?<![^ ])(?:{pattern})(?![^ ])"), keyword, limited,
        re.compile(guard) if guard is not None else None, tags,
    )  # fmt: skip


_NEGATED: Final = r"(?:\b(?:do not|dont|never|cant|cannot|can not|couldnt|wont|wouldnt|shouldnt|didnt|not|without)(?: ever| please| wanna| want to| want u to| want you to| going to| gonna)?$)"
_ASKED_BACK: Final = r"(?:\b(?:did|when did|have|has|had|do|does|will|would it|if i|if we|should i|should we|can i|could i|may i)(?: \w+){0,2}$)"
_SELF: Final = (
    r"(?:\b(?:i|ill|id|ive|im|we|well|weve|he|she|hes|shes|it|its|they|theyll|kids|people|someone|everyone)(?: (?:just|will|would|can|could|"
    r"should|must|may|might|had|have|has|need|needs|want|wants|to|really|finally|gonna|going|try|tried|trying|am|are|is|was|also|both))*$)"
)
_OTHERS_DO: Final = r"(?:\b(?:tell|told|ask|asked|make|made|let|help) (?:him|her|them|my \w+|the \w+|people|kids|our \w+)(?: not)?(?: to)?$)"
_GUARD_STOP: Final = rf"{_NEGATED}|{_ASKED_BACK}|{_SELF}|{_OTHERS_DO}"

_LISTS: Final = r"(?:(?:e ?mail|email|text|texting|sms|contact|call|calling|phone|mailing|marketing|message|messaging|promo|subscriber|distribution) )?(?:lists?|data ?base|system|program|records|group|rotation|campaign|roster|file)"
_TARGET: Final = r"(?:me|us|my (?:name|cell|phone|mobile|info|information|contact|data|details|number|digits)(?: (?:number|info))?|this (?:number|phone|cell)|our number|the number|number)"
_NUMBER: Final = r"(?:number|num|nbr|person|phone|phone number|guy|girl|lady|man|woman|contact|party|dude|cell)"

RULES: Final[dict[str, Sequence[Rule]]] = {}
"""Word to the rules that are tried where it occurs."""


def _on(words: str, *rules: Rule) -> None:
    for word in words.split():
        RULES[word] = (*RULES.get(word, ()), *rules)


_on(
    "stop quit cease halt discontinue knock lay cut stopping",
    _rule("stop_texting", rf"{_STOP} {_FILL}{_DOING} {_ME}", guard=_GUARD_STOP),
    _rule(
        "stop_reaching",
        rf"{_STOP} {_FILL}(?:blowing up (?:my|our|this) (?:phone|cell|line)|hitting (?:me|us) up|reaching out(?: to (?:me|us))?{_AGAIN}{_END})",
        guard=_GUARD_STOP,
    ),
    _rule("stop_calling", rf"{_STOP} {_FILL}calling(?: (?:and|or) \w+)? {_ME}{_AGAIN}{_END}", guard=_GUARD_STOP),
    _rule(
        "stop_texts",
        rf"{_STOP} {_FILL}(?:{_TEXTS}|contacting|bothering|harr?ass?ing|contact|communications?)",
        guard=_GUARD_STOP,
    ),
    _rule(
        "stop_sending",
        rf"{_STOP} (?:fuckin?g? )?sendin?g?(?: (?:me|us|these|this|them|those|that|it|stuff|things|anything|shit|crap|so much|to|my phone|junk))*{_AGAIN}{_END}",
        guard=_GUARD_STOP,
    ),
    _rule(
        "stop_subscription",
        rf"{_STOP} (?:this|my|the|your) (?:text |sms |message )?(?:subscription|service|alerts|nonsense|madness|crap|shit|bs|harass?ment){_AGAIN}{_END}",
        guard=_GUARD_STOP,
    ),
    _rule(
        "make_it_stop",
        rf"(?:want|need|like|make|get) (?:this|it|these|them|you|u|the (?:texts|messages)|all this|all these) (?:\w+ )?(?:to )?(?:stop|cease){_AGAIN}{_END}",
        guard=rf"{_NEGATED}|(?:\b(?:lets|never|yes)(?: \w+)?$)",
    ),
    _rule(
        "say_stop",
        rf"how many (?:more )?times (?:\w+ ){{1,6}}(?:say|said|text|reply|type|tell you|send|sent|tell you to) (?:to )?stop{_END}",
        limited=False,
    ),
    _rule("stop_or_else", rf"{_START}stop(?: \w+){{0,2}} or (?:else|i|ill|im|we|my)"),
    _rule("cease_and_desist", r"cease and desist", limited=False),
    _rule(
        "told_to_stop",
        rf"(?:ask|asked|asking|told|telling|tell|said|begged|begging|beg|requested|want|wanted|need|like|warned)(?: \w+)? (?:you|u|yall|ya|you guys|you people|these|this|it|them)(?: (?:all|guys|people|already|twice|before|repeatedly|now))* (?:to )?(?:please )?(?:stop|quit|cease)(?: (?:doing )?(?:this|that|it|these|them|already))?{_AGAIN}{_END}",
        guard=r"(?:\b(?:never|didnt|did not|not|dont|who)(?: \w+)?$)",
    ),
    _rule(
        "replied_stop",
        r"(?:replied|reply|texted|sent|said|typed|answered|responded|text|texting|sending|replying|put|wrote|saying)(?: \w+){0,3} stop (?:\d|\w+ (?:time|times)|already|before|again|and (?:\w+ )?(?:i |you |u )?(?:still|keep|get|am|im)|but|yesterday|last|so many|multiple|several|twice|many)",
        limited=False,
        guard=r"(?:\b(?:should|can|do|may) i$)",
    ),
    _rule(
        "wish_to_stop",
        rf"(?:want|wanna|like|need|wish|how (?:do|can|to)|please|trying|try)(?: \w+){{0,3}} stop (?:getting|receiving|recieving|these|all|the|your|this|them){_AGAIN}(?: {_FILL}{_TEXTS}|{_END})",
        guard=r"(?:\b(?:dont|do not|didnt|never|not)$)",
    ),
    _rule(
        "stop_getting",
        rf"(?:stop|quit) (?:getting|receiving|recieving) {_FILL}(?:{_TEXTS}|these|this)",
        guard=r"(?:\b(?:why did|dont|do not|did|never|not|cant)(?: \w+){0,3}$)",
    ),
)
_on(
    "stopped quit",
    _rule(
        "if_you_stopped",
        rf"(?:appreciate|great|nice|thankful|grateful|love|like|prefer|glad|happy|better)(?: \w+){{0,4}} (?:if )?(?:you|u|yall)(?: \w+)? (?:stopped|quit) {_FILL}(?:{_DOING}|{_TEXTS})",
        guard=_NEGATED,
    ),
)
_on(
    "rather prefer",
    _rule(
        "rather_not",
        rf"(?:rather|prefer) (?:you )?(?:not|didnt|dont)(?: to)?(?: (?:be|get|getting|receive|receiving|text|send|texted|contacted|have|me|these|any|your))+(?: {_FILL}(?:{_TEXTS}|texted|contacted))?{_AGAIN}{_END}",
    ),
)
_on(
    "dont do never no not without",
    _rule(
        "do_not_text",
        rf"(?:do not|dont|never|no not|donot|do t) (?:you )?(?:ever |please |even |dare |fuckin?g? |you ever )*(?:{_DO}|text or call|call or text)(?: or (?:text|call|message|contact|email))?{_AGAIN}(?: {_ME})?{_AGAIN}(?={_END[3:-1]}| (?:or|and|i|im|because|cuz|bc|as|since|this|u|you|we|unless|if|about|after|before|at|on|during|while|in|until|till|for|so|too|w|with|from|every|again|anymore|next|any|wrong|not|no|ever|with|it|its|it|please|when|between|regarding|over|only)\b)",
        guard=r"(?:\b(?:i|we|you|u|they|he|she|it|who|that|people|kids|ill|id|youd|why|customers|drivers|if|to|could|and i|still|also)$)",
    ),
    _rule(
        "do_not_text_me",
        rf"(?:do not|dont|never|no) (?:you )?(?:ever |please |even |fuckin?g? |you ever )*{_DO} {_ME}(?: more| no more)?{_AGAIN}{_END}",
        guard=r"(?:\b(?:i|we|you|u|they|he|she|it|who|that|people|youd|still|why|could)$)",
    ),
    _rule(
        "do_not_send",
        rf"(?:do not|dont|never) (?:ever |please )?send (?:me |us |my phone |to me )?(?:{_FILL}{_TEXTS}|(?:anything|any more|anymore|more|these|this|them|those|stuff|shit|crap|junk|nothing)(?: (?:else|more|here))?{_AGAIN}{_END})",
        guard=r"(?:\b(?:i|we|you|u|they|he|she|it|who|if|why)$)",
    ),
    _rule(
        "do_not_want",
        rf"(?:do not|dont|did not|didnt|no longer|never|not) (?:(?:really|even|fuckin?g?) )?(?:want|wanna|wish|need|like|care|wish|wanting|interested in|agree|consent)(?: (?:to|for|you|u|be|get|getting|receive|receiving|recieve|see|have|any|anymore|no|hear|sending|send))* {_FILL}(?:{_TEXTS}|texted|messaged|contacted|bothered|from you(?: guys| people| all)?|hear from (?:you|this|them|u)|on (?:your|this|the|ur) {_LISTS}|these{_AGAIN}{_END}|be contacted)(?! (?:to|me) (?:stop|end))",
        guard=r"(?:\b(?:why|if|you|u|miss)(?: \w+)?$)",
    ),
    _rule(
        "no_more",
        rf"no (?:more|mor|mo|further) {_FILL}(?:{_TEXTS}|contact|calls?|communications?|of (?:this|these|it|them|that|your)(?: \w+)?{_END}|please{_END})",
        guard=r"(?:\b(?:there are|have|has|had|got|get|were|is|means|why)$)",
    ),
    _rule(
        "no_texts",
        rf"no {_FILL}(?:te?xts?|txts?|te?xting|text messages|messages|msgs|sms|spam|solicit(?:ing|ations?|ors?)|marketing)(?: messages?)?{_AGAIN}{_END}",
        guard=r"(?:\b(?:have|got|get|received|see|there (?:is|are)|had|been|with|still|i|im|why|is|or)$)",
    ),
    _rule(
        "no_longer",
        r"no longer (?:\w+ ){0,2}(?:receive|receiving|get|getting|be on|be contacted|be texted|hear from)",
        guard=r"(?:\b(?:why|do|if|can|will)(?: \w+){0,2}$)",
    ),
    _rule(
        "do_not_use_number",
        r"(?:do not|dont|never) (?:use|keep|share|have permission to (?:text|contact|use)) (?:my|this) (?:number|phone|cell|info)",
    ),
    _rule(
        "no_permission",
        r"(?:do not|dont|did not|didnt|never|no)(?: \w+)? (?:have|has|had|gave|give|given|granted?)(?: (?:you|u|my|any|the|me))* (?:permission|consent|authorization) (?:to|for) (?:text|contact|message|call|use|send|these|this|any)",
        limited=False,
    ),
    _rule(
        "not_text",
        rf"(?:to not|not to) {_DO}(?: {_ME})?{_AGAIN}{_END}",
        guard=r"(?:\b(?:try|trying|tried|best|prefer|i)$)",
    ),
)
_on(
    "remove removing deleting taking getting keeping delete erase take get scrub drop unlist strike taken removed deleted off scratch",
    _rule(
        "remove_me",
        rf"(?:remove|removed|removing|delete|deleting|deleted|erase|scrub|unlist|strike|scratch|drop|take (?=\w+(?: \w+){{0,3}} (?:off|out|from))) ?{_TARGET}(?: (?:right )?(?:off|from|of|out)(?: (?:of|from))?(?: (?:your|youre|ur|the|this|any|all|every|these|that))?(?: {_LISTS}| {_TEXTS})?(?: {_LISTS})?| completely| permanently| entirely| as a contact)?{_AGAIN}(?={_END[3:-1]}| (?:and|or|before|because|i|im|cuz|since|as|this|u|you|we|my|not|if|it|its|now|never|from (?:your|the|this|all|any|these|ur|future|further|that|here)|thats|for good|so|do|dont)\b)",
        keyword="REMOVE ME",
        limited=False,
        guard=r"(?:\b(?:why (?:did|was|were|am|are)|did|(?<!can )(?<!could )(?<!would )(?<!will )(?<!asked )(?<!told )(?<!need )(?<!want )you|u|they|she|he|was|been|not|dont|do not|didnt|who|never|will|cant|if|i)(?: \w+)?$)",
    ),
    _rule(
        "take_off",
        rf"(?:take|taking|get|getting|keep|keeping) {_TARGET} (?:right )?(?:off|out)(?: (?:of|from))?(?: (?:your|youre|ur|the|this|any|all|these|that))?(?: {_LISTS}| {_TEXTS})*{_AGAIN}(?={_END[3:-1]}| (?:and|or|i|im|because|before|cheers|kind|if|so|not|we|this|you|whatever|whichever)\b)",
        keyword="REMOVE ME",
        limited=False,
        guard=rf"{_NEGATED}|(?:\b(?:did|does|will it|it|if|i)$)",
    ),
    _rule(
        "off_your_list",
        rf"(?:off|out|off of|out of|from) (?:your|ur|this|the|all) (?:\w+ )?{_LISTS}{_AGAIN}{_END}",
        keyword="REMOVE ME",
        limited=False,
        guard=r"(?:\b(?:come|came|item|items|products?|ordered?|pick|picked|one|thing|things|something|sold|did|was|not|dont|why|crossed?|wait|out)(?: \w+){0,3}$)",
    ),
    _rule(
        "to_be_removed",
        rf"(?:be|get|getting|been) (?:removed|taken off|deleted|taken out|took off)(?: (?:from|off|of|out))?(?: (?:of|your|ur|the|this|all|any|these))*(?: {_LISTS}| {_TEXTS}|{_AGAIN}{_END})",
        keyword="REMOVE ME",
        limited=False,
        guard=r"(?:\b(?:will|did|dont|do not|not|why|was|cant|have|it|stain|should|can the|the \w+|items?|they|when|how long)(?: \w+){0,3}$)",
    ),
)
_on(
    "lose loose forget delete leave go get fuck piss bugger buzz fk eff",
    _rule(
        "lose_my_number",
        r"(?:please |just |go )?(?:lose|loose|forget|delete|erase) (?:my|this|our) (?:number|num|digits|info|contact|phone number|cell)",
        guard=r"(?:\b(?:did|dont|do not|i|you|will|never|not|if|they|cant|u|would)(?: \w+)?$)",
    ),
    _rule(
        "leave_me_alone",
        r"leave (?:me|us|my family) (?:the )?(?:hell |heck |fuck |f )?(?:alone|be(?= \||$)|out of (?:this|it))",
        guard=r"(?:\b(?:dont|do not|never|wont|cant|will not|didnt|to|they|he|she)$)",
    ),
    _rule(
        "go_away",
        rf"{_START}(?:go away|get lost|buzz off|(?:fuck|fk|eff|f|piss|bugger) (?:off|right off)){_AGAIN}{_END}",
    ),
)
_on(
    "unsubscribe unsub unsubscribed unsubscribing unsuscribe",
    _rule(
        "unsubscribe",
        rf"(?:{_START}|\b(?:to|please|pls|plz|can (?:you|u|i)|could you|would you|you|i|must|will|just|and|me|now|can someone|so|immediately|also) )(?:be )?(?:unsubscribed?|unsub)(?: (?:me|us|my (?:phone|number|cell|account)|this number|from (?:all|this|these|your|the|ur|future|everything|here|it)|now|please|pls|plz|immediately|asap|thanks|already|all))*{_AGAIN}(?={_END[3:-1]}| (?:and|or|i|im|because|before|this|you|u|we|not|dont|since|as|my|if|wrong|{_TEXTS}|{_LISTS}|text|sms)\b)",
        keyword="UNSUBSCRIBE",
        limited=False,
        guard=r"(?:\b(?:not|dont|do not|never|didnt|wont|did|dont want|do not want|want you|why (?:did|was|am)|was|got|get|instead of|without|accidentally|if)(?: (?:i|you|it|to|u|they|want|get|me|wanna|ask|asked|wanted|requested|meant|mean|trying|tried))*$)",
    ),
    _rule(
        "want_to_unsubscribe",
        r"(?:want|wanna|like|need|wish|ask|asked|asking|tried|trying|try|request|requesting|requested|prefer|hereby|how (?:do|can|to|would)|told|going|choose|decided|please|pls|let me|keep|help me|attempting)(?: \w+){0,5} (?:to )?(?:be )?(?:unsubscribed?|unsub|unsubscribing)",
        keyword="UNSUBSCRIBE",
        limited=False,
        guard=r"(?:\b(?:dont|do not|didnt|never|not|no)(?: \w+)?$)",
    ),
    _rule(
        "already_unsubscribed",
        r"(?:already|previously|have|ive|i|twice|times?)(?: \w+)? unsubscribed(?: (?:from|to) (?:this|these|your))?(?: \w+)?(?: (?:twice|\d+ times|times|already|before|and (?:i )?(?:still|keep|am)|but (?:i |im |you )?(?:still|keep)|multiple|several|many|three|four|again|why|weeks?|months?|days?))",
        keyword="UNSUBSCRIBE",
        limited=False,
    ),
)
_on(
    "opt opting optout opted out",
    _rule(
        "opt_out",
        rf"(?:{_START}|\b(?:to|please|pls|plz|can (?:you|u|i)|could you|must|will|just|id like|and|me|i|im|am|hereby|let me|wish) )(?:be )?(?:opt(?:ed|ing)? ?(?:me |us |my number |this number |this phone )?out|optout)(?: (?:me|us|now|please|asap|immediately|already|here))?(?: (?:of|from)(?: (?:all|this|these|your|ur|the|any|future|further|receiving|getting|everything|it|here))*(?: (?:{_TEXTS}|{_LISTS}|communications?|contact|campaign|service|subscription)| (?={_TEXTS})|(?= \||$)))?{_AGAIN}(?={_END[3:-1]}| (?:and|or|i|im|because|before|this|you|we|not|dont|since|as|my|immediately|{_TEXTS}|text|sms)\b)",
        keyword="OPT OUT",
        limited=False,
        guard=r"(?:\b(?:not|dont|do not|never|didnt|wont|did|dont want|do not want|why|was|can i still|instead of|without|if|accidentally|will not)(?: (?:i|you|to|u|it|get|want|wanna|me))*$)",
    ),
    _rule(
        "already_out",
        r"(?:already|previously|have|ive|i)(?: \w+)? opted out(?: of (?:this|these|your))?(?: \w+)? (?:twice|\d+ times|times|already|before|and (?:i )?(?:still|keep|am)|but (?:i |im |you )?(?:still|keep)|multiple|several|many|three|four|again|why|weeks?|months?|days?)|(?:already|previously) opted out",
        keyword="OPT OUT",
        limited=False,
        guard=r"(?:\b(?:not|havent|accident)$)",
    ),
    _rule(
        "how_to_opt_out",
        rf"how (?:do|can|to|would|could|does)(?: (?:i|we|one|you|someone|u|get))* opt ?(?:me )?out(?: of (?:this|these|your|the|all|ur|receiving|getting|everything|it)(?: \w+){{0,2}})?{_AGAIN}{_END}",
        keyword="OPT OUT",
        limited=False,
    ),
)
_on(
    "revoke withdraw withdrawing rescind revoking withdrawn revoked rescinding",
    _rule(
        "revoke_consent",
        r"(?:consent|permission|authorization)(?: (?:is|was|has been|hereby|now|are))* (?:revoked|withdrawn|rescinded)|(?:revok(?:e|ing|ed)|withdraw(?:ing|n)?|rescind(?:ing|ed)?)(?: \w+){0,4} (?:consent|permission|authorization|agreement|opt ?in|approval)",
        keyword="REVOKE",
        limited=False,
        guard=r"(?:\b(?:dont|do not|didnt|not|never|cant|if|can i)(?: \w+)?$)",
    ),
)
_on(
    "cancel end terminate block blocking disable discontinue turn shut deactivate pause kill cancell",
    _rule("turn_off", rf"(?:turn|shut|switch) {_FILL}{_TEXTS} off", guard=rf"{_NEGATED}|(?:\b(?:how did|did|i)$)"),
    _rule(
        "cancel_texts",
        rf"(?:cancell?|end|terminate|block|disable|discontinue|turn off|shut off|deactivate|kill) {_FILL}(?:te?xts?|txts?|te?xting|text messages?|messages|msgs|sms(?:es)?|notifications?|alerts|promos|promotions|ads|spam|text subscription|text updates?|subscription to (?:\w+ ){{0,3}}(?:texts|messages|msgs|alerts|sms))",
        keyword="CANCEL",
        guard=rf"{_NEGATED}|(?:\b(?:did|how did|if|i|week|the)(?: \w+)?$)",
    ),
    _rule(
        "end_subscription",
        rf"{_START}(?:cancel|end|terminate|stop) (?:my|this|the) subscription{_AGAIN}{_END}",
        keyword="CANCEL",
    ),
    _rule(
        "cancel_subscription",
        rf"{_START}(?:(?:i )?(?:want|need|would like|like|wish)(?: you)? to )?(?:cancel|end|terminate) (?:my |this |the |your )?(?:text |sms |texting |message |messaging )(?:subscription|service|membership|plan|program)",
        keyword="CANCEL",
    ),
    _rule(
        "block_me",
        rf"{_START}block (?:me|us|my (?:number|phone|cell)|this (?:number|phone)){_AGAIN}{_END}",
        keyword="BLOCK",
    ),
    _rule(
        "blocking_you",
        r"(?:im|i am|i will|ill|ima|im gonna|going to|gonna|will be|about to)(?: (?:just|now|be|gonna|going to|also))* (?:block(?:ing)?) (?:you|u|this|your|ur|the|yall|ya)(?: (?:number|guys|people|texts))?",
        keyword="BLOCK",
        limited=False,
        guard=r"(?:\b(?:not|if you dont|dont make me)$)",
    ),
)
_on(
    "wrong rong worng wrogn wong belongs belong wrongnumber wrng incorrect not isnt longer doesnt nobody noone no",
    _rule(
        "wrong_number",
        rf"(?:{_START}|\b(?:you|u|uve|youve|ya|yall|you guys|think|believe|afraid|this is|its|it is|thats|that is|sorry|have|has|got|to|texting|is|at|reached|dialed|texted|messaging|contacting|calling|clearly|reaching|ur|your|have|txting|with|and|im|but|dude|bro|man|lol|nope|no|sir|maam|just|definitely|probably|obviously|now|totally) )(?:got |reached |have |texting |texted |has |a |an |the |have a |calling |contacting |messaging |about |dialed |in |at |to )*(?:wrong|worng|wrogn|wong|rong|wrng|incorrect) (?:(?:phone|cell) )?{_NUMBER}(?! (?:of|on|for (?:my|the|your|a|this|that|our|her order|order|delivery|it)|in|was|again|plate|size|color|colour|listed|to (?:call|reach|text)|came|were|but|is (?:on|listed|in)|i |when|at)\b)",
        keyword="WRONG",
        limited=False,
        tags=("wrong_number",),
        guard=r"(?:\b(?:do|did|didnt|is|was|have|have|am|if|sent (?:it |this |that |them )?to|charged|shipped|delivered|gave|give|given|put|typed|entered|wrote|billed|called|picked|dialed|i|to|it says|tracking|order|ordered|shows?|my|(?:tracking|account|order|room|house|model|serial|confirmation|flight|card) number)(?: (?:i|me|you|u|they|we|it|the|a|have|has|got|had|in|down|this|that|your))*$)",
    ),
    _rule(
        "not_this_person",
        rf"(?:this is not|this isnt|im not|i am not|not|its not|it is not|this aint|theres no|there is no|nobody named|no one named|no) (?!interested|sure|going|home|happy|available|able|in|at|a|the|so|that|ready|really|coming|on|here|working|good|feeling|it|my|for|well|worried|what|too|very|getting|using|paying|free|ok|driving)(?:\w+ ){{1,2}}(?:(?:phone|cell|number)(?: number)?(?: anymore| any more)?|here|at this number|anymore){_AGAIN}{_END}",
        keyword="WRONG",
        limited=False,
        tags=("wrong_number",),
        guard=r"(?:\b(?:why|if|or|do|did|order|tracking|have|got|theres|you|is)(?: \w+)*$)",
    ),
    _rule(
        "nobody_here",
        r"(?:nobody|no one|noone|no body|not (?:a|any) (?:one|person)) (?:here )?(?:by|with|of|named|called) (?:that|this|the) name(?: \w+){0,3}",
        keyword="WRONG",
        limited=False,
        tags=("wrong_number",),
    ),
    _rule(
        "belongs_to_another",
        r"number (?:no longer|doesnt|does not|never|dont)(?: \w+)? (?:belongs?|belonged) to(?: \w+){1,3}",
        keyword="WRONG",
        limited=False,
        tags=("wrong_number",),
    ),
    _rule(
        "no_longer_theirs",
        rf"(?:no longer|not|doesnt|does not|isnt|is not|dont) (?:(?:\w+) )?(?:(?:has|have|own|use|at|with) (?:this|that|the) (?:number|phone|cell)|(?:his|her|their|\w+s) (?:number|phone|cell)(?: anymore)?{_END})",
        keyword="WRONG",
        limited=False,
        tags=("wrong_number",),
        guard=r"(?:\b(?:i|we|if|you|u|do|why|im|ill|may)$)",
    ),
)
_on(
    "why",
    _rule(
        "why_texting",
        rf"why (?:(?:the )?(?:hell|fuck|heck|tf) )?(?:are|r|do|did|is|would|am i|do i|you|u|have|does)(?: (?:you|u|ya|yall|guys|people|this number|this|still|always|constantly|keep|keeps|the (?:hell|fuck|heck)|tf|even|fuckin?g?|it|been|getting|receiving|so much))* (?:{_DOING}|text|message|send|contact|spam|bother)(?: (?:me|us|this number|my (?:phone|number|cell)|these|this|texts|messages|so (?:much|many)|stuff|shit|crap|spam|to))*(?: (?:again|still|all the time|every day|everyday|constantly|anymore|at all|so much|now|please|right now|messages|texts|man|bro|dude|sir|{_TEXTS}))*{_END}",
        limited=False,
        guard=r"(?:\b(?:wonder|know|see|understand)$)",
    ),
    _rule(
        "why_still",
        rf"why (?:am|are|do) (?:i|we) (?:still |even |always |constantly )+(?:getting|receiving|recieving|get|receive|on|being) {_FILL}(?:{_TEXTS}|texted|messaged|contacted|{_LISTS}|these)",
        limited=False,
    ),
)
_on(
    "sick tired done fed enough had over pack",
    _rule("enough_texts", rf"{_START}(?:enough|pack it in) {_FILL}{_TEXTS}(?: will you)?{_AGAIN}{_END}"),
    _rule(
        "sick_of",
        rf"(?:sick|tired|fed up|sick and tired|done|enough|had it|had enough|through|over it|finished)(?: already)? (?:of|with|w)(?: (?:getting|receiving|all|the|these|your|this|ur|so many|constant|being))* {_FILL}(?:{_TEXTS}|texted|harassed|spammed|contacted)",
        guard=rf"{_NEGATED}|(?:\b(?:not|never|arent|if|are you|when|until)$)",
    ),
)
_on(
    "contact call text",
    _rule("do_not_contact_list", rf"{_START}do not (?:contact|call|text) list{_AGAIN}{_END}"),
)
_on(
    "desist disturb dnc",
    _rule(
        "do_not_disturb",
        rf"{_START}(?:desist|(?:put me on|add me to|on) (?:your |the )?(?:do not (?:call|text|contact|disturb)|dnc) list|do not disturb){_AGAIN}{_END}",
    ),
)
_on(
    "list registry",
    _rule(
        "do_not_call",
        r"(?:put|add|place) (?:me|my number|us|this number) (?:on|to) (?:your |the |a )?(?:do not|dont|dnc)(?: \w+)?(?: \w+)? ?(?:list|registry)?",
        limited=False,
    ),
)
