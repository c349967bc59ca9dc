/** Undo of a tab that is loaded anew: only on the revision it was written on, and only for whom it was written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../../app/static/canvas/history.js';
import { StoredHistory } from '../../app/static/canvas/stored-history.js';
import { Storage } from './tabs.js';

const op = (name) => ({ kind: 'rename', name });

/** A tab's storage in which Ada left one change of `w1`, as revision 3. */
function left(pending = 0) {
  const storage = new Storage();
  const history = new History();
  history.push({ label: 'Renamed', ops: [op('b')], inverse: [op('a')] });
  new StoredHistory(storage, 'ada', 'w1').write(history, 3, pending);
  return storage;
}

const labelOf = (storage, user, workflow, rev) => {
  const history = new History();
  new StoredHistory(storage, user, workflow).read(history, rev);
  return history.undoLabel;
};

test('it is taken up on its own revision, or on the next one when a change was on its way', () => {
  assert.equal(labelOf(left(), 'ada', 'w1', 3), 'Renamed');
  assert.equal(labelOf(left(), 'ada', 'w1', 4), '');
  assert.equal(labelOf(left(1), 'ada', 'w1', 4), 'Renamed');
  assert.equal(labelOf(left(1), 'ada', 'w1', 5), '');
});

test('somebody else in the same tab gets nothing of it, and it is gone', () => {
  const storage = left();
  assert.equal(labelOf(storage, 'rosa', 'w1', 3), '');
  assert.equal(storage.length, 0);
  assert.equal(labelOf(left(), 'ad', 'w1', 3), '');
});

test('the workflows that were left last are kept', () => {
  const storage = left();
  for (let index = 0; index < 12; index += 1) {
    const row = JSON.stringify({ rev: 3, at: Date.now() + 1000 + index, past: [{ label: 'x', ops: [], inverse: [] }], future: [] });
    storage.setItem(`undo:ada:other${index}`, row);
  }
  assert.equal(labelOf(storage, 'ada', 'w1', 3), '');
  assert.equal(storage.length, 8);
});

test('what cannot be read is left alone', () => {
  const storage = new Storage();
  storage.setItem('undo:ada:w1', '{"rev": 3');
  assert.equal(labelOf(storage, 'ada', 'w1', 3), '');
});
