"""Words of permission, without accents and in small letters: what exports, spreadsheets and people in many countries write.

Stems are looked for anywhere in a name of a column that was written together; words are whole cells. Bars stand between them.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(_stems(text))


def _stems(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split("|"))


OUT_STEMS = _stems("""
    unsub | optout | optedout | optingout | optsout | donotcontact | donotemail | donotmail | donotsend | donotcall | donottext |
    donotsms | donotmarket | donotbulk | donotallow | dontcontact | dontemail | dontmail | nocontact | noemail | nomailing |
    nomarketing | nonewsletter | suppress | blocklist | blacklist | denylist | notsubscribed | notoptedin | excludedfrom |
    excludefrom | isexcluded | spamcomplaint | spamreport | markedasspam | hardbounc | bounced | cleantime | cleaneddate |
    undeliverable | consentwithdrawn | withdrewconsent | consentrevoked | leftlist | preferencecenteroptout | abgemeldet | abmeld |
    abbestell | ausgetragen | austrag | werbesperr | mailsperr | sperrliste | sperrvermerk | kontaktsperr | nichtkontakt |
    nichtanschreib | nichtmail | keinewerb | keinnewsletter | keineemail | keinemail | werbewiderspruch | robinson | unzustellbar |
    blockiert | desabon | desinscri | nepascontact | pasdecontact | nepassollicit | nepasenvoy | listenoire | nonabonne | dadodebaja
    | fechabaja | fechadebaja | nocontactar | desuscri | desubscri | noenviar | listanegra | nosuscrito | cancelosuscrip | rebotad |
    cancellat | disiscri | noncontattare | noninviare | listanera | noniscritto | rimbalz | uitgeschreven | uitschrij | afgemeld |
    afmeld | nietmailen | nietbenaderen | nietcontacteren | geenmail | geennieuwsbrief | geenreclame | descadastr | naocontat |
    naocontact | naoenviar | naoinscrito | cancelouinscri | wypisan | niekontaktowac | niewysylac | odsubskryb | czarnalista |
    zrezygnowa | avregistr | avanmal | avprenumer | kontaktainte | kontaktaej | sparrad | nejtack | frameld | avmeld | ikkekontakt |
    ikkesend | reservertmot | nejtak | neitakk | markkinointikiel | suoramarkkinointikiel | peruuttan | odhlas | nekontaktovat |
    neposilat | nezasilat | leiratkoz | dezabon | abonelikten | uyeliktencik | отпис | небеспоко | отказотрассыл | 配信停止 | 配信拒否 |
    购読解除 | 購読解除 | 退订 | 退訂 | 取消订阅 | 拒收 | 黑名单 | 수신거부 | 구독취소 | διαγραφ
    """)
OUT_TOKENS = _words("""
    dnc | dne | dnm | dncr | baja | bajas | stoppub
    """)
MAYBE_OUT_STEMS = _stems("""
    complain | bounc | blocked | revoked | withdrawn | widerspr | widerruf | gesperrt | opposition | opposizione | oppos |
    beschwerde | plainte | rezygnac | sprzeciw | wycofan | bezwaar | opgezegd | opsagt | bloque | bloccat | cancelad | revocad |
    revocat | excluido | removid | rimoss | iptal | kielto | poistettu | отказ | 退会 | 解除
    """)
MAYBE_OUT_TOKENS = _words("""
    stop | stopp | inactive | removed | deleted | invalid | cancelled | canceled | cleaned | unreachable
    """)
IN_STEMS = _stems("""
    optin | optedin | subscribed | emailsubscription | consent | acceptsmarketing | acceptsemail | marketingallowed | emailstatus |
    marketingstatus | subscriberstatus | mailstatus | newsletterstatus | mailinglist | emailallowed | marketingpermission |
    emailpermission | emailable | allowmarketing | allowemail | angemeldet | einwillig | zustimm | abonniert | newsletter | abonne |
    suscrit | iscritt | ingeschreven | toestemming | inscrit | aceita | zgoda | samtyck | samtykke | suostumus | souhlas |
    hozzajarul | соглас | подписан | рассылк | 同意 | 订阅 | 購読 | 구독 | 수신동의
    """)
IN_TOKENS = _words("""
    subscriber | mailable
    """)
ABOUT = _words("""
    reason | grund | motif | motivo | reden | powod | title | campaign | campaigns | id | comment | comments | note | notes | ip |
    source | quelle | by | type | text | wording | version | token | href | other | category | categories | kategorie | count |
    lists
    """)
"""A column with one of these tells more about an opt-out or consent; it is none itself."""
STATUS_TOKENS = _words("""
    status | state | statut | etat | estado | stato | stan | tila | stav | durum | zustand | статус | 状态
    """)
CHANNELS = {
    "sms": ("sms", "textmess", "donottext"),
    "whatsapp": ("whatsapp",),
    "push": ("push",),
    "phone": ("donotcall", "phonecall", "nocalls", "telemark", "callopt", "phoneopt"),
    "post": ("postalmail", "directmail", "postopt", "donotpost"),
}
YES = _words("""
    true | yes | y | t | on | 1 | x | ok | checked | ja | j | wahr | oui | o | vrai | si | s | verdadero | vero | sim | verdadeiro |
    tak | prawda | waar | sant | da | ano | igen | evet | kylla | да | はい | 是 | 예 | ναι | כן | نعم | 1 0 | 1 00
    """)
NO = _words("""
    false | no | n | f | off | 0 | never | unchecked | nein | falsch | non | faux | falso | nao | nie | falsz | nee | onwaar | nej |
    nei | falsk | ei | ne | nem | hayir | нет | いいえ | 否 | 아니요 | οχι | לא | 0 0 | 0 00
    """)
COMPLAINED = _words("""
    complained | complaint | complainer | spam complaint | spam | marked as spam | reported spam | abuse | reported as spam | junk |
    spam report
    """)
BOUNCED = _words("""
    cleaned | bounced | bounce | hard bounce | hard bounced | hardbounce | hardbounced | undeliverable | invalid | invalid email |
    invalid address | unzustellbar | rebotado | rebote | rimbalzato | gebounced
    """)
LIST_OUT = _words("""
    unsubscribed | unsubscribe | unsub | opted out | opt out | optout | optedout | opt outs | do not contact | do not email |
    do not mail | dont contact | dont email | dnc | dne | no contact | never subscribed | not subscribed | non subscribed |
    nonsubscribed | not opted in | suppressed | user suppressed | suppression | blocklisted | blacklisted | blocklist | blacklist |
    globally unsubscribed | do not allow | no consent | no permission | no permissions set | awaiting confirmation | unconfirmed |
    consent withdrawn | email blacklisted | sms blacklisted | no marketing | no emails | no email | abgemeldet | abbestellt |
    ausgetragen | keine werbung | nicht kontaktieren | nicht angemeldet | kein newsletter | desabonne | desabonnee | desinscrit |
    desinscrite | ne pas contacter | non abonne | non inscrit | baja | de baja | dado de baja | dada de baja | desuscrito |
    desuscrita | no suscrito | no contactar | cancellato | cancellata | disiscritto | disiscritta | non iscritto | non contattare |
    uitgeschreven | afgemeld | niet mailen | niet benaderen | niet ingeschreven | descadastrado | descadastrada | nao inscrito |
    nao contatar | wypisany | wypisana | wypisano | avregistrerad | avanmald | avprenumererad | avmeldt | afmeldt | frameldt |
    odhlasen | odhlaseny | odhlaseno | leiratkozott | dezabonat | отписан | отписался | отписалась
    | 退订 | 已退订 | 取消订阅 | 配信停止 | 수신거부 |
    abonelikten cikti
    """)
_MORE_OUT = _words("""
    inactive | disabled | blocked | removed | deleted | archived | pending | withdrawn | revoked | not allowed | disallowed | denied
    | declined | refused | rejected | stopped | stop | excluded | inaktiv | gesperrt | widerrufen | widersprochen | inactif | refuse
    | oppose | bloque | inactivo | cancelado | cancelada | bloqueado | inattivo | bloccato | revocato | inactief | geblokkeerd |
    inativo | nieaktywny | nieaktywna | sparrad | neaktivni | cancelled | canceled
    """)
OUT = LIST_OUT | COMPLAINED | BOUNCED | _MORE_OUT
IN = _words("""
    subscribed | subscriber | subscribe | active | opted in | opt in | optin | optedin | confirmed | allowed | allow | granted |
    express | implied | accepted | enabled | double opt in | single opt in | mailable | aktiv | angemeldet | abonniert | bestatigt |
    eingewilligt | abonne | abonnee | inscrit | inscrite | actif | suscrito | suscrita | activo | activa | iscritto | iscritta |
    attivo | attiva | ingeschreven | aangemeld | actief | inscrito | inscrita | ativo | ativa | zapisany | zapisana | aktywny |
    aktywna | prenumererar | pameldt | tilmeldt | prihlasen | feliratkozott | abonat | подписан | 已订阅
    """)
LIST_WORDS = LIST_OUT | COMPLAINED | BOUNCED | _words("subscribed | opted in | opt in | optedin | optin")
"""Words that only a list of mail has: a column that holds them and nothing strange is its status."""
SURELY_OUT = (LIST_OUT | _words("marked as spam | spam complaint | hard bounce | hard bounced | bounced")) - _words(
    "cancellato | cancellata | unconfirmed | awaiting confirmation | suppression | no email | baja | no emails"
)
"""What a cell of any column is taken for, unless somebody said that it means something else."""
