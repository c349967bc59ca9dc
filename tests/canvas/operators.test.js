import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operatorsOf } from '../../app/static/canvas/forms.js';

const option = (value, kinds) => ({ value, dataset: { kinds } });
const ALL = [option('equals', 'number text'), option('in', 'number text'), option('contains', 'list text'), option('is_true', 'boolean')];
const names = (kind) => operatorsOf(ALL, kind).map(({ value }) => value);

test('a type of field offers its operators, in the order of the table', () => {
  assert.deepEqual(names('number'), ['equals', 'in']);
  assert.deepEqual(names('list'), ['contains']);
  assert.deepEqual(names('boolean'), ['is_true']);
});

test('of a field of which nothing is known, and of a kind that has none, all are offered', () => {
  assert.deepEqual(names(''), ['equals', 'in', 'contains', 'is_true']);
  assert.deepEqual(names('object'), names(''), 'what an earlier step puts out may be an object');
});

test('a part of a name is no kind', () => {
  assert.deepEqual(names('num'), names(''));
});
