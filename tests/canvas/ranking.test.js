import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fit, fitting } from '../../app/static/canvas/ranking.js';

const CHOICES = [
  { title: 'condition', keywords: 'condition if branch split' },
  { title: 'a/b split', keywords: 'a/b split experiment variant' },
  { title: 'wait for event', keywords: 'wait for event delay until' },
  { title: 'wait', keywords: 'wait delay pause' },
];
const titles = (typed) => fitting(CHOICES, typed).map(({ title }) => title);

test('a word of a title comes before a keyword of another choice', () => {
  assert.deepEqual(titles('split'), ['a/b split', 'condition']);
  assert.deepEqual(titles('b'), ['a/b split', 'condition']);
});

test('the very title comes first, then what begins so, and several words are looked for together', () => {
  assert.deepEqual(titles('wait'), ['wait', 'wait for event']);
  assert.deepEqual(titles('for ev'), ['wait for event']);
  assert.deepEqual(titles('delay'), ['wait for event', 'wait']);
});

test('the middle of a word is the last to fit, and nothing typed fits everything', () => {
  assert.equal(fit(CHOICES[0], 'ranch'), 4);
  assert.deepEqual(titles('zebra'), []);
  assert.deepEqual(titles(''), CHOICES.map(({ title }) => title));
});
