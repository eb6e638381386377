"""Phrases of leaving: remove me, unsubscribe me, opt me out, revoke, cancel, block. Data."""

from typing import Final

from processors.optout.phrase_words import AGAIN, END, FILL, LISTS, NEGATED, NEWS, START, TARGET, TEXTS, on, rule

ROWS: Final = (
    on(
        "remove removing deleting taking getting keeping delete erase take get scrub drop unlist strike taken removed deleted off out list scratch removal pull cut kick boot cross want need leave quit exit disregard discard",
        rule(
            "remove_me",
            rf"(?:remove|removed|removing|delete|deleting|deleted|erase|scrub|unlist|strike|scratch|drop|take (?=\w+(?: \w+){{0,3}} (?:off|out|from))) ?(?:all (?:of )?)?{TARGET}(?: (?:right )?(?:off|from|of|out)(?: (?:of|from))?(?: (?:your|youre|ur|the|this|any|all|every|these|that))?(?: {LISTS}| {TEXTS})?(?: {LISTS})?| completely| permanently| entirely| as a contact)?{AGAIN}(?={END[3:-1]}| (?:and|or|before|because|i|im|cuz|since|as|this|u|you|we|my|not|if|it|its|now|never|from (?:your|the(?! (?:\w+ ){{0,2}}(?:sheet|sign|wait\w*|class|team|order|schedule|roster|appointment|account|policy|lease|reservation|meeting|event|chat|guest|game|trip|party|raffle|loan|card|house|room|credit)\b)|this|all|any|these|ur|future|further|that|those|whatever|whichever|every|here|receiving|getting|being|texts?|texting|sms|messages|messaging|\w+ (?:texts|messages|alerts|texting))|thats|for good|so|do|dont)\b)",
            keyword="REMOVE ME",
            limited=False,
            guard=r"(?:\b(?:why (?:did|was|were|am|are)|did|(?<!can )(?<!could )(?<!would )(?<!will )(?<!asked )(?<!told )(?<!need )(?<!want )(?<!thank )you(?! (?:can|may|could|should|need|must)\b)|(?<!thank )u|they|she|he|was|been|not|dont|do not|didnt|who|never|will|cant|if|i)(?: \w+)?$)",
        ),
        rule(
            "take_off",
            rf"(?:take|taking|get|getting|keep|keeping) {TARGET} (?:right )?(?:off|out|of(?= (?:your|ur|you|this|the) {LISTS}))(?: (?:of|from))?(?: (?:your|youre|you|ur|the|this|any|all|these|that|of|my|our|here|everything))*(?: {LISTS}| {TEXTS}| {NEWS}|(?: \w+){{1,2}} (?:texts|messages|alerts|notifications|texting|reminders))*{AGAIN}(?={END[3:-1]}| (?:and|or|i|im|because|before|cheers|kind|if|so|not|we|you|whatever|whichever)\b)",
            keyword="REMOVE ME",
            limited=False,
            guard=rf"{NEGATED}|(?:\b(?:did|does|will it|it|if|i)$)",
        ),
        rule(
            "off_a_list",
            rf"(?:remove|take|delete|get|strike|erase|drop|pull|cut|kick|boot|cross|scratch|scrub|drop)(?: \w+){{0,4}}? (?:off|from|out)(?: of)? (?:your|this|ur|all|any|all your|every|whatever|whichever|that|those)(?: \w+)? {LISTS}(?! (?:of|for))|(?:remove|take|delete|get|strike|erase|drop|pull|cut|kick|scratch)(?: {TARGET}| him| her| them| it| my \w+| name| please)+ (?:off|from|out)(?: of)? the (?:(?!bus|potluck|ride|wait\w*|guest|shift|snack|carpool|game|class|team|other)\w+ )?{LISTS}(?! (?:of|for))",
            keyword="REMOVE ME",
            limited=False,
            guard=r"(?:\b(?:did|dont|do not|never|not|didnt|why|who|they|accidentally)(?: \w+){0,2}$)",
        ),
        rule(
            "off_list_bare",
            rf"(?:remove|take|delete|drop|cancel)(?: (?:me|us|my number|this number|number|him|her|them|my name))? (?:off|from) {LISTS}{AGAIN}{END}",
            keyword="REMOVE ME",
            limited=False,
            guard=r"(?:\b(?:did|dont|do not|never|not|didnt|why|who|they)(?: \w+){0,2}$)",
        ),
        rule(
            "leave_list",
            rf"(?:{START}|\b(?:want to|wish to|like to|need to|trying to|how (?:do|can|to)(?: i| we| you)?|let me) )(?:leave|quit|exit|get out of) (?:(?:this|the|your|these|ur) )?(?:{LISTS}|group text|text group|{TEXTS})(?: \w+)?{AGAIN}{END}|how (?:do|can) i (?:leave|get out of) (?:this|these){AGAIN}{END}",
            keyword="REMOVE ME",
            limited=False,
            guard=NEGATED,
        ),
        rule(
            "disregard_number",
            rf"{START}(?:disregard|discard) (?:my|this) (?:phone |cell )?(?:number|info|contact|phone)(?={END[3:-1]}| (?:and|or|please)\b)",
            keyword="REMOVE ME",
            limited=False,
        ),
        rule(
            "off_list",
            rf"{START}(?:remove|removed|take|delete|get|off|removal|me)(?: (?:off|from|out|of))* (?:your |this |the |ur )?{LISTS}{AGAIN}{END}"
            rf"|(?:list removal|removal (?:from|request)|request(?:ing)? removal)(?: (?:from|of))?(?: (?:this|your|the|my number))?(?: {LISTS})?{AGAIN}{END}",
            keyword="REMOVE ME",
            limited=False,
            guard=r"(?:\b(?:did|dont|do not|never|not)$)",
        ),
        rule(
            "want_removed",
            rf"(?:need|want|like|wish|have|get|prefer|asked|requesting)(?: (?:to|be|me|us|my|our|this|number|name|phone|info|please|from|be))* (?:removed|deleted|taken off|taken out)(?: (?:from|off|out))?(?: (?:of|your|the|this|all|any))*(?: {LISTS})?{AGAIN}{END}",
            keyword="REMOVE ME",
            limited=False,
            guard=rf"{NEGATED}|(?:\b(?:do|does|did|when|how|can|will|the|my|a|should)(?: \w+){{0,3}}$)",
        ),
        rule(
            "want_off",
            rf"(?:{START}|(?:i|id|we|to|me|please|just) )(?:(?:want|wanna|need|like|love|get|let|please|help|me|us|to|be|off|asking|asked|really|would) )+(?:off|out)(?: of)?(?: (?:this|your|the|all|ur|of|these))*(?: (?:{LISTS}|{TEXTS}|thing|chain|mess|loop)){AGAIN}{END}|{START}(?:(?:i|id|we) (?:just |really )*(?:want|wanna|need|like|would like)(?: to (?:be|get))? (?:off|out)|(?:get|let) (?:me|us) (?:off|out))(?: of)?(?: (?:here|this|it|these))?{AGAIN}{END}",
            keyword="REMOVE ME",
            limited=False,
            guard=NEGATED,
        ),
        rule(
            "off_your_list",
            rf"(?:(?:off|out|off of|out of|from) (?:your|ur|this|all) (?!other|wait)(?:\w+ )?|(?:off|out|off of|out of) the ){LISTS}{AGAIN}{END}",
            keyword="REMOVE ME",
            limited=False,
            guard=r"(?:\b(?:remove|take|delete|add|put)(?: the| an?)? (?!me\b|us\b|my\b|this\b|him\b|her\b|them\b|number\b|name\b|it\b|please\b|our\b)\w+(?: \w+)?$)|(?:\b(?:come|came|item|items|products?|ordered?|pick|picked|one|thing|things|something|sold|did|was|not|dont|why|crossed?|wait|out)(?: \w+){0,3}$)",
        ),
        rule(
            "number_is_removed",
            r"(?:make sure|ensure|see)(?: to it)?(?: that)? (?:my|this|our) (?:\w+ )?(?:number|name|phone|info)(?: (?:is|gets|be|has|been))+ (?:removed|deleted|taken off|off)",
            keyword="REMOVE ME",
            limited=False,
        ),
        rule(
            "to_be_removed",
            rf"(?:be|being|get|getting|been) (?:removed|taken off|deleted|taken out|took off)(?: (?:from|off|out|of|your|ur|the|this|all|any|these))*(?: {LISTS}| {TEXTS}| {NEWS}{AGAIN}{END})"
            rf"|(?:how|may|want|wants|like|love|asked|ask|asking|request|requesting|requested|need|wish|appreciate|prefer|demand|please|trying)(?: (?:to|do|can|i|for|me|us|my|our|this|number|name|phone|info|have|having|be|get|being))*? (?:be|being|get|getting) (?:removed|taken off|deleted|taken out|took off)(?: (?:from|off|of|this|it))*{AGAIN}{END}"
            rf"|my (?:phone |cell )?(?:number|name|info)(?: (?:should|must|needs|need|to|can|could|please|has))+ (?:be|get) (?:removed|taken off|deleted){AGAIN}{END}",
            keyword="REMOVE ME",
            limited=False,
            guard=r"(?:\b(?:will|did|dont|do not|not|why|was|cant|have|it|stain|should|can the|the \w+|items?|they|when|how long)(?: \w+){0,3}$)",
        ),
    ),
    on(
        "lose loose forget delete leave get fuck piss bugger buzz fk eff off rid throw ditch trash burn alone away lost discard dump wipe purge let",
        rule(
            "lose_my_number",
            r"(?:please |just |go )?(?:lose|loose|forget|delete|erase|trash|burn|ditch|discard|dump|wipe|purge|get rid of|throw (?:away|out)) (?:my|this|our|the|these) (?:number|num|digits|info|contact|phone number|cell)(?! \d)",
            guard=r"(?:\b(?:did|dont|do not|i|you|will|never|not|if|they|cant|u|would)(?: \w+)?$)",
        ),
        rule(
            "leave_me_alone",
            r"leave (?:me|us|my family|my phone|my number|this number|my inbox) (?:the )?(?:hell |heck |fuck |f |tf |fk |freak |fucking )?(?:alone(?! with)|in peace|be(?= \||$)|out of (?:this|it))",
            guard=r"(?:\b(?:dont|do not|never|wont|cant|will not|didnt|to|they|he|she)$)",
        ),
        rule("left_alone", rf"(?:be|get) left alone{AGAIN}{END}", guard=NEGATED),
        rule(
            "off_my_phone",
            rf"{START}(?:get|stay) (?:the \w+ )?(?:off|out)(?: of)? (?:my|this|our) (?:phone|cell|inbox|line|messages|texts){AGAIN}{END}",
        ),
        rule(
            "go_away",
            rf"{START}(?:go away|get lost|buzz off|(?:fuck|fk|fck|eff|f|piss|bugger|bug|back|sod|naff|jog|f ck|f ing|f k) (?:off|right off|the fuck off)|take a hike|kick rocks|let me be){AGAIN}{END}",
        ),
    ),
    on(
        "unsubscribe unsub unsubscribed unsubscribing unsuscribe",
        rule(
            "unsubscribe",
            rf"(?:{START}|\b(?:to|please|pls|plz|can (?:you|u|i)|could you|would you|you|i|must|will|just|and|me|now|can someone|so|immediately|also) )(?:be )?(?:unsubscribed?|unsub)(?: (?:me|us|my (?:phone|number|cell|account)|this number|from (?:all|this|these|your|the|ur|future|everything|here|it)|from(?= (?:\w+ )?(?:{LISTS}|{TEXTS}))|now|please|pls|plz|immediately|asap|thanks|already|all))*{AGAIN}(?={END[3:-1]}| (?:and|or|i|im|because|before|this|you|u|we|not|dont|since|as|my|if|wrong|{TEXTS}|{LISTS}|text|sms|number|phone|line|cell|crap|shit|bs|garbage|nonsense|service|thing|stuff|group|{NEWS}|\w+ (?:texts|messages|alerts|notifications|texting))\b)",
            keyword="UNSUBSCRIBE",
            limited=False,
            guard=r"(?:\b(?:not|dont|do not|never|didnt|wont|did|am|are|dont want|do not want|want you|why (?:did|was|am)|was|got|get|instead of|without|accidentally|if)(?: (?:i|you|it|to|u|they|want|wish|need|like|plan|planning|intend|going|gonna|have|get|me|wanna|ask|asked|wanted|requested|meant|mean|trying|tried))*$)",
        ),
        rule(
            "want_to_unsubscribe",
            r"(?:want|wanna|like|need|wish|ask|asked|asking|tried|trying|try|request|requesting|requested|prefer|hereby|how (?:do|can|to|would)|told|going|choose|decided|please|pls|let me|keep|help me|attempting)(?: (?!dont|not|never|accidentally|didnt|if|whether|know)\w+){0,5} (?:to )?(?:be )?(?:unsubscribed?|unsub|unsubscribing)(?! (?:from|to) (?!all|this|these|your|the|ur|future|any|it|everything|texts?|sms|you|here|getting|receiving)\w)",
            keyword="UNSUBSCRIBE",
            limited=False,
            guard=r"(?:\b(?:dont|do not|didnt|never|not|no)(?: \w+)?$)",
        ),
        rule(
            "unsubscribing",
            rf"(?:im|i am|i will be|we are) (?:now |hereby )?unsubscribing|{START}unsubscribing{AGAIN}{END}|(?:i )?(?:have )?already unsubscribed{AGAIN}{END}",
            keyword="UNSUBSCRIBE",
            limited=False,
            guard=r"(?:\b(?:why|if|have|am|not|did|was)(?: \w+)?$)",
        ),
        rule(
            "already_unsubscribed",
            r"(?:already|previously|have|ive|i|twice|times?)(?: \w+)? unsubscribed(?: (?:from|to) (?:this|these|your))?(?: \w+)?(?: (?:twice|\d+ times|times|already|before|and (?:i )?(?:still|keep|am)|but (?:i |im |you )?(?:still|keep)|multiple|several|many|three|four|again|why|weeks?|months?|days?))",
            keyword="UNSUBSCRIBE",
            limited=False,
        ),
    ),
    on(
        "opt opting optout opted out",
        rule(
            "opt_out",
            rf"(?:{START}|\b(?:to|please|pls|plz|can (?:you|u|i)|could you|must|will|just|id like|and|me|i|im|am|hereby|let me|wish) )(?:be )?(?:opt(?:ed|ing)? ?(?:me |us |my number |this number |this phone )?out|optout)(?: (?:me|us|now|please|asap|immediately|already|here))?(?: (?:of|from)(?: (?:all|this|these|your|ur|the|any|and|future|further|receiving|getting|everything|it|here|this whole|text))*(?: (?:{TEXTS}|{LISTS}|communications?|contact|campaign|service|subscription)| (?={TEXTS})|(?={AGAIN}(?: \||$))))?{AGAIN}(?={END[3:-1]}| (?:and|or|i|im|because|before|this|you|we|not|dont|since|as|my|immediately|{TEXTS}|text|sms)\b)",
            keyword="OPT OUT",
            limited=False,
            guard=r"(?:\b(?:^am|^are|not|dont|do not|do|does|should|when|will|never|didnt|wont|did|dont want|do not want|why|was|can i still|instead of|without|if|accidentally|will not)(?: (?:i|you|to|u|it|get|want|wanna|me|mean|meant|intend|try|trying|wish|need|like|plan|planning|going|gonna|have))*$)",
        ),
        rule(
            "already_out",
            r"(?:already|previously|have|ive|i)(?: \w+)? opted out(?: of (?:this|these|your))?(?: \w+)? (?:twice|\d+ times|times|already|before|and (?:i )?(?:still|keep|am)|but (?:i |im |you )?(?:still|keep)|multiple|several|many|three|four|again|why|weeks?|months?|days?)|(?:already|previously) opted out",
            keyword="OPT OUT",
            limited=False,
            guard=r"(?:\b(?:not|havent|accident)$)",
        ),
        rule(
            "how_to_opt_out",
            rf"how (?:do|can|to|would|could|does)(?: (?:i|we|one|you|someone|u|get))* opt ?(?:me )?out(?: of (?:this|these|your|the|all|ur|receiving|getting|everything|it)(?: \w+){{0,2}})?{AGAIN}{END}",
            keyword="OPT OUT",
            limited=False,
        ),
    ),
    on(
        "deactivate deregister unregister unenroll disenroll unlist exclude purge omit eliminate unlink discontinue withdraw",
        rule(
            "how_to_unenroll",
            rf"(?:how|where|can)(?: \w+){{0,4}} (?:unenroll|deregister|disenroll|unregister|deactivate)(?: me| myself| my number)?{AGAIN}{END}",
            keyword="UNSUBSCRIBE",
            limited=False,
        ),
        rule(
            "unenroll",
            rf"{START}(?:deactivate|deregister|unregister|unenroll|disenroll|unlist|exclude|purge|omit|eliminate|unlink|discontinue|withdraw) (?:me|us|my (?:\w+ )?number|this (?:\w+ )?number)(?={END[3:-1]}| (?:now|please|and|i|im)\b| (?:from|off|out)(?: of)? (?:your|this|all|any|these|future|further|the {LISTS}|texts|messages)\b)",
            keyword="UNSUBSCRIBE",
            limited=False,
        ),
    ),
    on(
        "back retract revoke withdraw withdrawing rescind revoking withdrawn revoked rescinding",
        rule(
            "revoke_consent",
            r"(?:consent|permission|authorization)(?: (?:is|was|has been|hereby|now|are))* (?:revoked|withdrawn|rescinded)|(?:revok(?:e|ing|ed)|withdraw(?:ing|n)?|rescind(?:ing|ed)?|tak(?:e|ing) back|retract(?:ing)?|cancel(?:ing)?)(?: \w+){0,4} (?:consent|permission|authorization|agreement|opt ?in|approval)",
            keyword="REVOKE",
            limited=False,
            guard=r"(?:\b(?:dont|do not|didnt|not|never|cant|if|can i)(?: \w+)?$)",
        ),
    ),
    on(
        "honor honour process respect acknowledge removal rid consider accept take treat opt unsubscribe cancel end terminate block blocked blocking disable discontinue turn shut deactivate pause kill cancell",
        rule("turn_off", rf"(?:turn|shut|switch) {FILL}{TEXTS} off", guard=rf"{NEGATED}|(?:\b(?:how did|did|i)$)"),
        rule(
            "cancel_texts",
            rf"(?:cancell?|end|terminate|block|disable|discontinue|turn off|shut off|deactivate|kill) {FILL}(?:te?xts?|txts?|te?xting|text messages?|messages|msgs|sms(?:es)?|notifications?|alerts|promos|promotions|ads|spam|text subscription|text updates?|communications?(?! (?:with|between))|correspondence|subscription to (?:\w+ ){{0,3}}(?:texts|messages|msgs|alerts|sms))",
            keyword="CANCEL",
            guard=rf"{NEGATED}|(?:\b(?:did|how did|if|i|week|the)(?: \w+)?$)",
        ),
        rule(
            "turn_these_off",
            rf"{START}(?:(?:how|where|can)(?: \w+){{0,3}} )?(?:turn|shut|switch) (?:these|this|those|all this|all these|them)(?: (?:{TEXTS}|shit|crap))? off{AGAIN}{END}|{START}(?:turn|shut|switch) off (?:these|this|those|all this|all these|them){AGAIN}{END}",
        ),
        rule(
            "end_subscription",
            rf"{START}(?:cancel|end|terminate|stop) (?:my |this |the |all )?(?:text |sms )?subscriptions?(?: to (?:this|these|it|your \w+))?{AGAIN}{END}|{START}(?:(?:i|id) )?(?:want|wish|like|need|would like) to (?:end|stop|terminate) (?:this|my|the) (?:text |sms )?subscription{AGAIN}{END}",
            keyword="CANCEL",
        ),
        rule(
            "cancel_subscription",
            rf"{START}(?:(?:i )?(?:want|need|would like|like|wish)(?: you)? to )?(?:cancel|end|terminate) (?:my |this |the |your )?(?:text |sms |texting |message |messaging )(?:subscription|service|membership|plan|program)",
            keyword="CANCEL",
        ),
        rule(
            "block_me",
            rf"{START}block (?:me|us|my (?:number|phone|cell)|this (?:number|phone)){AGAIN}{END}",
            keyword="BLOCK",
        ),
        rule(
            "how_to_cancel",
            rf"how (?:do|can|to|would)(?: (?:i|we|you|one))? (?:cancel|end|block|disable|terminate|get rid of|turn off) {FILL}(?:te?xts?|txts?|text messages?|messages|msgs|sms|alerts|notifications|(?:this|the) (?:service|subscription){AGAIN}{END}|(?:this|these){AGAIN}{END})(?! (?:on|for|from) my)",
            keyword="CANCEL",
            limited=False,
        ),
        rule(
            "get_blocked",
            rf"(?:youre|you are|ur|u r|this number is|your number is)(?: (?:getting|being|now|about to be|gonna be|going to be))* blocked{AGAIN}{END}|{START}(?:(?:i have|ive|i) (?:just |already )?)?(?:blocked|blocking) (?:you|u|this number|your number|and report\w*|and delet\w*){AGAIN}{END}|(?:you|youll|youve|your number)(?: (?:will|have|has|been|be|is|now|getting|being|are))+ blocked{AGAIN}{END}|youll be blocked|{START}report(?:ed|ing)? and block(?:ed|ing)?{AGAIN}{END}|to my block(?:ed)? list|consider (?:this|your|yourself)(?: number)? blocked",
            keyword="BLOCK",
            limited=False,
            guard=r"(?:\b(?:if|why|says|said|saying)$)",
        ),
        rule(
            "honor_request",
            r"(?:honou?r|process|respect|acknowledge) (?:my|our|this|the) (?:\w+ ){0,2}?(?:opt ?out|request to (?:stop|opt out|unsubscribe|be removed|be taken off)|(?:stop|unsubscribe|removal|opt out) request|removal|unsubscribe)",
            keyword="OPT OUT",
            limited=False,
        ),
        rule(
            "requested_removal",
            r"request(?:ed|ing)? (?:a )?removal(?! of (?!my number|my name|my info|me|this number))",
            keyword="REMOVE ME",
            limited=False,
        ),
        rule("cancel_me", rf"{START}cancel (?:me|my number|this number)(?: out)?{AGAIN}{END}", keyword="CANCEL"),
        rule(
            "formal_request",
            rf"(?:consider|accept|take|treat|regard) (?:this|it)(?: \w+)? (?:as )?(?:my|a|an|our|me) (?:\w+ )?(?:opt ?out|opting out|request to (?:unsubscribe|stop|opt out|be removed)|unsubscribe|unsubscribing|removal|notice to stop|revocation)|this is (?:my|a|an) (?:\w+ )?(?:opt out|unsubscribe)(?: (?:notice|request|message|text))?{AGAIN}{END}",
            keyword="OPT OUT",
            limited=False,
        ),
        rule("blocking", rf"{START}blocking (?:you|this|your)(?: number)?{AGAIN}{END}", keyword="BLOCK"),
        rule(
            "blocking_you",
            r"(?:im|i am|i will|ill|ima|im gonna|going to|gonna|will be|about to)(?: (?:just|now|be|gonna|going to|also))* (?:block(?:ing)?) (?:you|u|this|your|ur|yall|ya|the number)(?: (?:number|guys|people|texts))?|and (?:am |will be )?blocking (?:you|u|this number|your number)",
            keyword="BLOCK",
            limited=False,
            guard=r"(?:\b(?:not|if you dont|dont make me)$)",
        ),
    ),
)
