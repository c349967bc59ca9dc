"""What `./dev lint` refuses in pages: each fault is planted once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.dev.suites import TEMPLATES

ROOT = Path(__file__).resolve().parents[2]
FAULTS = {
    "H025": "<div><p>never closed",
    "T038": "{% if x %}<b>{{ x }}</b>",
    "H013": '<img src="/a.png">',
    "H037": '<a href="/x" href="/y">twice</a>',
    "H053": '<i id="a">one</i><i id="a">two</i>',
    "H042": '<label for="nothing">Name</label><input id="other" name="other">',
    "H043": "<button>What kind?</button>",
    "C001": '<p style="color: red">red</p>',
    "C002": '<p onclick="go()">go</p>',
    "C003": "<script>go()</script>",
}
FINE = """{% extends "base.html" %}
{% block content -%}
<form method="post" action="/x"><label for="n">Name</label><input id="n" name="n"><button type="submit">Go</button></form>
<i style="width:{{ share }}%">{{ share }}</i><script type="application/json" id="d">{{ data|tojson }}</script>
{%- endblock %}
"""


def test_each_fault_of_a_page_is_found_and_a_page_without_faults_is_not(tmp_path: Path) -> None:
    for code, text in FAULTS.items():
        (tmp_path / f"{code}.html").write_text(text)
    (tmp_path / "fine.html").write_text(FINE)
    places = TEMPLATES[: TEMPLATES.index("app/templates")]
    options = ["--configuration", "pyproject.toml", "--linter-output-format", "{filename} {code}", str(tmp_path)]
    result = subprocess.run(
        [sys.executable, "-m", "djlint", *places, *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    for code in FAULTS:
        assert f"{code}.html {code}" in result.stdout, result.stdout
    assert "fine.html" not in result.stdout
