import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liquidOffers } from '../../app/static/template-completion.js';

const variables = [
  { code: "{{ contact.first_name | default: 'there' }}", label: 'First name' },
  { code: '{{ unsubscribe_url }}', label: 'Unsubscribe link' },
  { code: "{% if contact.plan == 'pro' %}…{% endif %}", label: 'Only when' },
];
const at = (before, after = '') => liquidOffers(before, after, variables, ['default', 'upcase']);
/** What the line is when an offer was taken, with | where the cursor stands. */
function taken(before, label, after = '') {
  const { replaces: { from, to }, offers } = at(before, after);
  const { text, cursor } = offers.find((one) => one.label === label);
  const line = before + after;
  return `${line.slice(0, from)}${text.slice(0, cursor)}|${text.slice(cursor)}${line.slice(to)}`;
}

test('a variable is offered after two braces, with what stands there for those who have none', () => {
  assert.deepEqual(at('Hi {{ con').offers.map((one) => one.detail), ['First name', 'Unsubscribe link']);
  assert.equal(at('Hi {{ con').from, 6);
  assert.equal(taken('Hi {{ con', "contact.first_name | default: 'there'"), "Hi {{ contact.first_name | default: 'there' }}|");
  assert.equal(taken('<a href="{{', 'unsubscribe_url', '">'), '<a href="{{ unsubscribe_url }}|">');
});

test('braces that are there already are not written again', () => {
  assert.equal(taken('{{ con', 'unsubscribe_url', 'tact.x }} you'), '{{ unsubscribe_url }}| you');
  assert.equal(taken('{% e', 'else', ' %}<p>'), '{% else %}|<p>');
});

test('a filter is offered behind a bar in braces, and nowhere else', () => {
  assert.deepEqual(at('{{ a | up').offers.map((one) => one.label), ['default', 'upcase']);
  assert.equal(taken("{{ a | default: 'x' | u", 'upcase', ' }}'), "{{ a | default: 'x' | upcase| }}");
  assert.equal(at('a | b'), null);
  assert.equal(at('{{ a }} | b'), null);
});

test('a tag brings what closes it, and the cursor stands in it', () => {
  assert.equal(taken('{% i', 'if'), '{% if | %}{% endif %}');
  assert.equal(taken('{%', 'comment'), '{% comment %}|{% endcomment %}');
  assert.equal(taken('{% as', 'assign'), '{% assign | %}');
  assert.equal(taken('{% e', 'endfor'), '{% endfor %}|');
});

test('plain text offers nothing', () => {
  for (const text of ['', 'Hello', '{ x', 'a { b', '{{ a }} and']) assert.equal(at(text), null, text);
});
