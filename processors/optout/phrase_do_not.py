"""Phrases that forbid: do not text, no more messages, do not want these. Data."""

from typing import Final

from processors.optout.phrase_words import (
    AGAIN,
    DO,
    DOING,
    END,
    FILL,
    FREE,
    LISTS,
    ME,
    NEGATED,
    NEWS,
    START,
    TEXTS,
    on,
    rule,
)

ROWS: Final = (
    on(
        "refuse decline",
        rule(
            "refuse_texts",
            rf"(?:refuse|decline) (?:to (?:receive|get|be)|all|any|these|this|further|future|your|receiving)(?: {FILL}(?:{TEXTS}|texted|contacted|communications?))?{AGAIN}{END}",
            guard=NEGATED,
        ),
    ),
    on(
        "rather prefer",
        rule(
            "rather_not",
            rf"(?:rather|prefer) (?:you )?(?:not|didnt|dont)(?: to)?(?: (?:be|get|getting|receive|receiving|text|send|texted|contacted|have|me|these|any|your|on))+(?: {FILL}(?:{TEXTS}|texted|contacted|{LISTS}))?{AGAIN}{END}",
        ),
    ),
    on(
        "dont do did didnt never no not without circumstances sure should shouldnt supposed object",
        rule(
            "do_not_text",
            rf"(?:do not|dont|never|no not|donot|do t) (?:you )?(?:ever |please |even |dare |fuckin?g? |you ever )*(?:(?:be|keep|bother) {DOING}|{DO}|text or call|call or text)(?: or (?:text|call|message|contact|email))?{AGAIN}(?: {ME})?{AGAIN}(?={END[3:-1]}| (?:or|and|i|im|because|cuz|bc|as|since|this|u|you|we|unless|if|about|after|before|at|on|during|while|in|until|till|for|so|too|w|with|from|every|again|anymore|next|any|wrong|not|no|ever|with|it|its|it|please|when|between|regarding|over|only)\b)",
            guard=r"(?:\b(?:i|we|you|u|they|he|she|it|who|that|people|kids|ill|id|youd|why|customers|drivers|if|to|could|and i|still|also)$)",
        ),
        rule(
            "do_not_text_me",
            rf"(?:do not|dont|never|no) (?:you )?(?:ever |please |even |fuckin?g? |you ever )*{DO} {ME}(?: more)?{AGAIN}(?={END[3:-1]}| (?:and|or|dont|do not|never|i|im|ive|its|this|you|u|we|stop|remove|or else|because|cuz|unless you want)\b)",
            guard=r"(?:\b(?:i|we|you|u|they|he|she|it|who|that|people|youd|still|why|could)$)",
        ),
        rule(
            "do_not_send",
            rf"(?:do not|dont|never) (?:ever |please )?(?:send|keep sending) (?:me |us |her |him |them |anyone |my \w+ |to me )?(?:{FILL}{TEXTS}|(?:anything|(?:any ?more|more)?(?: ?of)? ?(?:these|this|those|that)|any more|anymore|more|them|(?:\w+ ){{0,2}}(?:stuff|shit|crap|junk|bs|garbage|bullshit|propaganda|nonsense)|nothing)(?: (?:else|more|here))?{AGAIN}{END})",
            guard=r"(?:\b(?:i|we|you|u|they|he|she|it|who|if|why)$)",
        ),
        rule(
            "do_not_send_things",
            rf"(?:do not|dont|never) (?:ever |please |you )*send{FREE}{{0,6}} (?:anymore|any more|again|ever|no more|period|to (?:me|this number|my phone)){AGAIN}{END}",
            guard=r"(?:\b(?:i|we|you|u|they|he|she|it|who|if|why)$)",
        ),
        rule(
            "under_no_circumstances",
            rf"under no circumstances(?: \w+){{0,3}} {DO}(?: {ME})?{AGAIN}{END}",
        ),
        rule(
            "no_send_me",
            rf"(?:no|not) (?:send|want|need|wish)(?: (?:me|more|this|any|these|no|to|you|receive))* (?:message|messages|text|texts|msg|msgs|sms|txt){AGAIN}{END}|{START}(?:i )?(?:no|not) (?:text|message|msg|txt) me(?: (?:more|no more))?{AGAIN}{END}",
            guard=r"(?:\b(?:why|if|you|u)$)",
        ),
        rule(
            "should_not_get",
            rf"(?:should not|shouldnt|should never|not supposed to|dont need to) (?:be |have been )?(?:getting|receiving|get|receive|on) (?:{FILL}(?:{TEXTS}|{LISTS})|these|this{AGAIN}{END})",
            guard=r"(?:\b(?:why|if|you|u)(?: \w+)?$)",
        ),
        rule(
            "not_consenting",
            rf"(?:i|we) (?:do not|dont|did not|didnt|never) (?:give )?(?:consent|consented|authori[sz]ed?){AGAIN}{END}|{START}no (?:permission|consent|authori[sz]ation)(?: (?:to (?:text|contact|message)|given|granted|for this))*(?: {ME})?{AGAIN}{END}",
            limited=False,
        ),
        rule(
            "never_gave",
            r"never (?:gave|given|provided) (?:you|u|yall|you guys|you people|anyone) (?:my|this) (?:cell |phone )?(?:number|phone|info|permission|consent)",
            limited=False,
        ),
        rule(
            "mark_do_not_text",
            rf"(?:preferences?|settings?|me|us|number|status|down) (?:to|as) (?:a )?(?:do not|dont|no) (?:text|contact|texts|texting|message|messages|call){AGAIN}{END}",
            limited=False,
        ),
        rule(
            "object_to",
            rf"(?:i|we) (?:hereby |strongly )?object to (?:(?:receiving|getting|these|this|your|all|any|direct|the) ?)+(?:{TEXTS})?|right to object to (?:direct )?marketing",
            limited=False,
        ),
        rule(
            "make_sure_not",
            rf"(?:make sure|ensure|see to it)(?: that)? (?:you|u|i|we|your \w+)(?: \w+)? (?:dont|do not|never|no longer|not)(?: ever)? (?:(?:text|contact|message|bother){AGAIN}(?: {ME})?{AGAIN}{END}|(?:send|get|receive)(?: me| us)? (?:{FILL}{TEXTS}|(?:any ?more|more)(?: of)? (?:these|this|those)|these))",
        ),
        rule(
            "do_not_include",
            rf"(?:do not|dont|never) (?:include|add|put|enroll|subscribe) (?:me|us|my number|this number)(?: (?:in|on|to|with|any|your|these|this|the|future|further|more))*(?: {FILL}(?:{TEXTS}|{LISTS}))",
            limited=False,
            guard=r"(?:\b(?:i|we|you|u|they|why|if)$)",
        ),
        rule(
            "not_another",
            rf"{START}not (?:one more|another|a single|1 more) (?:text|message|txt|msg){AGAIN}{END}",
        ),
        rule(
            "do_not_like",
            rf"(?:do not|dont) (?:accept|like|appreciate|welcome|enjoy)(?: (?:getting|receiving|to get))? {FILL}(?:te?xts?|messages|msgs|text messages|texting){AGAIN}{END}",
            guard=r"(?:\b(?:if|why|you|u|they|who)$)",
        ),
        rule(
            "never_signed_up",
            rf"(?:never|didnt|did not|dont remember|do not remember|dont recall) (?:ever )?(?:sign(?:ed|ing)? up|signed? on|subscribed?|subscribing|opt(?:ed|ing)? in|ask(?:ed)?|asking|consent(?:ed|ing)?|agreed?|agreeing|requested|authoriz\w+|enrolled)"
            rf"(?: (?:for|to|with))?(?: (?:get|getting|receive|receiving|be on|any of))*(?: (?:this|these|your|any|that|it|be (?:texted|contacted|messaged)|this list|your list))?(?: (?:{TEXTS}|{NEWS}|{LISTS}|crap|shit|bs))*{AGAIN}{END}",
            limited=False,
            guard=r"(?:\b(?:he|she|they|has|who|sorry|why|you|u|we|if)(?: \w+)?$)",
        ),
        rule(
            "no_consent",
            rf"(?:do not|dont|did not|didnt|never|no longer) (?:\w+ )?(?:consent|authori[sz]e|permit|agree|allow|give (?:you )?(?:consent|permission))(?: (?:you|for you|anyone|to|for|receiving|receive|being|be|get|getting|this|these|any|future|further|your|the))+"
            rf"(?: (?:{TEXTS}|{NEWS}|texted|contacted|messaged|send|text|contact|message)|{END})",
            limited=False,
            guard=r"(?:\b(?:if|why|you|they)$)",
        ),
        rule(
            "do_not_want",
            rf"(?:do not|dont|did not|didnt|no longer|never|not) (?:(?:really|even|fuckin?g?) )?(?:want|wanna|wish|need|like|care|wish|wanting|interested in|agree|consent)(?: (?:to|for|you|u|be|get|getting|receive|receiving|recieve|see|have|any|anymore|no|hear|sending|send|keep))* {FILL}(?:{TEXTS}|{NEWS}{AGAIN}{END}|texted|messaged|contacted|bothered|(?:text|contact|message|call|bother)(?:ing)? {ME}|part of (?:this|your|the) {LISTS}|from you(?: guys| people| all)?|hear from (?:you|this|them|u)|on (?:your|this|the|ur) {LISTS}|these{AGAIN}{END}|this (?:anymore|any more|no more){AGAIN}{END}|be contacted)(?! (?:to|me) (?:stop|end))",
            guard=r"(?:\b(?:why|if|you|u|miss)(?: \w+)?$)",
        ),
        rule(
            "no_more",
            rf"no (?:more|mor|mo|further) (?:{FILL}(?:{TEXTS}|\w+ (?:texts|messages|msgs|txts)|contact|calls?|communications?|correspondence|reminders|updates|requests|invites|invitations|newsletters|surveys|robo ?texts|(?:donation|political|campaign|fundraising) \w+|of (?:this|these|it|them|that|your)(?: \w+)?{END}|please{END}))(?! (?:today|tonight|right now|since|came|coming|this (?:week|morning)))",
            guard=r"(?:\b(?:there are|have|has|had|got|get|were|is|means|why)$)",
        ),
        rule(
            "no_texts",
            rf"no {FILL}(?:te?xts?|txts?|te?xting|text messages|messages|msgs|sms|spam|solicit(?:ing|ations?|ors?)|marketing)(?: messages?)?(?: (?:or|and|nor) (?:calls?|emails?|messages|texts))?{AGAIN}{END}",
            guard=r"(?:\b(?:have|got|get|received|see|there (?:is|are|was|were)|had|been|with|still|i|im|why|is|or)$)",
        ),
        rule(
            "no_longer",
            r"no longer (?:\w+ ){0,2}(?:receive|receiving|get|getting|be on|be contacted|be texted|hear from)",
            guard=r"(?:\b(?:why|do|if|can|will)(?: \w+){0,2}$)",
        ),
        rule(
            "do_not_use_number",
            r"(?:do not|dont|never) (?:ever )?(?:use|keep|share|have permission to (?:text|contact|use)) (?:my|this) (?:number|phone|cell|info)",
        ),
        rule(
            "no_permission",
            r"(?:do not|dont|did not|didnt|never|no)(?: \w+)? (?:have|has|had|gave|give|given|granted?)(?: (?:you|u|my|any|the|me))* (?:permission|consent|authorization) (?:to|for) (?:text|contact|message|call|use|send|these|this|any|receive|get|be|receiving)|(?:you|u) (?:do not|dont) have (?:my |any )?(?:permission|consent|authorization)(?= \||$)",
            limited=False,
        ),
        rule(
            "not_text",
            rf"(?:to not|not to) {DO}(?: {ME})?{AGAIN}{END}",
            guard=r"(?:\b(?:try|trying|tried|best|prefer|i)$)",
        ),
    ),
    on(
        "contact call text",
        rule("do_not_contact_list", rf"{START}(?:do not|no) (?:contact|call|text) list{AGAIN}{END}"),
    ),
    on(
        "desist disturb dnc",
        rule(
            "do_not_disturb",
            rf"{START}(?:desist|(?:put me on|add me to|on) (?:your |the )?(?:do not (?:call|text|contact|disturb)|dnc) list|do not disturb){AGAIN}{END}",
        ),
    ),
    on(
        "list registry",
        rule(
            "on_the_registry",
            r"(?:on|in) (?:the|your|a) (?:national |federal |state )?(?:do not|dont|dnc) ?(?:call|text|contact)? ?(?:list|registry)",
            limited=False,
        ),
        rule(
            "do_not_call",
            r"(?:put|add|place) (?:me|my number|us|this number) (?:on|to) (?:your |the |a )?(?:do not|dont|dnc|no contact|no text|no call)(?: \w+)?(?: \w+)? ?(?:list|registry)?",
            limited=False,
        ),
    ),
)
