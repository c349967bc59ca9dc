import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapped, namesRows, withTopics } from '../../app/static/canvas/paste-mapping.js';

const [own, gone, none] = [1, 2, 3].map((n) => `0b0f2f1e-0000-7000-8000-00000000000${n}`);

test('ids become what was chosen, wherever they stand, and what stays empty is left out', () => {
  const data = { templateId: gone, arms: [{ templateId: none, weight: 1 }], segments: [gone, none, own], text: `about ${gone}`, on: true, at: null };
  const chosen = new Map([[gone, own], [none, '']]);
  assert.deepEqual(mapped(data, chosen), { templateId: own, arms: [{ weight: 1 }], segments: [own, own], text: `about ${gone}`, on: true, at: null });
  assert.deepEqual(mapped(data, new Map()), data);
});

test('only what looks like an id is asked about', () => {
  for (const data of [{ a: gone }, { a: [{ b: gone }] }]) assert.equal(namesRows(data), true);
  for (const data of [undefined, null, {}, { a: 'x', b: 3, c: [`${gone} `] }]) assert.equal(namesRows(data), false);
});

test('topics are what was chosen in the fields that name them alone', () => {
  const data = { topic: ' news', tag: 'news', subject: 'news' };
  const [renamed, left] = ['newsletter', ''].map((value) => [{ name: 'news', value, fields: ['topic'] }]);
  assert.deepEqual(withTopics(data, renamed), { topic: 'newsletter', tag: 'news', subject: 'news' });
  assert.deepEqual(withTopics(data, left), { tag: 'news', subject: 'news' });
  assert.deepEqual(withTopics({ topic: 'other' }, renamed), { topic: 'other' });
  assert.equal(withTopics(undefined, renamed), undefined);
});
