import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peopleOf } from '../../app/static/canvas/presence.js';

const tab = (user, name, step = '') => ({ user: user[0], tab: user, name, initials: name.slice(0, 2), tint: 1, step });

test('one person in two tabs is one person at two steps, and this tab is nobody', () => {
  const people = peopleOf([tab('a1', 'Ada', 'mail'), tab('a2', 'Ada', 'wait'), tab('r1', 'Rosa', 'mail')], 'r1', 'r');
  assert.deepEqual([...people.values()].map(({ name, own, steps }) => [name, own, steps]), [['Ada', false, ['mail', 'wait']]]);
});

test('another tab of who looks is theirs, and a tab of the same name of somebody else is not this one', () => {
  const people = peopleOf([tab('r1', 'Rosa'), { ...tab('r1', 'Eve'), user: 'e' }, tab('r2', 'Rosa', 'mail')], 'r1', 'r');
  assert.deepEqual([...people.values()].map(({ name, own }) => [name, own]), [['Eve', false], ['Rosa', true]]);
});
