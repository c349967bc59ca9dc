import assert from 'node:assert/strict';
import { test } from 'node:test';

import { crossings } from '../../app/static/canvas/crossings.js';

const PLACES = { ask: { x: 0, y: 0 }, other: { x: 300, y: 0 }, left: { x: -100, y: 168 }, right: { x: 100, y: 168 } };
const count = (...lines) => crossings(lines.map(([source, target, port]) => ({ source, target, port })), (id) => PLACES[id]);

test('ports stand from left to right, and so should where they lead', () => {
  assert.equal(count(['ask', 'left', 0], ['ask', 'right', 1]), 0);
  assert.equal(count(['ask', 'right', 0], ['ask', 'left', 1]), 1);
});

test('lines of two steps of a row cross when their ends stand the other way round', () => {
  assert.equal(count(['ask', 'right', 0], ['other', 'left', 0]), 1);
  assert.equal(count(['ask', 'left', 0], ['other', 'right', 0]), 0);
});

test('lines that meet, or begin in different rows, do not count', () => {
  assert.equal(count(['ask', 'left', 0], ['ask', 'left', 1]), 0);
  assert.equal(count(['ask', 'right', 0], ['left', 'ask', 0]), 0);
});
