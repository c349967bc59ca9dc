"""The six mails of the demo workspace: a small publisher that sells a bundle (United), a podcast and a newsletter.

Written for real mail programs: tables, inline styles, no images to load, 600 px that shrink, readable with styles off, and a text
version of each. Only `_mail` and the pieces below it know HTML; the mails themselves are words.
"""

from __future__ import annotations

from typing import NamedTuple

_FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Helvetica,Arial,sans-serif"
_SERIF = "Georgia,'Times New Roman',serif"
_INK, _SOFT, _LINE, _PAPER, _GROUND = "#1d1b26", "#5d5a6b", "#e6e3ec", "#ffffff", "#f4f2f7"
_HELLO = "{{ contact.first_name | default: 'there' }}"


class DemoTemplate(NamedTuple):
    """One template as `POST /api/v1/templates` would take it; `key` is what the demo workflows call it."""

    key: str
    name: str
    subject: str
    html: str
    text: str


class MailColours(NamedTuple):
    """Colours of one mail: the band at the top, the button, and a tint for boxes. White text on band and button is readable."""

    band: str
    button: str
    tint: str


_UNITED = MailColours("#2b2f77", "#3b41a8", "#eef0fb")
_PODCAST = MailColours("#7a2e1d", "#a8432b", "#fbf0ec")
_GENERAL = MailColours("#14524a", "#1b6f64", "#e9f5f2")
_NUDGE = MailColours("#5b3a00", "#8a5a00", "#fdf4e3")
_VALUE = MailColours("#3d2463", "#5b3794", "#f3eefb")
_LETTER = MailColours("#1d1b26", "#37344a", "#f1f0f4")


def _paragraph(text: str) -> str:
    return f'<p style="margin:0 0 16px;font:400 16px/1.6 {_FONT};color:{_INK}">{text}</p>'


def _heading(text: str) -> str:
    return f'<h2 style="margin:24px 0 8px;font:600 18px/1.35 {_FONT};color:{_INK}">{text}</h2>'


def _button(look: MailColours, label: str, url: str) -> str:
    return (
        '<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:8px 0 24px"><tr>'
        f'<td bgcolor="{look.button}" style="border-radius:8px;background:{look.button}">'
        f'<a href="{url}" style="display:inline-block;padding:13px 22px;font:600 16px/1.2 {_FONT};color:#ffffff;'
        f'text-decoration:none;border-radius:8px">{label}</a></td></tr></table>'
    )


def _steps(look: MailColours, *steps: tuple[str, str]) -> str:
    """Numbered lines with a title and a sentence each."""
    rows = []
    for number, (title, text) in enumerate(steps, 1):
        last = number == len(steps)
        rows.append(
            f'<tr><td width="44" valign="top" style="padding:14px 0 {"14px" if last else "6px"} 18px">'
            f'<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr><td width="26" height="26" align="center" '
            f'bgcolor="{look.button}" style="border-radius:13px;font:600 13px/26px {_FONT};color:#ffffff">{number}</td></tr></table>'
            f'</td><td valign="top" style="padding:14px 18px {"16px" if last else "6px"} 8px;font:400 15px/1.5 {_FONT};color:{_SOFT}">'
            f'<strong style="color:{_INK}">{title}</strong><br>{text}</td></tr>'
        )
    return _boxed(look, "".join(rows))


def _quote(look: MailColours, words: str, who: str) -> str:
    return _boxed(
        look,
        f'<tr><td style="padding:20px 22px;font:italic 18px/1.5 {_SERIF};color:{_INK}">“{words}”'
        f'<br><span style="font:400 14px/2 {_FONT};color:{_SOFT}">{who}</span></td></tr>',
    )


def _facts(look: MailColours, *facts: tuple[str, str]) -> str:
    """Large figures side by side, each with a word below."""
    cells = "".join(
        f'<td width="{100 // len(facts)}%" align="center" valign="top" style="padding:18px 8px;font:400 13px/1.4 {_FONT};color:{_SOFT}">'
        f'<span style="font:600 26px/1.2 {_FONT};color:{_INK}">{figure}</span><br>{word}</td>'
        for figure, word in facts
    )
    return _boxed(look, f"<tr>{cells}</tr>")


def _boxed(look: MailColours, rows: str) -> str:
    return (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" '
        f'bgcolor="{look.tint}" style="margin:8px 0 24px;border-radius:12px;background:{look.tint}">{rows}</table>'
    )


