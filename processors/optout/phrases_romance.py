"""Phrases of the Romance languages that ask for no more texts. Data."""

from typing import Final

from processors.optout.language import END, Language, language

LANGUAGES: Final[tuple[Language, ...]] = (
    language(
        "fr", "ARRET",
        "arrete arretez arreter darreter trompez trompe cesse cessez cesser plus stop stoppez pas jamais aucun desabonner desabonnez desabonne "
        "desinscrire desinscrivez desinscrit retirez retirer retire supprimez supprimer enlevez enlever enleve laissez laisse fichez foutez "
        "faux mauvais mauvaise erreur recevoir contactez ecrivez envoyez spam rayez effacez radiez consentement pourquoi oubliez desinscription marre",
        r"(?:(?:arretez|arrete|d?arreter|cessez|cesse|cesser|stoppez)(?: \w+){0,3}?|stop(?: (?:a|aux|les|vos|ces|tes|de|d|des|avec|tous|toutes|le|la|au))+) "
        r"(?:\w{0,2}envoyer|\w{0,2}envoi|\w{0,2}ecrire|\w{0,2}appeler|\w{0,2}embeter|\w{0,2}importuner|\w{0,2}harceler|contacter|spammer|texter|"
        r"messages?|sms|textos?|pubs?|publicites?|deranger|emmerder|saouler|notifications|alertes|relancer|solliciter|spams?|cirque|envois)",
        r"stop (?:sms|textos?|pubs?|publicites?|envois)" + END,
        r"ne plus (?:me |m|nous |jamais )?(?:\w+ )?(?:m)?(?:envoyer|contacter|ecrire|recevoir|deranger|appeler|solliciter|importuner|texter|etre contacte)\w*",
        r"(?:ne )?(?:me |nous |m)?(?:envoy|envoi|contact|ecri|text|sollicit|appel|derang|importun|harcel|relanc)\w{1,5} (?:plus|jamais|rien)(?: (?:de|d|ces|vos|rien|jamais|svp|merci|ca|sms|messages|textos|pub|s|il|sil|vous|plait|la|dessus))*" + END,
        r"ne (?:me |nous )?(?:m)?(?:envoyez|contactez|ecrivez|textez|derangez) pas(?: (?:de (?:messages|sms)|svp|merci))?" + END,
        r"(?:ne )?(?:veux|souhaite|desire|voudrais|veut|souhaitons|voulons|aimerais) (?:plus|ne plus|pas)(?: \w+){0,2}? (?:recevoir|etre contactee?s?|de (?:vos |ces )?(?:messages|sms|textos|pub\w*)|vos (?:messages|sms|pubs?)|de vos \w+)",
        r"(?:plus|pas|aucun|plus jamais|plus aucun) (?:de |d |de vos |de ces )?(?:messages?|sms|textos?|pub\w*|spams?)(?: (?:svp|merci|s il vous plait|sil vous plait|stp|de votre part))*" + END,
        r"(?:je )?(?:veux|voudrais|souhaite|desire|comment|aimerais|merci de|priere de|veuillez|possible de|pouvez vous|demande a|faire pour)(?: \w+){0,2} (?:me |se |nous )?(?:desabonner|desinscrire|retirer|enlever|supprimer (?:mon numero|de)|etre (?:desinscrit|retire|supprime|desabonne|raye|enleve)\w*|ne plus recevoir)",
        r"(?:desabonne[zr]?|desinscri\w+|retirez|enlevez|supprimez|retire|enleve|supprime|rayez|effacez|radiez|otez)(?: |-)?(?:moi|mon (?:numero|nom|contact)|nous|ce numero)",
        r"(?:retirer|enlever|supprimer|rayer|effacer|retirez|enlevez|supprimez)(?: \w+){0,3} (?:de (?:la|votre|vos|cette) (?:liste|base|listes|fichier|fichiers)|mon numero)",
        r"(?:laisse|fiche|fou)\w* (?:moi|nous) (?:tranquille|la paix|en paix)",
        r"(?:tromp\w+|erreur|gourez?) de (?:numero|personne|destinataire)|mauvais(?:e)? (?:numero|personne|destinataire)|faux numero|pas (?:le bon|mon|son|le) numero(?: de \w+)?|pas la bonne personne|marre de (?:vos|ces|tous ces|recevoir)(?: \w+){0,2}|oubliez mon numero",
        r"(?:retire|revoque|annule) mon consentement|pourquoi (?:vous )?(?:est ce que vous )?(?:me |m)(?:envoyez|ecrivez|contactez|textez|derangez)\w*(?: vous)?(?: \w+){0,3}",
        guard=r"\b(?:pas arreter|n ?arretez pas|arretez pas|pas me desabonner|pas me desinscrire|heure|avant|apres|commande|colis|facture)\b",
    ),
    language(
        "es", "PARAR",
        "no ya borrenme eliminenme eliminame quitenme quiteme quiten quite quita quitar sacame deja dejen dejar dejeme dejenme dejame deje para paren parar basta borre "
        "borren borrar borra elimine eliminen eliminar elimina saquenme saquen saque darme darnos baja numero telefono equivocado equivoco cancele cancelen cancelar saqueme borrame "
        "quitame paz desuscribirme desuscribanme remueva remuevan remover retiren retire dame denme deme detengan detener detenga suspendan equivocaste consentimiento porque que olvide olviden bloquear alto stop aqui persona saquenos",
        r"(?:ya )?no mas (?:\w+ ){0,2}(?:mensajes?|textos?|sms|publicidad|promociones|spam|mensajitos)|ya no mas",
        r"(?:deja|dejen|deje|dejar|para|paren|pare|basta) (?:ya )?(?:de|con) (?:\w+ ){0,2}?(?:enviar|mandar|escribir|molestar|mensaje|textear|contactar|llamar|enviando|spam|fastidiar|joder|chingar|hostigar|acosar|texto|sms|recibir|estar)\w*",
        r"(?:ya )?no (?:me |nos |le )?(?:vuelv\w+ a |sig\w+ |est\w+ )?(?:envi|mand|escrib|contact|molest|llam|text|mensaj|busqu|fastidi)\w+(?: (?:mas|mensajes?|nada|textos?|ya|sms|por|favor|mas mensajes|nunca|jamas|gracias|a este numero|este tipo de mensajes|estos|sus|esto|esos|esas|publicidad|promociones|cosas|tantos|otra|vez|le|me|ningun|de|nuevo))*" + END,
        r"no (?:\w+ )?(?:quiero|deseo|necesito|queremos|quisiera|me interesa|deseamos|autorizo) (?:\w+ ){0,3}?(?:mensajes|textos|sms|publicidad|promociones|recibir|recibiendo|saber nada|que me (?:\w+ )?(?:escrib|mand|envi|contact|molest|llam|text)\w+)(?! (?:el|la|mi) (?:pedido|paquete|orden|factura))(?! de (?:voz|audio))",
        r"no quiero (?:nada )?(?:mas|esto|estos)" + END + r"|no quiero (?:\w+ )?(?:estar|seguir) en (?:su|la|esta|tu) lista",
        r"(?:quiero|deseo|quisiera|necesito|solicito|como|favor de|por favor|me gustaria|pueden?|puedo|podrian?|hago para)(?: \w+){0,2} (?:darme de baja|desuscribirme|cancelar (?:la |mi |esta |los |estos )?(?:suscripcion|mensajes|textos|sms)|que me (?:quiten|borren|eliminen|saquen)|"
        r"(?:salir(?:me)?|salgo|saco|quito|borro) (?:mi numero )?de (?:esta|la|su|esto)(?: lista)?|me (?:salgo|borro|quito) de|cancelo (?:esto|los|estos|sus)|dejar de recibir|que (?:dejen|paren) de|quitarme|borrarme|sacarme|eliminarme|ser (?:removid|eliminad|borrad|retirad)\w)",
        r"(?:me )?(?:dame|denme|deme|dar|darme|darnos|den|da|doy|dan|demos|dense) de baja|baja (?:sms|del servicio|de la lista|de mensajes)",
        r"(?:elimin|borr|quit|saqu|sac|remuev|remov|retir|suprim|tach)\w* (?:\w+ ){0,2}?(?:(?:de|en) (?:su|la|esta|esa|ese|tu|sus|los|las|este|todas sus) (?:lista|listas|base|registros?|sistema|contactos|mensajes|grupo)|mi (?:numero|telefono|celular|contacto|nombre)|este (?:numero|telefono))(?: de datos)?",
        r"(?:eliminen|borren|quiten|saquen|borra|quita|saca|saque|elimina|elimine|borre|quite|desuscriban|desuscriba|retiren|retire|remuevan|remueva|saque|tachen)(?:me|nos)(?: (?:ya|por|favor|de|del|la|su|esta|esa|ese|este|tu|lista|listado|grupo|gracias|sistema|ahora|mismo))*" + END,
        r"(?:numero|telefono) (?:equivocado|incorrecto|erroneo)|persona equivocada|equivoc(?:o|aste|aron|ado|ada|ados|an|adas) (?:de|el|con el) (?:numero|persona|telefono)|no es (?:el|su) (?:numero|telefono|celular) de (?!orden|pedido|cuenta|seguro|cliente|rastreo|serie|guia|mi)\w+(?: \w+){0,2}|no es su (?:numero|telefono|celular)" + END + r"|aqui no vive(?: \w+){0,3}|no soy la persona(?: \w+){0,4}|olviden? (?:de )?(?:mi|este) numero",
        r"dej[ae]n?(?:me|nos) (?:en paz|tranquil\w)|no (?:me )?moleste[ns]?(?: mas)?",
        r"(?:cancel|par|deten|stop|suspend|termin|deteng|paren|dejar|alto|basta)\w* (?:ya |con |a |de )?(?:los |estos |sus |de |todos |mis |esos |las )*(?:mensajes|textos|sms|alertas|notificaciones|publicidad|promociones|mensajitos)|alto a (?:los|estos|sus) (?:mensajes|textos)",
        r"(?:revoco|retiro|cancelo) mi (?:consentimiento|autorizacion|permiso)|por ?que (?:me )?(?:siguen?|estan?|sigues?|continuan?)?(?: )?(?:mand|envi|escrib|text|molest|contact)\w+(?: \w+){0,4}" + END + r"|(?:los|te|las|voy a) (?:voy a )?bloquear(?:los)?",
        guard=r"\b(?:no dejen? de|no pares? de|no pare de|no quiero (?:dejar|darme)|no (?:me )?(?:elimin|borr|quit|saqu|remuev|retir)\w+|no puedo|despues|antes de|domingos?|la noche|a las|mandame|mandeme|escribeme|enviame|escribame|por ?que no|si no|hoy|ahorita|manana|solo|excepto|cita|pedido)\b",
    ),
    language(
        "pt", "PARAR",
        "pare parem parar nao nunca chega remova removam remover retire retirem retirar tira tire tirem excluam exclua apague apaguem numero errado errada engano sair cancele cancelar cancelem descadastre descadastrar "
        "mensagens sem deixa deixem deixe paz para por errou me saia quero perturbar delete deletem bloquear consentimento",
        r"(?:pare|parem|parar|chega|para|deixem?|cansei|favor parar) (?:ja )?(?:de |com |dessas |desses |as )+(?:\w+ ){0,2}?(?:enviar|mandar|mensage\w+|sms|encher|incomodar|perturbar|me (?:enviar|mandar)|ligar|spam|torpedos?|escrever|msgs?|propaganda\w*)",
        r"nao (?:me |nos |precisa |quero que )?(?:mais )?(?:envi|mand|escrev|contat|perturb|incomod|lig|encham|encha)\w*(?: (?:mais|me|nada|sms|mensagem|mensagens|msg|msgs|isso|por|favor|pra|para|mim|nunca|de|novo|essas|esses|propaganda|este|esse|numero|porra|obrigado|obrigada))*" + END,
        r"nao e (?:mais )?o (?:numero|telefone|celular) d\w+(?: \w+)?|nao (?:quero|desejo|queremos|gostaria de|tenho interesse em|autorizo|aguento)(?: mais)?(?: \w+){0,2}? (?:envio|receber|mensage\w+|sms|msgs?|propaganda\w*|contato|nada)",
        r"nao quero mais(?: (?:isso|nada|por favor))?" + END + r"|nao me mand\w+ mais(?: \w+){0,3}|(?:pare|parem|para) com (?:isso|essas? \w+|esses? \w+)|(?:sem|chega de|nada de) (?:mais )?(?:mensagens|sms|msgs)",
        r"(?:remov|retir|tir|exclu|apag|delet|descadastr)\w* (?:\w+ ){0,2}?(?:(?:d\w{1,3}|da sua|da vossa|dessa) (?:sua |vossa )?(?:lista|listas|base|cadastro|sistema|grupo)|(?:o )?meu (?:numero|contato|telefone|cadastro|nome|celular)|(?:este|esse) numero)",
        r"me (?:tir|remov|retir|exclu|descadastr|delet|apagu)\w*(?: (?:d\w+|por|favor|isso|lista|sua|ai))*" + END,
        r"(?:quero|gostaria de|como (?:faco|faz|posso|eu faco)(?: para| pra)?|desejo|posso|favor|preciso) (?:\w+ )?(?:sair (?:da|dessa|desta|de)(?: sua)? (?:lista|grupo|cadastro)|me descadastrar|me desinscrever|cancelar (?:\w+ ){0,2}(?:mensagens|sms|inscricao|assinatura|recebimento|cadastro)|parar de receber|nao receber)",
        r"quero (?:sair|me descadastrar)(?: (?:d\w+|por|favor|lista|sua))*" + END + r"|cancel\w+ (?:a |minha |o |as |os |essas |esses |meu )*(?:inscricao|assinatura|mensagens|sms|recebimento|cadastro|envio)(?: d\w+ \w+)?|sair da lista",
        r"numero (?:esta )?errado|pessoa errada|(?:errou|erraram) (?:o|de) numero|(?:foi|e|deve ser) engano|engano" + END + r"|(?:esse|este) numero nao (?:e|pertence)(?: \w+){1,3}",
        r"(?:me )?deix\w+ (?:me |a gente |nos )?em paz|por ?que (?:vc|vcs|voce|voces) (?:esta|estao|fica|ficam|continua\w*|me|mand\w+)(?: me)?(?: \w+){1,3}(?: (?:mensage\w+|sms))?" + END + r"|(?:revogo|retiro) (?:o )?meu consentimento|vou bloquear(?: \w+){0,2}",
        guard=r"\b(?:nao pare(?:m)? de|nao quero (?:sair|cancelar)|nao (?:me )?(?:remov|tir|exclu|descadastr|cancel)\w+|pedido|consulta|depois d|antes d|a noite|domingo|hoje)\b",
    ),
    language(
        "it", "DISISCRIVIMI",
        "non basta smettetela smettete smetti smettila smettere cancellami cancellatemi cancellate cancella cancellare rimuovetemi rimuovimi rimuovete rimuovi rimuovere togliete togli "
        "toglietemi toglimi togliere eliminate eliminami eliminatemi elimina numero disiscrivermi disiscrivetemi disiscrivimi piu cancellarmi sbagliato sbagliata lasciatemi lasciami niente nessun perche finitela fermate stop consenso",
        r"(?:non )(?:mi |ci )?(?:\w+ ){0,2}?(?:inviat\w*|mandat\w*|scriv\w+|contattat\w*|inviar\w*|mandar\w*|contattar\w*|messaggi\w*|disturbat\w*|disturbar\w*|chiamat\w*|scrivetemi|mandatemi) (?:\w+ ){0,2}?(?:piu|altri|messaggi|sms|niente)(?: (?:messaggi|sms|niente|per favore|grazie|nulla|pubblicita))*" + END,
        r"non (?:voglio|desidero|vogliamo|intendo|vorrei|gradisco|autorizzo) (?:piu )?(?:\w+ ){0,3}?(?:messaggi\w*|sms|ricever\w*|pubblicita|contattat\w|comunicazioni|essere (?:contattat|disturbat)\w)",
        r"(?:basta|smett\w+|finit\w+|piant\w+|fermat\w+|stop(?= (?:con|di|i|questi|gli|ai|ai vostri|agli|messaggi|pubblicita)))(?: (?:con|di|i|questi|gli|a|la|le|ai|con i|vostri))* (?:mandar\w*|inviar\w*|scriver\w*|messaggi\w*|sms|contattar\w*|disturbar\w*|chiamar\w*|romper\w*|spam|pubblicita)",
        r"(?:cancell|rimuov|togli|elimin|disiscriv|depenn)\w*(?: \w+){0,2}? (?:(?:dalla|dalle|da|dal|dai|da questa) (?:\w+ )?(?:lista|liste|elenco|database|rubrica|contatti|mailing list)|(?:il )?mio (?:numero|contatto|nome)|questo numero)",
        r"(?:toglie?(?:te)?mi|rimuovi?(?:ete)?mi|cancella(?:te)?mi|elimina(?:te)?mi|disiscriv(?:imi|etemi))(?: (?:subito|per|favore|grazie|da|qui|questa|dalla|lista|vostra))*" + END,
        r"(?:voglio|vorrei|come|posso|desidero|chiedo|potete|puo|possiamo)(?: \w+){0,3}? (?:disiscriver\w+|cancellarmi|rimuovermi|togliermi|annullare l ?iscrizione|essere (?:cancellat|rimoss|tolt|eliminat)\w|smettere di (?:ricevere|mandarmi|scrivermi)|non ricevere)",
        r"numero (?:e )?(?:sbagliato|errato)|(?:avete|hai|ha|hanno) sbagliato (?:numero|persona)|persona sbagliata|non (?:e|sono) (?:il numero di|la persona)(?: \w+){1,3}",
        r"lascia(?:te)?(?:mi|ci) (?:in pace|stare|perdere)|niente (?:piu )?(?:messaggi|sms|pubblicita)|nessun (?:altro )?(?:messaggio|sms)|perche (?:mi|continuate a) (?:scriv|mand|contatt|mess|inv)\w+(?: \w+){0,2}" + END + r"|revoco il (?:mio )?consenso",
        guard=r"\b(?:non smett\w+|non (?:cancell|rimuov|togli|elimin)\w+|arrivat\w+|ricevut\w+|ordine|appuntamento|dopo le|prima delle|domenica|oggi)\b",
    ),
    language(
        "ro", "STOP",
        "nu numar gresit gresita opriti stergeti lasati stop dezabonare dezabonati numarul scoateti",
        r"nu (?:imi |ma |mi )?(?:mai )?(?:\w+ )?(?:trimite\w*|scrie\w*|contacta\w*|deranja\w*|suna\w*)(?: \w+){0,3}|nu (?:mai )?(?:vreau|doresc)(?: \w+){0,3} (?:mesaje\w*|sms\w*)|numar gresit|(?:ati )?gresit numarul|"
        r"(?:stergeti|scoateti|eliminati)(?: \w+){0,4} (?:numarul|lista)(?: \w+)?|lasati ma in pace|opriti mesajele|(?:vreau|doresc) sa ma dezabonez|dezabonati ma",
    ),
)  # fmt: skip
