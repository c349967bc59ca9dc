import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waits } from '../../app/static/held-keys.js';

const key = (name, more = {}) => ({ key: name, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, ...more });

test('what writes waits, and what chooses what was written', () => {
  for (const name of ['a', 'é', '😀', ' ', '?', 'Enter', 'Backspace', 'Delete']) assert.equal(waits(key(name)), true, name);
});

test('what moves the focus, closes, or belongs to the browser does not', () => {
  for (const name of ['Tab', 'Escape', 'ArrowDown', 'F5', 'Shift', 'Dead']) assert.equal(waits(key(name)), false, name);
  for (const chord of ['ctrlKey', 'metaKey', 'altKey', 'isComposing']) assert.equal(waits(key('a', { [chord]: true })), false, chord);
});