def _mail(look: MailColours, *, preview: str, kicker: str, title: str, body: list[str], why: str) -> str:
    """A whole mail. `preview` is the line that inboxes show; `why` says to the reader why they got it."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>{title}</title>
</head>
<body style="margin:0;padding:0;background:{_GROUND}">
<div style="display:none;max-height:0;overflow:hidden;color:{_GROUND}">{preview}</div>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="{_GROUND}">
<tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0" style="width:100%;max-width:600px">
<tr><td bgcolor="{look.band}" style="padding:36px 32px 34px;border-radius:14px 14px 0 0;background:{look.band}">
<p style="margin:0 0 44px;font:600 15px/1 {_FONT};letter-spacing:.02em;color:#ffffff">Northlight Press</p>
<p style="margin:0 0 8px;font:600 13px/1.3 {_FONT};color:#ffffff">{kicker}</p>
<h1 style="margin:0;font:400 34px/1.2 {_SERIF};color:#ffffff">{title}</h1>
</td></tr>
<tr><td bgcolor="{_PAPER}" style="padding:32px 32px 16px;background:{_PAPER}">
{chr(10).join(body)}
</td></tr>
<tr><td bgcolor="{_PAPER}" style="padding:18px 32px 28px;border-top:1px solid {_LINE};border-radius:0 0 14px 14px;background:{_PAPER};\
font:400 13px/1.6 {_FONT};color:{_SOFT}">
{why} <a href="{{{{ unsubscribe_url }}}}" style="color:{_SOFT};text-decoration:underline">Unsubscribe</a><br>
Northlight Press, 4 Lantern Quay, Exampletown
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
"""


def _plain(*lines: str) -> str:
    footer = "--\n{}\nUnsubscribe: {{{{ unsubscribe_url }}}}\nNorthlight Press, 4 Lantern Quay, Exampletown\n"
    return "\n\n".join(lines[:-1]) + "\n\n" + footer.format(lines[-1])


def _united() -> DemoTemplate:
    why = "You get this because you bought United."
    html = _mail(
        _UNITED,
        preview="Everything we publish, from today. Three things to do in the first five minutes.",
        kicker="United",
        title=f"Welcome in, {_HELLO}",
        body=[
            _paragraph(
                "From today all of it is yours: every article, every episode, the archive back to 1998, on all your devices."
            ),
            _steps(
                _UNITED,
                ("Sign in on your phone", "One account for reading and listening."),
                ("Choose three topics", "We put them at the top of your morning."),
                ("Invite somebody", "United includes a second reader, at no extra cost."),
            ),
            _button(_UNITED, "Open United", "https://northlight.example/united?from=welcome"),
            "{% if event.plan == 'yearly' %}"
            + _paragraph(
                "You chose the yearly plan, so nothing will be asked of you before {{ event.renews_at | date: 'long' }}."
            )
            + "{% endif %}",
            _paragraph("If anything is not as it should be, answer this mail. A person reads it."),
        ],
        why=why,
    )
    text = _plain(
        f"Welcome in, {_HELLO}",
        "From today all of it is yours: every article, every episode, the archive back to 1998, on all your devices.",
        "1. Sign in on your phone: one account for reading and listening.\n2. Choose three topics: we put them at the top of your"
        " morning.\n3. Invite somebody: United includes a second reader, at no extra cost.",
        "Open United: https://northlight.example/united?from=welcome",
        why,
    )
    return DemoTemplate("united_welcome", "United welcome", f"Welcome to United, {_HELLO}", html, text)


def _podcast() -> DemoTemplate:
    why = "You get this because you subscribed to the podcast."
    html = _mail(
        _PODCAST,
        preview="Your private feed is ready. Start with these three episodes.",
        kicker="The Lantern, a podcast",
        title=f"Press play, {_HELLO}",
        body=[
            _paragraph(
                "Your private feed is ready: every episode a day early, without advertising, with the notes of the makers."
            ),
            _button(_PODCAST, "Add the feed to your player", "https://northlight.example/podcast/feed?from=welcome"),
            _heading("Three to start with"),
            _steps(
                _PODCAST,
                ("The lighthouse keeper’s ledger", "38 min. A notebook, found behind a wall, and what it was hiding."),
                ("Four minutes of silence", "24 min. Why a whole town agreed to stop its clocks."),
                ("The last ferry", "51 min. A farewell told by those who were on board."),
            ),
            _paragraph(
                "New episodes come on Thursdays at six in the morning{% if contact.timezone %}, your time{% endif %}."
            ),
        ],
        why=why,
    )
    text = _plain(
        f"Press play, {_HELLO}",
        "Your private feed is ready: every episode a day early, without advertising, with the notes of the makers.",
        "Add the feed to your player: https://northlight.example/podcast/feed?from=welcome",
        "Three to start with:\n- The lighthouse keeper's ledger (38 min)\n- Four minutes of silence (24 min)\n- The last ferry (51 min)",
        why,
    )
    return DemoTemplate("podcast_welcome", "Podcast welcome", f"Your private feed is ready, {_HELLO}", html, text)


