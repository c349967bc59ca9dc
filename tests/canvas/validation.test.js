import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complaint } from '../../app/static/validation.js';

test('what is missing is asked for in the words of its kind', () => {
  const missing = { valueMissing: true };
  assert.equal(complaint(missing, { type: 'text' }), 'Fill this in.');
  assert.equal(complaint(missing, { type: 'select-one' }), 'Choose one.');
  assert.equal(complaint(missing, { type: 'checkbox' }), 'Tick this to go on.');
  assert.equal(complaint(missing, { type: 'file' }), 'Choose a file.');
});

test('what does not fit says how it would', () => {
  assert.equal(complaint({ typeMismatch: true }, { type: 'email' }), 'Write an email address, like ada@example.com.');
  assert.equal(complaint({ rangeUnderflow: true }, { type: 'number', min: '1' }), 'Not below 1.');
  assert.equal(complaint({ rangeOverflow: true }, { type: 'number', max: '9' }), 'Not above 9.');
  assert.equal(complaint({ tooShort: true }, { minLength: 10 }), 'At least 10 characters.');
  assert.equal(complaint({ badInput: true }, { type: 'number' }), 'Write a number.');
  assert.equal(complaint({ patternMismatch: true }, { title: 'Letters only.' }), 'Letters only.');
  assert.equal(complaint({ customError: true }, {}), 'This does not fit.');
});
