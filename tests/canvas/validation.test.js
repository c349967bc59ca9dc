import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from '../../app/static/validation.js';

test('what is missing is asked for in the words of its kind', () => {
  const missing = { valueMissing: true };
  assert.equal(refusal(missing, { type: 'text' }), 'Fill this in.');
  assert.equal(refusal(missing, { type: 'select-one' }), 'Choose one.');
  assert.equal(refusal(missing, { type: 'checkbox' }), 'Tick this to continue.');
  assert.equal(refusal(missing, { type: 'file' }), 'Choose a file.');
});

test('what does not fit says how it would', () => {
  assert.equal(refusal({ typeMismatch: true }, { type: 'email' }), 'Write an email address, like ada@example.com.');
  assert.equal(refusal({ rangeUnderflow: true }, { type: 'number', min: '1' }), 'Not below 1.');
  assert.equal(refusal({ rangeOverflow: true }, { type: 'number', max: '9' }), 'Not above 9.');
  assert.equal(refusal({ tooShort: true }, { minLength: 10 }), 'At least 10 characters.');
  assert.equal(refusal({ badInput: true }, { type: 'number' }), 'Write a number.');
  assert.equal(refusal({ patternMismatch: true }, { title: 'Letters only.' }), 'Letters only.');
  assert.equal(refusal({ customError: true }, { validationMessage: 'There is one already.' }), 'There is one already.');
  assert.equal(refusal({ customError: true }, {}), 'This does not fit.');
});
