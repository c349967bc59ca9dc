"""What python-liquid says is wrong, in our words: it names kinds of tokens and of Python's values, which nobody who writes a mail knows."""

from __future__ import annotations

from app.lib.conversions import quoted
from app.lib.translation import gettext, translatable

KINDS = {
    "str": translatable("a text"), "Markup": translatable("a text"), "int": translatable("a number"),
    "float": translatable("a number"), "Decimal": translatable("a number"), "bool": translatable("true or false"),
    "list": translatable("a list"), "tuple": translatable("a list"), "range": translatable("a list"),
    "dict": translatable("an object"), "NoneType": translatable("no value"), "Undefined": translatable("no value"),
    "datetime": translatable("a date"), "date": translatable("a date"), "datetime.datetime": translatable("a date"),
}  # fmt: skip
"""What people call the kinds of values."""
REFUSED = {
    "a text": translatable("%(name)s cannot be used on a text like this"),
    "a number": translatable("%(name)s cannot be used on a number like this"),
    "true or false": translatable("%(name)s cannot be used on true or false"),
    "a list": translatable("%(name)s cannot be used on a list like this"),
    "an object": translatable("%(name)s cannot be used on an object like this"),
    "no value": translatable("%(name)s cannot be used where there is no value"),
    "a date": translatable("%(name)s cannot be used on a date like this"),
}
_THE_END, _A_NAME, _A_COMMA = translatable("the end"), translatable("a name"), translatable("a comma")
_A_VALUE, _A_DOT = translatable("a value"), translatable("a dot or a bracket")
_COMPARISON, _WHOLE = translatable("a comparison"), translatable("a whole number")
NOUNS = {
    "end of expression": _THE_END, "end of file": _THE_END, "word": _A_NAME, "an identifier": _A_NAME,
    "a name": _A_NAME, "an argument name": _A_NAME, "a primitive expression": _A_VALUE, "expression": _A_VALUE,
    "an string or variable": _A_VALUE, "a comma separated list of arguments": _A_COMMA,
    "a dot or bracket notation": _A_DOT, "an infix expression": _COMPARISON, "an integer": _WHOLE,
    "an int or string": translatable("a number or a text"), "an int, float or string": translatable("a number or a text"),
    "an array": KINDS["list"], "a parameter list": translatable("a list of values"), "string": KINDS["str"],
    "integer": KINDS["int"], "a path with multiple segments": translatable("a path of several names"),
    "'reversed', 'offset' or 'limit'": translatable("“reversed”, “offset” or “limit”"), **KINDS,
}  # fmt: skip
"""What the engine expects or finds. What is not in here is a sign or a word of the language and stands in quotes."""
SIGNS = {
    "pipe": "|", "colon": ":", "comma": ",", "dot": ".", "lbracket": "[", "rbracket": "]", "lparen": "(", "rparen": ")",
    "assign": "=", "eq": "==", "ne": "!=", "ltgt": "<>", "lt": "<", "gt": ">", "le": "<=", "ge": ">=", "dpipe": "||",
    "range": "..", "negative": "-", "equals": "=",
}  # fmt: skip
NESTED = translatable("this is nested too deeply")
SENTENCES = {
    "missing expression": translatable("a value or a condition is missing"),
    "missing or unexpected path segment": translatable("what stands in square brackets cannot be read"),
    "invalid identifier": translatable("this name has a sign that names do not have"),
    "expected at least one argument": translatable("a value is missing"),
    "disallowed parentheses in logical expression": translatable("conditions take no parentheses"),
    "unbalanced parentheses": translatable("a parenthesis is missing"),
    "comment tag was never closed": translatable("the comment is not closed"),
    "doc tag wad never closed": translatable("the comment is not closed"),
    "nested doc tags are not allowed": translatable("a comment of this kind cannot stand in another one"),
    "found an 'else' tag expression, did you mean 'elsif'?": translatable("“else” takes no condition, “elsif” does"),
    "every line of an inline comment must start with a '#' character": translatable("every line of this comment begins with #"),
    "output stream limit reached": translatable("the text becomes too long"),
    "local namespace limit reached": translatable("the variables of this text become too long"),
    "range literal length limit reached": translatable("this range is too long"),
    "loop iteration limit reached": translatable("the loops run too often"),
    "block nesting limit reached": NESTED,
    "maximum context depth reached, possible recursive include": NESTED,
    "maximum context depth reached, possible recursive render": NESTED,
    "invalid base64-encoded string": translatable("the text is not Base64"),
    "can't map sequence": translatable("the items of the list have no such value"),
    "can't sort sequence": translatable("the items of the list cannot be put in order"),
    "unexpected liquid parsing error": translatable("this cannot be read"),
}  # fmt: skip
BEGINNINGS = (
    ("unexpected tag ", translatable("the tag %(what)s is unknown, or does not belong here")),
    ("unknown operator ", translatable("there is no operator called %(what)s")),
    ("unexpected token ", translatable("unexpected %(what)s")),
    ("unexpected ", translatable("unexpected %(what)s")),
    ("could not cast string ", translatable("this text is no number: %(what)s")),
    ("integer string conversion limit", translatable("this number is too large")),
    ("can't read property ", translatable("the items of the list have no such value")),
    ("expected newline delimited tag expressions", translatable("each line begins with the name of a tag")),
)  # fmt: skip
"""How a sentence of the engine begins, and ours of the rest of it."""


