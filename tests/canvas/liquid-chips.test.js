/** Simple variables of a text are found and written again as they were; everything else stays text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chipsIn, pathOf, sourceOf } from '../../app/static/canvas/liquid-chips.js';

const paths = (text) => chipsIn(text).map((chip) => chip.path);

test('paths are what the catalogue calls them', () => {
  assert.equal(pathOf('contact.first_name'), 'contact.first_name');
  assert.equal(pathOf('event["Order Id"].sku'), 'event.Order Id.sku');
  assert.equal(pathOf('event.items[0].sku'), 'event.items[0].sku');
  assert.equal(pathOf("contact.attributes['größe']"), 'contact.attributes.größe');
  for (const no of ['', 'contact', 'plan', 'contact.', 'contact..a', 'contact[x]', 'contact.a b', 'forloop.index']) assert.equal(pathOf(no), '', no);
});

test('what becomes of those without a value is read, and other filters stay', () => {
  const [one] = chipsIn('Hi {{contact.first_name|upcase| default: "you | all" }}!');
  assert.deepEqual([one.path, one.rule, one.instead, one.filters], ['contact.first_name', 'default', 'you | all', ['upcase']]);
  assert.equal('Hi {{contact.first_name|upcase| default: "you | all" }}!'.slice(one.from, one.to), '{{contact.first_name|upcase| default: "you | all" }}');
  assert.equal(chipsIn('{{ event.total | or_fail }}')[0].rule, 'fail');
  assert.equal(chipsIn("{{ event.total | default: 'none' }}")[0].instead, 'none');
  assert.equal(chipsIn('{{ event.day | date: "%d | %m" }}')[0].filters[0], 'date: "%d | %m"');
});

test('what is no simple variable stays text', () => {
  for (const text of [
    '{% if contact.plan == "pro" %}x{% endif %}', '{{ plan }}', '{{- contact.plan }}', '{{ contact.plan -}}', '{{ contact.plan', 'contact.plan }}',
    '{{ contact.a + 1 }}', '{{ contact.plan | default: event.plan }}', '{{ contact.plan | default: "a" | default: "b" }}', '{{ contact.a | }}',
    '{{ contact.plan | default: "open }}', '{{\ncontact.plan }}', '{{ "contact.plan" }}',
  ]) assert.deepEqual(paths(text), [], text);
  assert.deepEqual(paths('{{ {{ contact.plan }} {{ x }} {{ event.a }}'), ['contact.plan', 'event.a']);
  assert.deepEqual(paths('{% if event.a %}{{ event.b }}{% endif %}'), ['event.b']);
});

test('a chip that is written again reads the same', () => {
  const texts = ['a', 'it’s "so"', "it's \"so\"", 'a | b', '}} {{', '', 'two\nlines', '{% x %}'];
  for (const rule of ['empty', 'default', 'fail']) {
    for (const instead of texts) {
      const source = sourceOf({ written: 'event["Order Id"]', filters: ['upcase', 'truncate: 5, "…"'], rule, instead });
      const [again, ...more] = chipsIn(`x ${source} y`);
      assert.equal(more.length, 0, source);
      assert.equal(again.rule, rule, source);
      assert.equal(sourceOf(again), source);
      assert.deepEqual([again.from, again.to], [2, 2 + source.length]);
    }
  }
});

test('what stands there instead stays where it was among the filters, as those behind it change it', () => {
  const rewritten = (text, changed) => sourceOf({ ...chipsIn(text)[0], ...changed });
  assert.equal(rewritten('{{ contact.a | upcase | default: "x" }}', { instead: 'y' }), '{{ contact.a | upcase | default: "y" }}');
  assert.equal(rewritten('{{ contact.a | default: "x" | upcase }}', { instead: 'y' }), '{{ contact.a | default: "y" | upcase }}');
  const split = '{{ contact.name | split: " " | default: "dear friend" | first }}';
  assert.equal(rewritten(split, {}), split);
  assert.equal(rewritten('{{ event.day | date: "%d" }}', { rule: 'default', instead: 'soon' }), '{{ event.day | date: "%d" | default: "soon" }}');
  assert.equal(rewritten('{{ event.points | plus: 0 }}', { rule: 'fail' }), '{{ event.points | or_fail | plus: 0 }}');
});

test('what is printed as it stands, or not at all, has no variables', () => {
  const quiet = ['{% raw %}{{ contact.a }}{% endraw %}', '{%- comment -%}{{ event.a }}{%- endcomment -%}', '{% doc %}{{ event.a }}{% enddoc %}'];
  for (const text of quiet) assert.deepEqual(paths(`${text}{{ event.b }}`), ['event.b'], text);
  assert.deepEqual(paths('{% comment %}{% comment %}{% endcomment %}{{ event.a }}{% endcomment %}{{ event.b }}'), ['event.b']);
  assert.deepEqual(paths('{% raw %}{{ event.a }}'), []);
  assert.deepEqual(paths('{% rawhide %}{{ event.a }}'), ['event.a']);
});

test('a text of many variables, open ones and closed ones, is read to its end', () => {
  const ask = (length) => {
    const texts = ['{{ contact.a ', '{{ contact.a | default: "', '{{ contact.a }}', '{{ contact' + '.a'.repeat(9) + ' }'];
    texts.push('{% raw ', '{% raw %}{% endraw %}', '{% comment %}{{ contact.a }}');
    return texts.reduce((sum, text) => sum + chipsIn(text.repeat(length)).length, 0);
  };
  assert.equal(ask(20_000), 20_000);
});
