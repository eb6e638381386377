"""Phrases that tell somebody to stop: stop texting, why are you texting, sick of these. Data."""

from typing import Final

from processors.optout.phrase_words import (
    AGAIN,
    DOING,
    END,
    FILL,
    FREE,
    GUARD_STOP,
    LATER,
    LISTS,
    ME,
    NEGATED,
    NEWS,
    OTHER,
    PESTERING,
    START,
    STOP,
    TEXTS,
    on,
    rule,
)

ROWS: Final = (
    on(
        "away stop quit cease halt discontinue knock lay cut stopping",
        rule(
            "stop_texting",
            rf"{STOP} {FILL}{DOING} {ME}(?! (?:(?:the|a|any|more|your|my|all) )*(?:{OTHER}\b|~))",
            guard=GUARD_STOP,
        ),
        rule(
            "stop_reaching",
            rf"{STOP} {FILL}(?:(?:blowing|lighting|filling|clogging|jamming|messing|tying|clutter\w+|flooding|bombing)(?: up)? (?:my|our|this|the) (?:phone|cell|line|inbox|messages|texts)|wasting (?:my|our|your|everyones) (?:time|money|data)|(?:hitting|blowing) (?:me|us|my (?:phone|line|cell)|this (?:phone|number))(?: up)?{AGAIN}{END}|reaching out(?: to (?:me|us))?{AGAIN}{END})",
            guard=GUARD_STOP,
        ),
        rule("stop_calling", rf"{STOP} {FILL}calling(?: (?:and|or) \w+)?(?: {ME})?{AGAIN}{END}", guard=GUARD_STOP),
        rule(
            "stop_texts",
            rf"{STOP} {FILL}(?:{TEXTS}|contacting|bothering|harr?ass?ing|contact|communications?)",
            guard=GUARD_STOP,
        ),
        rule(
            "stop_sending",
            rf"{STOP} (?:fuckin?g? )?sendin?g?(?: (?:me|us|these|this|them|those|that|it|stuff|things|anything|shit|crap|so much|to|my phone|junk))*{AGAIN}{END}",
            guard=GUARD_STOP,
        ),
        rule(
            "stop_sending_things",
            rf"{STOP}(?: \w+ing)? sendin?g?(?! (?:the|an?|my|our|his|her|their)\b){FREE}{{0,9}}{END}",
            guard=rf"{GUARD_STOP}|(?:\b(?:you|u|they)$)",
        ),
        rule("stop_news", rf"{STOP} (?:with )?{FILL}{NEWS}{AGAIN}{END}", guard=GUARD_STOP),
        rule(
            "stop_asking",
            rf"{STOP} (?:{FILL})(?:asking|begging|hounding|pressuring|nagging|hassling|bombarding|flooding|blasting|stalking|scamming|targeting|"
            rf"trolling|panhandling|harass?ing|bugging|guilt tripping)(?: (?:me|us|people|my phone|my inbox|this number))?(?: about(?: \w+){{1,3}}|(?: (?:for|to|with|about)"
            rf"(?: (?:my|our|your|more|the|any|all|these|this|so many))?(?: (?:money|donations?|donate|contribut\w+|cash|votes?|support|give|texts|"
            rf"messages|shit|crap|stuff|surveys?|reviews?|feedback|politics|nonsense|junk|it))?))?{AGAIN}{END}",
            guard=GUARD_STOP,
        ),
        rule(
            "how_to_stop",
            rf"(?:how|what|who)(?: \w+){{0,7}} to (?:stop|quit|end) {FILL}(?:{TEXTS}|communications?|(?:these|this|your){AGAIN}{END})(?! (?:on|for|from|about) my\b)|(?:how|what)(?: \w+){{0,7}} (?:stop|quit|end) {FILL}(?:{TEXTS}|communications?|(?:these|this|your){AGAIN}{END})(?! (?:on|for|from|about) my\b)",
            limited=False,
            guard=r"(?:\b(?:know|no idea)$)",
        ),
        rule(
            "will_you_stop",
            rf"(?:can|could|would|will|wont|cant|couldnt|why dont|why cant|why wont) (?:you|u|yall|you guys|you people|someone|somebody)(?: \w+)? (?:just |please |all |kindly )*stop{AGAIN}{END}",
            limited=False,
            guard=NEGATED,
        ),
        rule(
            "stop_subscription",
            rf"{STOP} (?:this|my|the|your) (?:text |sms |message )?(?:subscription|service|alerts|nonsense|madness|crap|shit|bs|harass?ment){AGAIN}{END}",
            guard=rf"{GUARD_STOP}|(?:\bused to$)",
        ),
        rule(
            "make_it_stop",
            rf"(?!make them)(?:want|need|like|make|get|love)(?: for)? (?:this|it|these|them|you|u|(?:all )?(?:the|these|those|your|this) (?:\w+ )?(?:texts|messages|msgs|alerts|notifications|texting)|all this|all these) (?:\w+ )?(?:to )?(?:stop|cease){AGAIN}{END}",
            guard=rf"{NEGATED}|(?:\b(?:lets|never|yes)(?: \w+)?$)",
        ),
        rule(
            "say_stop",
            rf"how many (?:more )?times (?:\w+ ){{1,6}}(?:say|said|text|reply|type|tell you|send|sent|tell you to) (?:to )?stop{END}",
            limited=False,
        ),
        rule(
            "must_stop",
            rf"(?:(?:these|the|your|all these|those) (?:\w+ )?(?:texts|messages|msgs|alerts|notifications)|this texting) (?:really |just |all )?(?:needs?|has|have|must|gotta|should|better|got)(?: got)?(?: to)? (?:stop|cease|end){AGAIN}{END}"
            rf"|(?:you|u|yall|you guys|you people|ya) (?:all |guys |people |really |just |seriously )*(?:need|needs|have|gotta|got|must|should|better|wanna)(?: to)? (?:really |just )?stop(?: (?:this|it|that|{FILL}{DOING}(?: {ME})?))?{AGAIN}{END}",
            guard=rf"{NEGATED}|(?:\b(?:why|if|when|think|do|said)$)",
        ),
        rule(
            "this_must_stop",
            rf"^(?:this|these) (?:really |just |all )?(?:needs?|has|have|must|gotta|should|better)(?: got)?(?: to)? (?:stop|cease|end){AGAIN}(?: \|)?$",
        ),
        rule(
            "stop_some_texts",
            rf"{STOP} (?:with )?(?:the|these|all|all the|your|those|sending|sending the|ur) \w+ (?:texts|messages|alerts|notifications|msgs|txts|texting|reminders)",
            guard=GUARD_STOP,
        ),
        rule(
            "cut_it_out_with",
            rf"(?:cut|knock|quit|stop|give) (?:it|that|this)(?: (?:out|off|a rest))?(?: already| now| please)? with {FILL}{TEXTS}",
            guard=GUARD_STOP,
        ),
        rule(
            "way_to_stop",
            rf"(?:is there|theres|any|there)(?: \w+){{0,2}} way(?: \w+){{0,3}} to (?:stop|end|turn off|block) (?:these|this|it|them|{FILL}(?:{TEXTS}|communications?)){AGAIN}{END}"
            rf"|what (?:do|can|should|must|word)(?: i| we| do i)*(?: (?:text|reply|send|say|type|have to|need to|do|reply with))+ to (?:stop|quit|end)(?: (?:this|these|it|{TEXTS}|getting|receiving|the|all))*{AGAIN}{END}",
            limited=False,
        ),
        rule(
            "stop_pestering",
            rf"{STOP} (?:\w+ly )?{PESTERING}(?: (?:me|us|people|everyone|everybody|my \w+|this number|folks|others|on my phone))?(?=(?: (?:to|in|on|with|for|about|up|at|your|these|this|any|random|my|me)\b(?: (?!(?:{OTHER}|{LATER})(?: |$))\w+){{0,5}})?{AGAIN}(?: \||$))",
            guard=GUARD_STOP,
        ),
        rule(
            "tell_your_bot",
            rf"(?:tell|get|make|have|ask) (?:your|ur) (?:\w+ ){{1,2}}?(?:to )?stop(?: {FILL}{DOING}(?: {ME})?)?{AGAIN}{END}",
        ),
        rule(
            "understand_stop",
            r"what part of (?:the word )?(?:stop|unsubscribe|no|do not|dont|leave)(?: \w+){0,6}|stop means stop|(?:do|can|cant|dont) (?:you|u|yall) (?:not )?(?:understand|know|comprehend|read|get)(?: \w+){0,4} (?:stop|unsubscribe)",
            limited=False,
        ),
        rule(
            "make_go_away",
            rf"(?:make|get) (?:it|this|these|them|{FILL}{TEXTS})(?: to)? go away{AGAIN}{END}",
        ),
        rule("stop_doing_this", rf"{START}(?:stop|quit) doing (?:this|that|it){AGAIN}{END}"),
        rule("stop_or_else", rf"{START}stop(?: \w+){{0,2}} or (?:else|whatever|i|ill|im|we|my)"),
        rule("cease_and_desist", r"cease and desist", limited=False),
        rule(
            "told_to_stop",
            rf"(?:ask|asked|asking|told|telling|tell|said|begged|begging|beg|requested|want|wanted|need|like|warned)(?: \w+)? (?:you|u|yall|ya|you guys|you people|these|this|it|them)(?: (?:all|guys|people|already|twice|before|repeatedly|now))* (?:to )?(?:please )?(?:stop|quit|cease)(?: (?:doing )?(?:this|that|it|these|them|already))?{AGAIN}{END}",
            guard=r"(?:\b(?:never|didnt|did not|not|dont|who)(?: \w+)?$)",
        ),
        rule(
            "were_told_to_stop",
            r"(?:were|was|been|got) (?:told|asked|instructed|warned)(?: \w+)? to (?:stop|quit|cease|unsubscribe)(?= \||$| texting| messaging| contacting)",
            guard=r"(?:\b(?:i|ive|we|he|she|my \w+)(?: have| had)?$)",
        ),
        rule(
            "replied_stop",
            r"(?:replied|reply|texted|sent|said|typed|answered|responded|text|texting|sending|replying|put|wrote|saying)(?: \w+){0,3} stop (?:\d|\w+ (?:time|times)|already|before|again|and (?:\w+ )?(?:i |you |u )?(?:still|keep|get|am|im)|but|yesterday|last|so many|multiple|several|twice|many)",
            limited=False,
            guard=r"(?:\b(?:should|can|do|may|did|have|will|must|if|when) i(?: have to| need to| just)?$)",
        ),
        rule(
            "after_stop",
            r"(?:after|though|when|since|although) (?:i|ive|i have|we)(?: \w+){0,3} (?:said|texted|replied|sent|told|asked|typed|say|texting|saying)(?: \w+){0,4} (?:stop|unsubscribe)",
            limited=False,
            guard=r"(?:\b(?:what|if|still)(?: \w+){0,4}$)",
        ),
        rule(
            "wish_to_stop",
            rf"(?:want|wanna|like|need|wish|how (?:do|can|to)|please|trying|try)(?: (?!dont|not|never|without)\w+){{0,3}} stop (?:getting|receiving|recieving|these|all|the|your|this|them){AGAIN}(?: {FILL}{TEXTS}|{END})",
            guard=r"(?:\b(?:dont|do not|didnt|never|not)$)",
        ),
        rule(
            "stop_getting",
            rf"(?:stop|quit) (?:getting|receiving|recieving) {FILL}(?:{TEXTS}|these|this)",
            guard=r"(?:\b(?:why did|dont|do not|did|never|not|cant)(?: \w+){0,3}$)",
        ),
    ),
    on(
        "refrain abstain desist",
        rule(
            "refrain",
            rf"(?:refrain|abstain|desist) (?:from )?(?:\w+ ){{0,2}}?(?:{DOING}|calling|communicat\w+)",
            guard=rf"{NEGATED}|(?:\b(?:i|ill|we|to)$)",
        ),
    ),
    on(
        "again time keep more next another",
        rule(
            "once_more",
            r"(?:keep (?:texting|messaging|contacting|sending|spamming)(?: \w+){0,2}|(?:one more|another|next|1 more) (?:text|message|msg)(?: from you)?) (?:and|or) (?:i|ill|im|i will|i am|im going to)(?: \w+){0,3} (?:sue|report|reporting|block|blocking|call the|calling the|police|lawyer|attorney|fcc|ftc|complaint)\b",
            limited=False,
        ),
        rule(
            "if_again",
            r"(?:text|message|contact|call|msg|txt)(?: (?:me|us|this number|my phone))? (?:again|one more time|another time|1 more time)(?: \w+)? (?:and|or) (?:i|ill|im|we|my|you|youll|ur)\b"
            r"|(?:report|sue|lawyer|attorney|police|court|block|fcc|ftc|blocking|authorities|legal action)(?: \w+){0,6} if (?:you|u|i|yall|this)"
            r"(?: \w+){0,2} (?:text|message|contact|txt|send|get|receive|call)(?: \w+){0,4} again"
            r"|if (?:you|u|i|yall|this)(?: \w+){0,3} (?:text|message|contact|txt|send|get|receive|call|hear)(?: \w+){0,4} again(?: \|)? (?:i|ill|im|we|you|youll|my)(?: \w+){0,4} "
            r"(?:report|sue|lawyer|attorney|police|court|block|fcc|ftc|blocking|blocked|authorities|legal|calling)\w*",
            limited=False,
        ),
    ),
    on(
        "stoop spot shop step top sop stow slop snop stub stob stot stof swop stomp sto",
        rule(
            "slip_texting",
            rf"{START}(?:stoop|spot|atop|sop|shop|step|stow|top|slop|snop|stub|stob|stot|stof|swop|stomp|sto) (?:texting|messaging|contacting|sending|bothering|spamming|calling) {ME}{AGAIN}(?={END[3:-1]}| (?:i|and|or|you|this|please)\b)",
        ),
    ),
    on(
        "stopped quit",
        rule(
            "if_you_stopped",
            rf"(?:appreciate|great|nice|thankful|grateful|love|like|prefer|glad|happy|better)(?: \w+){{0,4}} (?:if )?(?:you|u|yall)(?: \w+)? (?:stopped|quit) {FILL}(?:{DOING}|{TEXTS})",
            guard=NEGATED,
        ),
    ),
    on(
        "why",
        rule(
            "why_texting",
            rf"why (?:(?:the )?(?:hell|fuck|heck|tf) )?(?:are|r|do|did|is(?! this)|would|am i|do i|you|u|have|does)(?: (?:you|u|ya|yall|guys|people|this number|this|still|always|constantly|keep|keeps|the (?:hell|fuck|heck)|tf|even|fuckin?g?|it|been|getting|receiving|so much))* (?:{DOING}|text|message|send|contact|spam|bother)(?: (?:me|us|this number|my (?:phone|number|cell)|these|this|texts|messages|so (?:much|many)|stuff|shit|crap|spam|to))*(?: (?:again|still|all the time|every day|everyday|constantly|anymore|at all|so much|now|please|right now|messages|texts|man|bro|dude|sir|{TEXTS}))*{END}",
            limited=False,
            guard=r"(?:\b(?:wonder|know|see|understand)$)",
        ),
        rule(
            "why_still",
            rf"why (?:am|are|do) (?:i|we) (?:(?:still|even|always|constantly|keep|now|suddenly) )*(?:getting|receiving|recieving|get|receive|on|being) {FILL}(?:{TEXTS}|texted|messaged|contacted|{LISTS}|these)",
            limited=False,
        ),
    ),
    on(
        "hate despise stand dislike wants asked over",
        rule(
            "hate_texts",
            rf"(?:hate|despise|cant stand|dislike|so over|im over|i am over) (?:getting |receiving |all )?(?:these|your|the|all these|this|ur|getting) {FILL}(?:texts|messages|msgs|txts|text messages|spam|texting){AGAIN}{END}"
            rf"|(?:nobody|no one|noone)(?: \w+){{0,4}} (?:wants|asked for|needs|likes) (?:these|your|this|all these|the|ur)(?: {FILL}{TEXTS})?{AGAIN}{END}",
            guard=NEGATED,
        ),
    ),
    on(
        "someone somebody",
        rule(
            "text_another",
            rf"{START}(?:go )?(?:text|bother|message|harass|spam|annoy|pester|bug|contact) (?:someone|somebody) else{AGAIN}{END}",
        ),
    ),
    on(
        "sick tired done fed enough had over pack",
        rule("enough_texts", rf"{START}(?:enough|pack it in) {FILL}{TEXTS}(?: will you)?{AGAIN}{END}"),
        rule(
            "sick_of",
            rf"(?:sick|tired|fed up|sick and tired|done|enough|had it|had enough|through|over it|finished)(?: already)? (?:of|with|w)(?: (?:getting|receiving|all|the|these|your|this|ur|so many|constant|being))* {FILL}(?:{TEXTS}|texted|harassed|spammed|contacted)",
            guard=rf"{NEGATED}|(?:\b(?:not|never|arent|if|are you|when|until)$)",
        ),
    ),
)
