import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathInText, withFallback } from '../../app/static/canvas/forms.js';

test('a text says what becomes of a placeholder without a value, once', () => {
  const text = 'Hi {{ contact.name }}, {{contact.name}} and {{ contact.names }}';
  const failing = withFallback(text, 'contact.name', 'or_fail');
  assert.equal(failing, 'Hi {{ contact.name | or_fail }}, {{ contact.name | or_fail }} and {{ contact.names }}');
  const instead = withFallback(failing, 'contact.name', 'default: "you | all"');
  assert.equal(instead, 'Hi {{ contact.name | default: "you | all" }}, {{ contact.name | default: "you | all" }} and {{ contact.names }}');
  assert.equal(withFallback(instead, 'contact.name', ''), 'Hi {{ contact.name }}, {{ contact.name }} and {{ contact.names }}');
});

test('other filters and tags stay as they are', () => {
  for (const text of ['{{ contact.name | upcase }}', '{% if contact.name %}x{% endif %}', '{{ contact.name | default: "a" | upcase }}', '']) {
    assert.equal(withFallback(text, 'contact.name', 'or_fail'), text);
  }
  assert.equal(withFallback('{{ event.items[0].name }}', 'event.items[0].name', 'or_fail'), '{{ event.items[0].name | or_fail }}');
});

test('names have letters of any language', () => {
  assert.equal(withFallback('{{ contact.attributes.größe }}', 'contact.attributes.größe', 'or_fail'), '{{ contact.attributes.größe | or_fail }}');
});

test('a text reads what a path cannot write', () => {
  assert.equal(pathInText('contact.attributes.größe'), 'contact.attributes.größe');
  assert.equal(pathInText('event.items[0].a-b'), 'event.items[0].a-b');
  assert.equal(pathInText('event.Order Id'), 'event["Order Id"]');
  assert.equal(pathInText('event.Ship to.the "door"'), 'event["Ship to"][\'the "door"\']');
});
