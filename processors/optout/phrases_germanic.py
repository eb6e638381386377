"""Phrases of the Germanic and Nordic languages that ask for no more texts. Data."""

from typing import Final

from processors.optout.language import END, Language, language

LANGUAGES: Final[tuple[Language, ...]] = (
    language(
        "de", "ABMELDEN",
        "keine keinen nicht nichts nie kein hor hort horen hoer hoert hoeren aufhoren aufhoeren abmelden abbestellen austragen loschen loesche loeschen losche loscht löschen lösche löscht hör hört hören aufhören falsche falscher falschen verwahlt verwählt ruhe stoppen stoppt stoppe streichen streicht streich "
        "entfernen entfernt entferne nehmt nehmen nimm melde meldet warum widerrufe einwilligung schluss genug rausnehmen stop stopp verteiler",
        r"(?:bitte )?(?:keine?|nicht|keinerlei) (?:weiteren? |mehr )?(?:nachrichten?|sms|werbung|whatsapps?|textnachrichten|mitteilungen|werbe\w+|newsletter|spam|infos)(?: mehr)?(?: (?:bitte|danke|mehr|an|diese|nummer|von|euch|ihnen|schicken|senden|schreiben))*" + END,
        r"(?:will|mochte|moechte|wunsche|wuensche|brauche|wollen|mag)(?: \w+){0,2} (?:keine|nicht|nichts|kein)(?: \w+){0,3}? (?:nachrichten?|sms|werbung|mehr (?:bekommen|erhalten|kontaktiert|angeschrieben|von)\w*|kontaktiert|angeschrieben|kontakt|whatsapp|newsletter|belastigt)(?: \w+){0,4}",
        r"(?:hort?|horen sie|hoert?|hoeren sie)(?: \w+){0,3}? auf(?: (?:mir|mich|mit|damit|uns|zu|sms|nachrichten|schreiben|schicken|senden|texten|den|dem|diesen|diese|der|bitte|belastigen|nerven|kontaktieren|anzuschreiben))*" + END + r"|mit (?:den|diesen|euren) (?:nachrichten|sms) aufhoren|(?:nicht|nie|nichts) (?:mehr|weiter|wieder) (?:an )?(?:schreiben|kontaktieren|anschreiben|senden|schicken|texten|anrufen|belastigen|storen|zusenden)",
        r"(?:schreib|schick|send|kontaktier|text|belastig|sms)\w*(?: (?:sie|ihr|mir|mich|uns|bitte|ihnen|doch))+ (?:bitte )?(?:nicht|nichts|nie|keine|niemals)(?: (?:mehr|wieder|weiter|sms|nachrichten|werbung|bitte|an))*(?: \w+){0,2}" + END,
        r"(?:mochte|moechte|will|wurde|wie kann|kann|konnen|konnt|koennen|wie|bitte)(?: \w+)? ?(?:ich )?(?:mich|uns|man sich)(?: \w+){0,4} (?:abmelden|austragen|abbestellen|loschen|streichen|entfernen|rausnehmen|raus)",
        r"(?:sms|nachrichten|newsletter|werbung)(?: \w+)? (?:abbestellen|stoppen|abmelden|einstellen)|bitte (?:mich )?(?:abmelden|austragen|stoppen|abbestellen|aufhoren)",
        r"(?:melde|meldet|melden sie|trag|trage|tragt|tragen sie|streich\w*|losch\w*|loesch\w*|entfern\w*|nehm\w*|nimm)(?: \w+){0,5}? (?:ab|aus|liste|nummer|verteiler|datenbank|daten|system|raus)" + "(?= \\||$| raus| bitte| aus| streichen| danke)",
        r"(?:aus|von) (?:dem|eurem|ihrem|der|eurer|ihrer|dieser) (?:verteiler|liste|datenbank) (?:nehmen|streichen|loschen|entfernen|austragen)|(?:nummer|daten|kontakt|mich)(?: \w+){0,4}? (?:loschen|loeschen|streichen|entfernen|austragen|rausnehmen)",
        r"lass\w*(?: sie)? (?:mich|uns)(?: \w+){0,3} (?:in ruhe|in frieden)|falsche[nrs]? (?:nummer|person|anschluss|adressat\w*)|(?:nummer|sich|haben sich|habt euch) verwahlt|nicht (?:die )?(?:richtige|mehr die) nummer(?: von \w+)?",
        r"(?:stoppt|stoppen sie|stoppe|stop|stopp) (?:bitte )?(?:mit |die |das |diese |den |diesen |eure |ihre |alle )*(?:nachrichten|sms|werbung|texte|schreiben|senden)|schluss mit(?: \w+){0,2} (?:sms|nachrichten|werbung)|(?:warum|wieso) (?:schreib|schick|text|kontaktier|send)\w*(?: \w+){0,4}" + END + r"|(?:widerrufe|ziehe)(?: \w+){0,4} (?:einwilligung|zustimmung)(?: \w+)?",
        guard=r"\b(?:hort? nicht auf|nicht (?:\w+ )?(?:abmelden|stornieren|loschen|streichen|austragen)|termin|bestellung|rechnung|ich kann nicht|kann ich nicht|nach \d+|vor \d+|nachts|sonntags?|heute|paket)\b",
    ),
    language(
        "nl", "AFMELDEN",
        "geen niet niets niks nooit stop stoppen stopt stoppe verkeerd verkeerde afmelden uitschrijven uitgeschreven verwijder verwijderen verwijdert rust schrijf haal haalt schrap wis waarom meld hou ophouden toestemming lijst fout foute",
        r"(?:graag |aub |alstublieft )?geen (?:\w+ ){0,2}?(?:sms\w*|berichten|berichtjes|reclame|smsjes|appjes|contact|spam)(?: meer)?(?: (?:aub|alsjeblieft|alstublieft|graag|sturen|(?<=meer )ontvangen|(?<=meer )krijgen|dank|bedankt|u|van|jullie|naar|dit|nummer))*" + END,
        r"(?:stop|stopt|stoppen|hou|houd|ophouden)(?: \w+)? (?:op )?met(?: \w+){0,4}? (?:sms\w*|berichten|sturen|appen|berichtjes|reclame|contact\w*|lastig\w*|spam\w*)|(?:stop|stopt) (?:deze|die|de|jullie) (?:sms\w*|berichten|berichtjes|reclame)",
        r"(?:stuur|schrijf|sms|app|bericht|contacteer|bel|benader|val)(?:t|en)? (?:me|mij|ons)(?: \w+){0,2}? (?:niet|niks|niets|geen|nooit)(?: \w+){0,3}|(?:niet|niets|niks) meer (?:sturen|smsen|appen|berichten|contacteren|benaderen)",
        r"wil(?: \w+){0,3}? (?:geen|niet|niets|niks)(?: \w+){0,4}? (?:berichten|sms\w*|ontvangen|krijgen|benaderd|reclame|contact)(?: \w+){0,3}",
        r"(?:wil|graag|hoe (?:kan|meld)|kunt u|kan ik)(?: \w+){0,4}? (?:afmelden|uitschrijven|uitgeschreven worden|verwijderd worden|van (?:de|deze|jullie) lijst|mij af)",
        r"(?:meld|schrijf|haal|verwijder|wis|schrap)(?:t)? (?:me|mij|mijn (?:nummer|gegevens|telefoonnummer)|dit nummer|ons)(?: \w+){0,5}?(?: (?:af|uit|lijst|nummer|bestand|database|systeem|aub|alstublieft))?" + END + r"|(?:mijn|dit) (?:telefoon)?nummer (?:\w+ )?(?:verwijderen|wissen|schrappen)",
        r"(?:verkeerde?|fout|foute)(?: telefoon)? ?(?:nummer|persoon)|wil (?:\w+ ){0,3}(?:berichten|sms\w*|reclame|appjes) niet(?: \w+){0,2}|laat (?:me|mij|ons)(?: \w+)? met rust|waarom (?:stuur|sms|app|krijg|berichten)\w*(?: \w+){0,5}" + END + r"|(?:trek|intrekken)(?: \w+){0,3} toestemming(?: \w+)?",
        guard=r"\b(?:stop niet|niet afmelden|niet uitschrijven|afspraak|bestelling|na \d+|voor \d+|bushalte)\b",
    ),
    language(
        "sv", "AVREGISTRERA",
        "sluta slutar stoppa säg opsig avslutt avslutte stans hvordan forkert feil fel galt inga ingen inte ej ikke avregistrera avsluta ta tag stop stopp slutt slutte hold hør høre fjern fjerne slet slett slette sletter afmeld frameld avmeld meld lamna lämna lad la stryk oppsig fred ikkje stopper avanmal avanmäl radera kontakta hvorfor varfor varför nummer",
        r"sluta(?: \w+){0,2}? (?:skicka|smsa|messa|skriva|kontakta|spamma|störa|ringa|tjata|texta|mejla|med)(?: \w+){0,3}|inga (?:fler|mer|flera) (?:sms|meddelanden|mess|utskick|textmeddelanden)(?: \w+){0,2}|"
        r"(?:skicka|smsa|kontakta|skriv|messa)(?: mig)? (?:inte|ej|aldrig)(?: (?:mer|fler|mig|till|några|sms|meddelanden|igen|tack|något|detta))*" + END + r"|"
        r"(?:vill|önskar|hur|kan)(?: \w+){0,3} (?:avregistrera|avsluta|avanmäla|bli borttagen|tas bort)(?: \w+){0,3}|(?:fel|forkert|feil|galt) (?:nummer|person|mobilnummer)|(?:ta|tag) bort (?:mig|mitt nummer|mitt|detta nummer|numret)(?: \w+){0,3}|"
        r"(?:vill|önskar) (?:inte|ej) (?:\w+ ){0,3}?(?:sms\w*|meddelanden|utskick|bli kontaktad|reklam)|(?:avregistrera|avanmäl|radera|stryk|avsluta) (?:mig|mitt nummer|mitt|numret|mina)(?: \w+){0,3}|lämna mig i ?fred|låt mig vara(?: i fred)?",
        r"(?:avsluta|stoppa|säg upp|opsig|avslutt|avslutte|stopp|stop|stans) (?:min |mitt |mit |alle |disse |dessa |de |alla )?(?:prenumeration\w*|abonnemang\w*|abonnement\w*|meldinger|meldingene|beskeder|beskederne|meddelanden\w*)(?: \w+)?|(?:stop|slutt|slutte|hold op|stopp|stopper|hør op)(?: (?:nu|nå|venligst|vennligst|med|at|å|og|da))* (?:sende|skrive|smse|kontakte|spamme|texte|ringe|forstyrre|mase|plage|skicka|beskeder|meldinger|sms\w*)(?: \w+){0,3}|"
        r"(?:ikke|ikkje) (?:send|skriv|kontakt|sms|tekst|ring)\w*(?: (?:til|mig|meg|flere|mere|mer|beskeder|meldinger|sms|denne|dette|mere|igen|igjen|nummer\w*|tak|takk))*" + END + r"|(?:send|skriv|kontakt|sms|forstyr)(?: (?:mig|meg))? (?:ikke|aldri|aldrig)(?: \w+){0,4}|"
        r"(?:ikke|ingen) (?:send )?(?:flere|mere|mer|fler) (?:beskeder|meldinger|sms\w*|tekstbeskeder|tekstmeldinger|reklame)(?: \w+){0,2}|(?:vil|ønsker|ynskjer) (?:ikke|ikkje) (?:\w+ ){0,4}?(?:sms\w*|beskeder|meldinger|kontaktes|kontaktet|reklame)(?: \w+){0,3}|"
        r"(?:vil|ønsker|hvordan)(?: \w+){0,3} (?:avmelde?|afmeldes?|meldes? av|meldes? fra|framelde?s?|slettes|fjernes)(?: \w+){0,3}|"
        r"(?:slet|fjern|slett|afmeld|frameld|avmeld|stryk) (?:venligst |vennligst |gerne )?(?:mig|meg|mit|mitt|nummeret|dette|numret|oss|os)(?: \w+){0,4}|meld(?:e|er)?(?: jeg| du)? (?:mig|meg|oss) (?:af|av|fra|ut)(?: \w+){0,3}|(?:lad|la) (?:mig|meg) (?:være|vere)(?: i fred)?|"
        r"(?:hvorfor|varför) (?:sender|skriver|skickar|får)(?: \w+){0,5}" + END,
        guard=r"\b(?:sluta inte|inte avregistrera|aftale|ordre|bestilling|bestillingen|efter kl|etter kl|före|efter klockan|beställning)\b",
    ),
    language(
        "fi", "STOP",
        "älkää älä väärä poistakaa poista lopettakaa lopeta jättäkää en ei miksi peruuttakaa",
        r"(?:älkää|älä)(?: \w+){0,3} (?:lähet\w+|viest\w+|soit\w+|häirit\w+|kirjoit\w+|tekst\w+)(?: \w+){0,3}|ei (?:enää|lisää) (?:\w+ )?viestejä(?: \w+)?|väärä (?:numero|henkilö)|"
        r"(?:poistakaa|poista)(?: \w+){0,3} (?:numeroni|minut|listalta)(?: \w+){0,2}|(?:lopettakaa|lopeta) (?:\w+ )?(?:viest\w+|tekst\w+|lähettä\w+|tämä|häirint\w+)(?: \w+){0,2}|jättäkää minut rauhaan|en halua (?:\w+ ){0,3}viestejä(?: \w+)?",
    ),
)  # fmt: skip
