"""Words by which people stop messages to their phone and begin them again, in the languages of our senders' customers. All in one place.

English as carriers ask for it: the CTIA's messaging principles, and the words that Twilio, AWS End User Messaging and Sinch act upon
(STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT, REVOKE, OPTOUT, REMOVE; START, UNSTOP). French ARRET besides STOP is a rule of Canadian
carriers and in AWS's list; STOP works everywhere in France by the operators' charter, as it does in the other countries. The words of
the other languages are what the imperative "stop", "unsubscribe me" and "cancel" are there. A word that answers ordinary questions
(YES, OK, NO, FIN, ENDE, BASTA, INFO) is none: who answers a question must not lose their messages.

HELP in any language asks for an answer of a person: it is a reply like any other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from typing import Literal

from app.lib.translation import gettext

OptWord = Literal["stop", "start", ""]
STOP: Mapping[str, tuple[str, ...]] = {
    "en": (
        "stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out", "remove",
        "remove me", "unsubscribe me", "stop messages",
    ),
    "de": ("stopp", "abmelden", "abbestellen", "austragen", "kündigen", "abmeldung", "stopp alle", "keine nachrichten"),
    "fr": ("arrêt", "arrêter", "arrêtez", "désabonner", "désabonnement", "désinscrire", "désinscription", "me désinscrire"),
    "es": ("parar", "pare", "baja", "darme de baja", "dar de baja", "cancelar", "alto", "detener", "cancelar suscripción"),
    "it": ("ferma", "fermare", "annulla", "annullare", "cancella", "disiscrivi", "disiscrivimi", "cancellami", "disdici"),
    "nl": ("stoppen", "afmelden", "uitschrijven", "opzeggen", "annuleren", "afmelding", "stop alles"),
    "pt": ("pare", "parar", "sair", "cancelar", "remover", "descadastrar", "anular", "cancelar inscrição"),
    "pl": ("zatrzymaj", "wypisz", "wypisz mnie", "rezygnuję", "rezygnacja", "anuluj", "koniec"),
}  # fmt: skip
START: Mapping[str, tuple[str, ...]] = {
    "en": ("start", "unstop", "subscribe", "resume", "opt in", "optin"),
    "de": ("anmelden", "fortsetzen", "starten"),
    "fr": ("démarrer", "commencer", "reprendre", "abonner", "réabonner"),
    "es": ("alta", "iniciar", "comenzar", "empezar", "reanudar"),
    "it": ("inizia", "iniziare", "riprendi", "iscrivi", "iscrivimi"),
    "nl": ("starten", "aanmelden", "hervatten", "inschrijven"),
    "pt": ("iniciar", "começar", "retomar", "voltar"),
    "pl": ("wznów", "zapisz", "zapisz mnie", "rozpocznij"),
}
HELP: Mapping[str, tuple[str, ...]] = {
    "en": ("help", "info"), "de": ("hilfe",), "fr": ("aide",), "es": ("ayuda",), "it": ("aiuto",), "nl": ("hulp",),
    "pt": ("ajuda",), "pl": ("pomoc",),
}  # fmt: skip
"""Recorded as replies. No workspace can make one of them a word that stops: carriers promise an answer to it."""
STOP_WORDS = "stopWords"
"""In the settings of a workspace: further words that stop."""
LONGEST, MOST_WORDS = 40, 50
"""Characters of one word of a workspace, and how many it may have."""
_UNFOLDED = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"})
"""Letters that do not come apart into a letter and an accent."""


def comparable_word(text: str) -> str:
    """A reply without case, accents, punctuation, emoji and the blanks between its words."""
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_UNFOLDED))
    letters = "".join(one for one in folded if unicodedata.category(one) not in ("Mn", "Cf", "Me"))
    return " ".join("".join(one if one.isalnum() else " " for one in letters).split())


def _known(words: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(comparable_word(word) for of_language in words.values() for word in of_language)


_STOP, _START, _HELP = _known(STOP), _known(START), _known(HELP)


def opt_word(text: str, more: Collection[str] = ()) -> OptWord:
    """What a reply that consists of one of these words asks for; empty for every other. `more`: further words that stop, of a workspace."""
    if len(text) > 4 * LONGEST:
        return ""
    word = comparable_word(text)
    if word in _START:
        return "start"
    return "stop" if word and (word in _STOP or word in map(comparable_word, more)) else ""


def word_fault(word: str) -> str:
    """Why a workspace cannot have this as a further word that stops; empty when it can."""
    plain = comparable_word(word)
    if not plain or len(word) > LONGEST:
        return gettext("A word has letters or digits, and %(longest)s characters at most.", longest=LONGEST)
    if plain in _START:
        return gettext("“%(word)s” begins messages again, so it cannot stop them.", word=word)
    if plain in _HELP:
        return gettext(
            "“%(word)s” asks for help. Carriers promise an answer to it, so it cannot stop messages.", word=word
        )
    return ""