def kind_in_words(value: object) -> str:
    """What sort of value it is: `a text`, `a number`, `a list`."""
    return gettext(KINDS.get(type(value).__name__, "no value"))


def refused_in_words(name: str, value: object, cause: BaseException | None) -> str:
    """Why the filter `name` could not be applied to a value."""
    if isinstance(cause, ArithmeticError) and "zero" in type(cause).__name__.lower():
        return gettext("%(name)s: nothing can be divided by 0", name=name)
    if isinstance(cause, TypeError) and " argument" in str(cause) and "__init__" not in str(cause):
        return gettext("%(name)s has too many or too few values", name=name)
    return gettext(REFUSED[KINDS.get(type(value).__name__, "no value")], name=name)


def plain(message: str) -> str:
    """A sentence of the engine in our words, in the reader's language; one of ours as it is."""
    if (known := SENTENCES.get(message)) is not None:
        return gettext(known)
    wanted, separator, what = message.rpartition(", found ")
    before, expected, wanted = wanted.partition("expected ")
    if separator and expected:
        nouns = {"wanted": _noun(wanted), "what": _noun(what)}
        if name := before.strip():
            return gettext("expected %(wanted)s for %(name)s, found %(what)s", name=name, **nouns)
        return gettext("expected %(wanted)s, found %(what)s", **nouns)
    if message.startswith("expected "):
        return gettext("expected %(wanted)s", wanted=_noun(message.removeprefix("expected ")))
    for beginning, sentence in BEGINNINGS:
        if message.startswith(beginning):
            name = message.removeprefix(beginning)
            return gettext(sentence, what=_noun(name)) if "%(" in sentence else gettext(sentence)
    return message


def _noun(name: str) -> str:
    """`pipe` as “|”, `word` as a name, `tag endif` as “{% endif %}”."""
    name = name.removeprefix("one of ").strip("()").split(",")[0].strip("'") if name.startswith("one of ") else name
    if (known := NOUNS.get(name) or NOUNS.get(name.strip("'"))) is not None:
        return gettext(known)
    if name.startswith("tag "):
        return quoted("{% " + name.removeprefix("tag ").strip("'") + " %}")
    name = name[1:-1] if len(name) > 2 and name[0] == name[-1] and name[0] in "'\"" else name
    return quoted(SIGNS.get(name, name), 40)
