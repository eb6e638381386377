"""Phrases that say that somebody else is meant: wrong number, no such person here. Data."""

from typing import Final

from processors.optout.phrase_words import AGAIN, END, NUMBER, START, on, rule

ROWS: Final = (
    on(
        "for right not isnt else mistake error accident mistakenly owner changed wrong rong worng wrogn wong belongs belong wrongnumber wrng incorrect not isnt longer doesnt nobody noone no",
        rule(
            "wrong_number",
            rf"(?:{START}|\b(?:you|u|uve|youve|ya|yall|you guys|think|believe|afraid|this is|its|it is|thats|that is|sorry|have|has|got|to|texting|is|at|reached|dialed|texted|messaging|contacting|calling|clearly|reaching|ur|your|have|txting|with|and|im|but|dude|bro|man|lol|nope|no|sir|maam|just|definitely|probably|obviously|now|totally) )(?:got |reached |have |texting |texted |has |a |an |the |have a |calling |contacting |messaging |about |dialed |in |at |to )*(?:wrong|worng|wrogn|wong|rong|wrng|incorrect) (?:(?:phone|cell|mobile|telephone|tel|cellphone) )?{NUMBER}(?! (?:of|on|for (?:my|the|your|a|this|that(?! person)|our|her order|order|delivery|it)|in|was|again|plate|size|color|colour|listed|to (?:call|reach|text)|came|picked|took|got|called|answered|showed|signed|delivered|received|has|ordered|were|but|is (?:on|listed|in)|i |when|at)\b)",
            keyword="WRONG",
            limited=False,
            tags=("wrong_number",),
            guard=r"(?:\b(?:do|did|didnt|is|was|have|have|am|if|sent (?:it |this |that |them )?to|charged|shipped|delivered|gave|give|given|put|typed|entered|wrote|billed|called|picked|dialed|i|to|it says|tracking|order|ordered|shows?|my|(?:tracking|account|order|room|house|model|serial|confirmation|flight|card) number)(?: (?:i|me|you|u|they|we|it|the|a|have|has|got|had|in|down|this|that|your))*$)",
        ),
        rule(
            "not_this_person",
            rf"(?:this is not|this isnt|im not|i am not|not|its not|it is not|this aint) (?!interested|sure|going|home|happy|available|able|in|at|a|the|so|that|ready|really|coming|on|here|working|good|feeling|it|my|for|well|worried|what|too|very|getting|using|paying|free|ok|driving|parking|wifi|signal|service|room|space|heat|power|water|rain|snow|sign|line|food|traffic|problem|problems|issue|issues|availability|appointment|link|internet|elevator|receipt|order|driver|package|staff|answer|cash|cards?|doctors?|nurses?|bathroom|seats|dogs?|pets|kids|smoking|coverage|reception|electricity|gas|complaints|plans|rush|luck|drama|change|school|class|work)(?:\w+ ){{1,2}}(?:phone|cell|number)(?: number)?(?: anymore| any more)?{AGAIN}{END}"
            rf"|(?:theres no|there is no|nobody named|no one named|no) (?!interested|sure|going|home|happy|available|able|in|at|a|the|so|that|ready|really|coming|on|here|working|good|feeling|it|my|for|well|worried|what|too|very|getting|using|paying|free|ok|driving|parking|wifi|signal|service|room|space|heat|power|water|rain|snow|sign|line|food|traffic|problem|problems|issue|issues|availability|appointment|link|internet|elevator|receipt|order|driver|package|staff|answer|cash|cards?|doctors?|nurses?|bathroom|seats|dogs?|pets|kids|smoking|coverage|reception|electricity|gas|complaints|plans|rush|luck|drama|change|school|class|work)(?:\w+ ){{1,2}}(?:(?:phone|cell|number)(?: number)?(?: anymore| any more)?|here|at this number|anymore){AGAIN}{END}",
            keyword="WRONG",
            limited=False,
            tags=("wrong_number",),
            guard=r"(?:\b(?:why|if|or|do|did|order|tracking|have|got|theres|you|is)(?: \w+)*$)",
        ),
        rule(
            "no_such_person",
            rf"(?:there is no|theres no|there is nobody|there is no one|theres nobody|theres no one|no one|nobody|noone|not anyone) (?:one |body |person |\w+ )?(?:named|called|by the name(?: of)?) (?!me|us|you|back|about|in|him|her|them|to|that)\w+(?: \w+)?(?: (?:here|at|on|with|using|anymore|lives|this|number|phone|cell|house|address))*{AGAIN}{END}",
            keyword="WRONG",
            limited=False,
            tags=("wrong_number",),
            guard=r"(?:\b(?:why|if|is|do|did|know|have|got)(?: \w+)*$)",
        ),
        rule(
            "not_for_me",
            rf"(?:these|this|your|the|those) (?:\w+ )?(?:messages?|texts?|msgs?) (?:is not|isnt|are not|arent) (?:for|meant for|intended for) (?:me|us|this number){AGAIN}{END}",
            keyword="WRONG",
            limited=False,
            tags=("wrong_number",),
        ),
        rule(
            "by_mistake",
            r"(?:have|got|texting|reached|texted|messaging|contacting)(?: (?:my|me|this|the|us|number|phone|cell|wrong))+ (?:by mistake|in error|by accident|mistakenly|accidentally)",
            keyword="WRONG",
            limited=False,
            tags=("wrong_number",),
            guard=r"(?:\b(?:i|we|he|she|my \w+)(?: \w+)?$)",
        ),
        rule(
            "another_has_it",
            r"this (?:is not|isnt|is no longer) my (?:phone |cell )?number(?: anymore| any more)?(?= \||$)|not the right (?:person|guy|contact)|(?:someone|somebody) else (?:has|owns|got|uses|bought) (?:this|that|the) (?:number|phone|cell)|this (?:phone |cell )?(?:number|phone) (?:isnt|is not|aint) (?!yours|ours|its|works)\w+s(?= \||$)",
            keyword="WRONG",
            limited=False,
            tags=("wrong_number",),
        ),
        rule(
            "not_the_one",
            r"not (?:the )?(?:person|one|guy|girl|man|woman|who|whom) (?:that )?(?:you|u|youre|ur)(?: \w+){0,2} (?:looking|want|think|trying|need|searching)(?: \w+){0,4}"
            r"|(?:has )?changed (?:his|her|their) (?:phone |cell )?(?:number|phone)|new owner of (?:this|the) (?:phone |cell )?(?:number|phone|line)",
            keyword="WRONG",
            limited=False,
            tags=("wrong_number",),
            guard=r"(?:\b(?:if|who|why|i|we)$)",
        ),
        rule(
            "not_their_number",
            rf"(?:not|isnt|aint|no longer) (?:the |a )?(?:right |correct |proper )?(?:number|phone|cell) for(?: \w+){{1,3}}{END}|this (?:phone |cell )?(?:number|phone) (?:is|belongs) (?:no longer|not) (?:to )?(?!yours|ours)\w+s{END}",
            keyword="WRONG",
            limited=False,
            tags=("wrong_number",),
            guard=r"(?:\b(?:why|if|order|tracking)(?: \w+)*$)",
        ),
        rule(
            "lives_elsewhere",
            rf"(?:doesnt|does not|no longer|dont|do not|didnt|hasnt) (?:lives?|work|works|lived|stay|stays)(?: here| at this (?:number|address))(?: (?:anymore|any more|in years|for years))?{END}",
            keyword="WRONG",
            limited=False,
            tags=("wrong_number",),
            guard=r"(?:\b(?:i|we|if|who|why)(?: \w+)?$)",
        ),
        rule(
            "nobody_here",
            r"(?:nobody|no one|noone|no body|not (?:a|any) (?:one|person)) (?:here )?(?:by|with|of|named|called) (?:that|this|the) name(?: \w+){0,3}",
            keyword="WRONG",
            limited=False,
            tags=("wrong_number",),
        ),
        rule(
            "belongs_to_another",
            r"(?:number|phone|cell|line) (?:no longer|doesnt|does not|never|dont)(?: \w+)? (?:belongs?|belonged) to(?: \w+){1,3}"
            r"|this (?:phone |cell )?(?:number|phone|line)(?: (?:now|actually|currently|has|does|is))* (?:belongs?|belonged|reassigned|been reassigned|been given|assigned|registered) to (?:someone|somebody|another|a different|a new|me|my|a (?:child|minor|business))\b"
            r"|(?:just|recently|only|newly) (?:got|received|was assigned|was given|bought|acquired|inherited) this (?:new )?(?:phone )?(?:number|phone)\b",
            keyword="WRONG",
            limited=False,
            tags=("wrong_number",),
        ),
        rule(
            "no_longer_theirs",
            rf"(?:no longer|not|doesnt|does not|isnt|is not|dont) (?:(?:\w+) )?(?:(?:has|have|own|use|at|with) (?:this|that|the) (?:number|phone|cell)|(?:his|her|their|\w+s) (?:phone |cell )?(?:number|phone|cell)(?: anymore)?{END})",
            keyword="WRONG",
            limited=False,
            tags=("wrong_number",),
            guard=r"(?:\b(?:i|we|if|you|u|do|why|im|ill|may)$)",
        ),
    ),
)
