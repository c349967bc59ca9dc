import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suggestions } from '../../app/static/code-completion.js';

const sample = {
  input: { total: 3, items: [{ sku: 'a' }] },
  contact: { email: 'a@b.c', attributes: { 'plan name': 'pro' } },
  steps: { 'http-1': { status: 200 } },
  vars: {},
};
const labels = (before, language = 'javascript') => suggestions(before, sample, language)?.options.map((one) => one.label);
const applied = (before, language = 'javascript') => suggestions(before, sample, language)?.options.map((one) => one.apply);

test('a word is completed by the names that code has', () => {
  assert.deepEqual(labels('return co'), ['input', 'contact', 'steps', 'vars', 'console.log']);
  assert.equal(suggestions('return co', sample, 'python').from, 7);
  assert.equal(suggestions('return ', sample, 'python'), null);
  assert.equal(suggestions('a.co', sample, 'javascript'), null);
});

test('fields of the sample follow a name, as the language reads them', () => {
  assert.deepEqual(applied('return input.'), ['.total', '.items']);
  assert.deepEqual(applied('return input.to'), ['.total', '.items']);
  assert.deepEqual(applied("return input['", 'python'), ['["total"]', '["items"]']);
  assert.deepEqual(applied('return input.', 'python'), ['["total"]', '["items"]']);
  assert.deepEqual(applied('steps.'), ['["http-1"]']);
  assert.deepEqual(applied('steps["http-1"].'), ['.status']);
  assert.deepEqual(applied('contact.attributes.'), ['["plan name"]']);
  assert.deepEqual(labels('input.items[0].'), ['sku']);
});

test('what is not known suggests nothing', () => {
  assert.equal(suggestions('input.total.', sample, 'javascript'), null);
  assert.equal(suggestions('other.', sample, 'javascript'), null);
  assert.deepEqual(labels('vars.'), []);
  assert.equal(suggestions('input.', undefined, 'javascript'), null);
});

test('what is replaced begins at the dot or bracket', () => {
  assert.equal(suggestions('x = input.to', sample, 'javascript').from, 9);
  assert.equal(suggestions('x = input["to', sample, 'python').from, 9);
});