def _generic() -> DemoTemplate:
    why = "You get this because you signed up at northlight.example."
    html = _mail(
        _GENERAL,
        preview="Good to have you. Here is the shortest way in.",
        kicker="Northlight Press",
        title=f"Good to have you, {_HELLO}",
        body=[
            _paragraph(
                "We are a small house that takes its time: few pieces, well made, and never more mail than you asked for."
            ),
            _facts(_GENERAL, ("12", "people who write"), ("1998", "since then"), ("0", "advertisements")),
            _paragraph("The shortest way in is our reading room. It remembers where you stopped."),
            _button(_GENERAL, "Go to the reading room", "https://northlight.example/start?from=welcome"),
            _paragraph("Have a question? Answer this mail. We mean it."),
        ],
        why=why,
    )
    text = _plain(
        f"Good to have you, {_HELLO}",
        "We are a small house that takes its time: few pieces, well made, and never more mail than you asked for.",
        "The shortest way in is our reading room: https://northlight.example/start?from=welcome",
        "Have a question? Answer this mail. We mean it.",
        why,
    )
    return DemoTemplate("generic_welcome", "General welcome", f"Good to have you, {_HELLO}", html, text)


def _engagement() -> DemoTemplate:
    why = "You get this because you signed up a few days ago."
    html = _mail(
        _NUDGE,
        preview="Five minutes are enough. We saved you a place.",
        kicker="A small reminder",
        title=f"We saved your place, {_HELLO}",
        body=[
            _paragraph(
                "You have been with us for a few days{% if event.product %} and your {{ event.product | capitalize }} subscription"
                " is waiting{% endif %}. Five minutes are enough to see whether it is for you."
            ),
            _quote(_NUDGE, "I meant to read one page and missed my stop.", "A reader, on her first evening"),
            _button(_NUDGE, "Take five minutes", "https://northlight.example/five?from=nudge"),
            _paragraph("Too much at once? Choose a single topic, and we stay quiet about the rest."),
        ],
        why=why,
    )
    text = _plain(
        f"We saved your place, {_HELLO}",
        "Five minutes are enough to see whether it is for you: https://northlight.example/five?from=nudge",
        "Too much at once? Choose a single topic, and we stay quiet about the rest.",
        why,
    )
    return DemoTemplate("engagement_nudge", "Engagement nudge", "Five minutes, when you like", html, text)


def _value() -> DemoTemplate:
    why = "You get this because you signed up last week."
    html = _mail(
        _VALUE,
        preview="What readers use most, and what most of them find too late.",
        kicker="One week in",
        title="What readers find too late",
        body=[
            _paragraph(
                f"Dear {_HELLO}, after a week most people know the front page. These three they find much later, and then miss most."
            ),
            _heading("The archive answers questions"),
            _paragraph("Ask it in plain words. It knows every piece since 1998 and shows you the page."),
            _heading("Every article can be heard"),
            _paragraph("Read aloud by the one who wrote it. It goes on where you stopped reading."),
            _heading("Give ten, keep all"),
            _paragraph("Send ten articles a month to friends. They read them in full, without an account."),
            _button(_VALUE, "Try the archive", "https://northlight.example/archive?from=value"),
        ],
        why=why,
    )
    text = _plain(
        f"Dear {_HELLO},",
        "After a week most people know the front page. These three they find much later:",
        "- The archive answers questions, in plain words.\n- Every article can be heard, read by the one who wrote it.\n- Give ten,"
        " keep all: ten articles a month for friends.",
        "Try the archive: https://northlight.example/archive?from=value",
        why,
    )
    return DemoTemplate("value_highlight", "Value highlight", "Three things readers find too late", html, text)


def _newsletter() -> DemoTemplate:
    why = "You get this because you subscribed to the newsletter."
    html = _mail(
        _LETTER,
        preview="One letter, on Fridays. Here is what you chose.",
        kicker="The Friday letter",
        title=f"See you on Friday, {_HELLO}",
        body=[
            _paragraph(
                "One letter a week: what we could not stop talking about, in seven minutes, with nothing to click unless you want to."
            ),
            "{% if contact.attributes.topics.size > 0 %}"
            + _paragraph("You chose {{ contact.attributes.topics | join: ', ' }}. We start there.")
            + "{% else %}"
            + _paragraph("You have not chosen topics yet, so you get a bit of everything.")
            + "{% endif %}",
            _button(_LETTER, "Change what you get", "https://northlight.example/letter/preferences?from=welcome"),
            _quote(_LETTER, "The only mail I open before my first coffee.", "A reader since 2016"),
        ],
        why=why,
    )
    text = _plain(
        f"See you on Friday, {_HELLO}",
        "One letter a week: what we could not stop talking about, in seven minutes.",
        "{% if contact.attributes.topics.size > 0 %}You chose {{ contact.attributes.topics | join: ', ' }}. We start there."
        "{% else %}You have not chosen topics yet, so you get a bit of everything.{% endif %}",
        "Change what you get: https://northlight.example/letter/preferences?from=welcome",
        why,
    )
    return DemoTemplate("newsletter_welcome", "Newsletter welcome", f"See you on Friday, {_HELLO}", html, text)


TEMPLATES: tuple[DemoTemplate, ...] = (_united(), _podcast(), _generic(), _engagement(), _value(), _newsletter())
