"""Phrases of Slavic and further languages that ask for no more texts. Data."""

from typing import Final

from processors.optout.language import END, Language, language

LANGUAGES: Final[tuple[Language, ...]] = (
    language(
        "pl", "WYPISZ",
        "prosze przestan przestancie przestać nie zly błędny zły wypisz wypiszcie wypisac wypisać usun usuń usuncie usuńcie usunac usunąć skasuj skasujcie numer spokoj spokój spokoju rezygnuję rezygnuje wykreslcie wykreślcie pomyłka dość dosc koniec wycofuję zgodę usunięcie wypisanie wykreślenie dlaczego czemu",
        r"(?:przestan|przestancie|prosze przestac|przestac)(?: \w+){0,3} (?:wysylac|pisac|smsow\w*|przysylac|nekac|spamowac|dzwonic)(?: \w+){0,3}|nie (?:chce|chcemy|zycze sobie|zyczymy sobie|potrzebuje|wyrazam zgody na)(?: \w+){0,4}? (?:sms\w*|wiadomosci|otrzymywac|dostawac|reklam|kontaktu|spamu)(?: \w+){0,3}|"
        r"(?:usun|usuncie|wypisz|wypiszcie|wykresl|wykreslcie|skasuj|skasujcie|usunac|wypisac|wykreslic|skasowac)(?: \w+){0,3}? (?:numer\w*|mnie|listy|bazy)(?: \w+){0,4}|(?:usuniecie|wypisanie|wykreslenie)(?: \w+){0,2} (?:numeru|mnie|danych|listy|bazy)(?: \w+){0,3}|mnie (?:\w+ )?(?:wypisac|usunac|wykreslic)(?: \w+){0,3}|chce (?:sie )?(?:wypisac|zrezygnowac)(?: \w+){0,3}|"
        r"(?:prosze )?(?:juz )?nie (?:\w+ )?(?:pisz|piszcie|pisac|wysylaj|wysylajcie|wysylac|przysylaj|przysylajcie|przysylac|kontaktuj|kontaktujcie|kontaktowac|nekaj|spamuj|nekajcie|spamujcie)(?: \w+){0,4}|(?:zly|bledny|niewlasciwy|nie ten) numer|(?:pomylil\w*|pomylka)(?: \w+)? numer\w*|"
        r"(?:daj|dajcie|prosze dac)(?: \w+)? (?:swiety )?spokoj|zostaw(?:cie)? mnie w spokoju|rezygnuje z(?: \w+){1,3}|(?:dosc|koniec)(?: \w+){0,2} (?:sms\w*|wiadomosci)|(?:cofam|wycofuje) zgode(?: \w+){0,3}|(?:dlaczego|czemu|po co)(?: \w+){0,2} (?:piszecie|wysylacie|pisze|wysyla)\w*(?: \w+){0,3}",
        guard=r"\b(?:nie przestawaj\w*|po \d+|przed \d+|zamowieni\w+|wizyt\w+)\b",
    ),
    language(
        "cs", "STOP",
        "neposílejte nepište neposielajte nekontaktujte odhlaste odhlasit odhlásiť špatné zlé dejte dajte nechci nechcem vymažte smažte přestaňte prestante prestaňte nechte číslo omyl",
        r"(?:\w+ ){0,2}?(?:neposilejte|nepiste|neposielajte|nekontaktujte|neotravujte)(?: \w+){0,4}|odhlaste (?:me|mne|ma)(?: \w+){0,3}|(?:spatne|zle|chybne) cislo|(?:dejte|dajte) mi (?:pokoj|svaty pokoj)|nechte (?:me|ma) (?:byt|na pokoji)|"
        r"nechc(?:i|em)(?: \w+){0,3} (?:zpravy|sms|spravy|dostavat)(?: \w+){0,2}|(?:vymazte|smazte|odstrante)(?: \w+){0,3} (?:cislo|me|ma)(?: \w+){0,3}|(?:prestante|prestaňte)(?: \w+){0,2} (?:psat|posilat|posielat|pisat|otravovat)(?: \w+){0,3}",
    ),
    language(
        "hu", "STOP",
        "ne nem rossz téves töröljék töröljetek törölje töröljön hagyjanak hagyj hagyjatok leiratkozom leiratkozni szám",
        r"ne (?:\w+ )?(?:kuldj|kuld|irj|zakla|keress|uzen)\w*(?: \w+){0,4}|(?:rossz|teves|hibas) szam|(?:torol\w+)(?: \w+){0,4} (?:szam\w*|listarol|engem)|hagyj\w*(?: \w+)? beken|nem (?:kerek|akarok)(?: \w+){0,2} (?:uzenet\w*|sms\w*)(?: \w+)?|(?:szeretnek|akarok) leiratkozni",
    ),
    language(
        "hr", "STOP",
        "nemojte ne pogrešan krivi izbrišite odjavite maknite prestanite pustite broj",
        r"nemojte (?:\w+ ){0,2}(?:slati|pisati|kontaktirati)(?: \w+){0,3}|ne saljite(?: \w+){0,3}|(?:pogresan|krivi|pogresni) broj|(?:izbrisite|obrisite|odjavite|maknite|uklonite)(?: \w+){0,4}? (?:broj|me|liste)(?: \w+){0,2}|prestanite (?:\w+ )?(?:slati|pisati)(?: \w+){0,3}|(?:pustite|ostavite) me na miru|ne zelim (?:\w+ ){0,3}(?:poruke|sms)",
    ),
    language(
        "ru", "STOP",
        "не хватит прекратите прекрати перестаньте перестань отпишите отписаться отписать удалите удали уберите исключите вычеркните стоп ошиблись ошибся ошиблась отстаньте отстань оставьте неверный неправильный номер никаких зачем почему достали надоели отзываю согласие",
        r"(?:прекратите|прекрати|перестаньте|перестань|хватит|кончайте|завязывайте|стоп)(?: \w+){0,3}? (?:присылать|слать|писать|отправлять|спамить|спам\w*|рассылк\w+|смс|sms|сообщения|звонить|беспокоить|надоедать|доставать|мне)(?: \w+){0,3}|"
        r"(?:\w+ ){0,2}?не (?:\w+ )?(?:присылайте|пишите|шлите|отправляйте|звоните|беспокойте|присылай|пиши|шли|отправляй)(?: (?:мне|больше|сюда|никогда|сообщения|сообщений|смс|ничего|на|этот|номер|пожалуйста|спасибо|рекламу|спам|нам|сюда))*" + END + r"|не (?:надо|нужно|стоит)(?: \w+){0,2} (?:писать|присылать|слать|звонить)(?: \w+){0,3}|"
        r"(?:отпишите|удалите|удали|уберите|исключите|вычеркните|сотрите|отписать)(?: \w+){0,5}? (?:меня|номер|рассылки|рассылок|списка|базы)(?: \w+){0,3}|не хочу (?:\w+ ){0,3}?(?:получать|сообщени\w+|смс|рассыл\w+)(?: \w+){0,3}|не нужны? (?:\w+ )?(?:смс|сообщения|рассылки|ваши \w+)|"
        r"(?:хочу|как|можно|прошу) (?:мне )?отписаться(?: \w+){0,3}|(?:ошибл\w+|ошибся|перепутали)(?: \w+)? номер\w*|(?:не тот|неверный|неправильный|чужой) номер|не туда (?:попали|пишете)|(?:отстаньте|отстань|отвяжитесь)(?: (?:от меня|уже|пожалуйста))*" + END + r"|оставьте (?:меня )?в покое|никаких (?:\w+ )?(?:смс|сообщений)|"
        r"(?:зачем|почему) вы (?:мне )?(?:пишете|шлете|присылаете)(?: \w+){0,3}|(?:достали|надоели)(?: \w+){0,2} (?:сообщени\w+|смс|рассылк\w+|спам\w*)|отзываю (?:\w+ )?согласие(?: \w+){0,2}",
        guard=r"\b(?:не переставайте|не отписывайте|не удаляйте|после \d+|ночью|заказ\w*)\b",
    ),
    language(
        "uk", "STOP",
        "не припиніть видаліть відпишіть помилилися помилились той дайте залиште досить перестаньте відписатися номер",
        r"не (?:\w+ )?(?:пишіть|надсилайте|присилайте|турбуйте|шліть|дзвоніть)(?: \w+){0,4}|(?:припиніть|досить|перестаньте)(?: \w+){0,2} (?:надсилати|писати|слати|присилати|спамити)(?: \w+){0,3}|(?:видаліть|відпишіть|приберіть)(?: \w+){0,3} (?:мене|номер|списку)(?: \w+){0,3}|"
        r"(?:помилилися|помилились) номером|не той номер|дайте (?:мені )?спокій|залиште мене в спокої|не хочу (?:\w+ ){0,2}(?:отримувати|повідомлен\w+|смс)(?: \w+){0,2}|(?:хочу|як) відписатис\w(?: \w+){0,2}",
    ),
    language(
        "bg", "STOP",
        "не спрете грешен махнете изтрийте отпишете стига",
        r"не ми (?:\w+ )?(?:пишете|пращайте|изпращайте|звънете)(?: \w+){0,3}|(?:спрете|стига)(?: \w+){0,2} (?:да ми|пращате|пишете|съобщения\w*|смс)(?: \w+){0,3}|грешен номер|(?:махнете|изтрийте|отпишете)(?: \w+){0,3} (?:ме|номер\w*|списъка)(?: \w+){0,3}",
    ),
    language(
        "el", "STOP",
        "μη μην σταματήστε σταματα λάθος διαγράψτε αφαιρέστε βγάλτε αφήστε δεν",
        r"μην? (?:μου |με )?(?:ξανα)?(?:στελν|στειλ|στείλ|στέλν|ενοχλ)\w+(?: \w+){0,3}|(?:σταματήστε|σταματα)(?: \w+){0,4}|λάθος (?:αριθμός|νούμερο)|(?:διαγράψτε|αφαιρέστε|βγάλτε)(?: \w+){1,5}|αφήστε με (?:ήσυχ\w+)|δεν θέλω (?:\w+ ){0,3}(?:μηνύματα|sms)(?: \w+){0,3}",
    ),
    language(
        "tr", "IPTAL",
        "mesaj mesajlar mesajlari mesajları sms yazmayın yazma yazmayiniz aramayın atmayın atma numaram numaramı numarayı beni yanlış abonelik aboneliğimi aboneliği listeden rahatsız göndermeyin gonderme gönderme istemiyorum gelmesin",
        r"(?:\w+ ){0,3}?(?:mesaj\w*|sms\w*|reklam\w*)(?: \w+){0,2} (?:atma\w*|gonderme\w*|yollama\w*|istemi\w+|gelmesin|durdur\w*|kesin|gondermekten vazgecin)(?: \w+){0,2}|(?:\w+ ){0,3}?yazma(?:yin|yiniz|yın)?(?: \w+)?" + END + r"|(?:\w+ ){0,3}?(?:aramayin|rahatsiz etme\w*)(?: \w+)?|"
        r"(?:numaram\w*|numarayi|beni|bu numarayi)(?: \w+){0,3}? (?:sil\w*|cikar\w*|cikart\w*|kaldir\w*)(?: \w+)?|yanlis (?:numara|kisi)\w*(?: \w+){0,2}|beni rahat birak\w*|abonelig\w*(?: \w+){0,2} (?:iptal|sonlandir)\w*(?: \w+){0,2}|listeden cik\w*(?: \w+){0,2}|(?:sms|mesaj|mesajlari|uyelik) iptal\w*(?: \w+)?|(?:göndermeyin|göndermeyiniz|atmayın)(?: \w+)?",
    ),
    language(
        "ar", "STOP",
        "توقفوا توقف أوقفوا أوقف وقفوا كفوا لا رقم الرقم احذف احذفوا احذفوني أزيلوا امسح امسحوا الغوا الغاء إلغاء",
        r"(?:توقفوا|توقف|أوقفوا|أوقف|وقفوا|كفوا)(?: \w+){0,2} (?:الرسائل|إرسال|ارسال|مراسلتي|رسائل|إزعاجي|الإرسال)(?: \w+){0,3}|لا (?:ترسلوا|ترسل|تراسلني|تراسلوني|ترسلو|تتصلوا|تبعتوا|ترسلون)(?: \w+){0,4}|لا أريد (?:\w+ ){0,3}(?:رسائل|الرسائل|رسائلكم)(?: \w+){0,3}|"
        r"(?:رقم|الرقم) (?:خاطئ|خطأ|غلط|الخطأ)|(?:احذف|احذفوا|أزيلوا|امسح|امسحوا|الغوا)(?: \w+){0,3}? (?:رقمي|اشتراكي|القائمة|الرقم)(?: \w+){0,3}|احذفوني(?: \w+){0,3}|(?:الغاء|إلغاء) (?:ال)?(?:اشتراك|اشتراكي|رسائل|الرسائل)",
    ),
    language(
        "he", "STOP",
        "תפסיקו תפסיק הפסיקו די אל הסירו תסירו תורידו הורידו מחקו תמחקו להסיר מספר טעות תעזבו עזבו לא",
        r"(?:תפסיקו|תפסיק|הפסיקו|די)(?: \w+)? (?:לשלוח|להציק|לסמס|להטריד|ההודעות|הודעות)(?: \w+){0,3}|אל (?:תשלחו|תשלח|תסמסו)(?: \w+){0,4}|(?:הסירו|תסירו|תורידו|הורידו|מחקו|תמחקו|להסיר) (?:אותי|את)(?: \w+){0,4}|מספר (?:שגוי|לא נכון)|טעות במספר|(?:תעזבו|עזבו) אותי(?: \w+)?|לא (?:רוצה|מעוניין|מעוניינת)(?: \w+){0,2} (?:הודעות|סמסים)(?: \w+)?",
    ),
    language(
        "id", "HENTIKAN",
        "jangan berhenti stop hapus keluarkan buang salah tidak tolong hentikan",
        r"(?:jangan|berhenti|hentikan|stop(?= (?:kirim|mengirim|hantar|ganggu)))(?: \w+){0,2}? (?:kirim|sms|mengirim|menghubungi|hubungi|ganggu|hantar|mesej|pesan)\w*(?: \w+){0,4}|(?:hapus|keluarkan|buang|padam) (?:nomor|nombor|no|saya|nomer)(?: \w+){0,4}|(?:salah (?:nomor|nombor|sambung|orang|nomer)|nomor salah)|tidak (?:mau|ingin|mahu)(?: \w+){0,3} (?:sms|pesan|mesej)(?: \w+){0,2}",
    ),
    language(
        "tl", "STOP",
        "huwag wag tigilan itigil tama maling mali tanggalin ayoko alisin",
        r"(?:huwag|wag|tigilan|itigil|tama)(?: \w+){0,4}? (?:mag ?text|magpadala|mag ?message|magtext|text|itext|kontak\w*|mensahe|padala|pagtext|pag ?text|pagpapadala|messages?)(?: \w+){0,4}|(?:maling|mali (?:ang|po|yung)) (?:\w+ )?(?:numero|number)(?: \w+)?|(?:tanggalin|alisin)(?: \w+){0,3} (?:ako|number|numero)(?: \w+){0,3}",
    ),
    language(
        "vi", "STOP",
        "đừng không ngừng nhắn nhầm sai xóa xoá hủy huỷ",
        r"(?:dung|ngung|khong)(?: \w+){0,2} (?:nhan tin|gui tin|gui|lam phien|lien lac)(?: \w+){0,5}|khong muon nhan(?: \w+){0,4}|(?:nham|sai) so(?: \w+){0,3}|xoa so(?: \w+){0,4}|huy (?:dang ky|nhan tin)(?: \w+){0,2}",
    ),
    language(
        "hi", "STOP",
        "mat band galat hatao hata",
        r"(?:\w+ )?(?:mat|na) (?:bhejo|bhejna|bhejiye|bheje|karo message)(?: \w+){0,2}|(?:message|msg|sms|messages|ye|yeh)(?: \w+){0,2} band (?:karo|kare|kijiye|kar do)(?: \w+)?|galat number(?: \w+){0,2}|(?:mera|my) number (?:hatao|hata do|delete karo)",
    ),
)  # fmt: skip
WITHOUT_SPACES: Final[tuple[Language, ...]] = (
    language(
        "zh", "STOP", "",
        r"(?:不要|别|別|请勿|請勿|勿|不想|不希望|不用|停止|拒绝|拒絕)再?(?:给我|給我|向我)?再?(?:继续|繼續)?(?:发送|發送|发|發|收到|接收|收|传|傳|骚扰|騷擾|打扰|打擾)(?!货|貨|票|快递|快遞|票据)",
        r"(?:打|发|發|搞|找)错(?:了)?(?:号|人|號)?|(?:打|發|搞|找)錯(?:了)?(?:號|人)?|号码错|號碼錯|错误号码|错号|錯號",
        r"(?:删除|刪除|移除|去掉)(?:我|我的(?:号码|號碼|手机号)|这个号码)|(?:从|從).{0,8}(?:名单|名單|列表).{0,4}(?:删|刪|移|去)|取消(?:订阅|訂閱|短信)|退订|退訂",
    ),
    language(
        "ja", "STOP", "",
        r"(?:配信|送信|送付|メール|メッセージ|SMS|ショートメール|連絡|通知)(?:を|は|の)?(?:もう|全て|すべて)?(?:停止|やめ|止め|しない|不要|解除|いりません|要りません|止まって)",
        r"送(?:らない|って来ない|ってこない|信しない)で|連絡しないで|番号(?:が|を)?(?:違|間違|ちが)|間違い(?:電話|番号|です|メール)|人違い|リストから.{0,4}(?:削除|外し|消し)|登録.{0,4}解除",
    ),
    language(
        "ko", "STOP", "",
        r"(?:문자|메시지|메세지|연락|광고|스팸)(?:를|을|는|은|좀)? ?(?:좀 ?)?(?:그만|보내지|하지|안 ?받|중단|중지|거부|차단|필요 ?없|받고 ?싶지)|그만 ?(?:보내|연락|문자)|보내지 ?(?:마|말)|연락하지 ?(?:마|말)",
        r"(?:잘못|틀린) ?(?:된 ?)?번호|번호 ?(?:가 ?)?(?:잘못|틀)|(?:번호|저)(?:를|를 ?좀)? ?(?:삭제|지워|빼)|잘못 ?(?:보내|거셨|거신|연락|온)|수신 ?거부|구독 ?(?:취소|해지)",
    ),
    language("th", "STOP", "", r"(?:อย่า|หยุด|ไม่ต้อง|เลิก|ไม่อยาก)(?:ส่ง|รับ)|ผิดเบอร์|ยกเลิก(?:การรับ|ข้อความ|รับ)"),
)  # fmt: skip
"""Their words have no spaces between them, so they are searched for as they stand."""
