/** What the address of the builder says, and the undo that outlives a reload. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { searchOf, viewOf } from '../../app/static/canvas/address.js';
import { History } from '../../app/static/canvas/history.js';
import { StoredHistory } from '../../app/static/canvas/stored-history.js';

const RUN = '0190a2b4-0000-7000-8000-000000000001';

for (const search of ['', '?mode=results', '?mode=results&version=3', '?mode=results&version=0&step=mail', `?mode=person&run=${RUN}`, '?step=mail']) {
  test(`the address ${search || 'without a query'} is the view that it names`, () => assert.equal(searchOf(viewOf(search)), search));
}

test('what makes no sense in an address is left out', () => {
  assert.deepEqual(viewOf('?mode=fly&version=x&run=../7'), { mode: 'edit', step: '', version: '', run: '' });
  assert.equal(viewOf(`?run=${RUN}`).mode, 'person');
});

function storage() {
  const map = new Map();
  return {
    getItem: (key) => map.get(key) ?? null, setItem: (key, text) => map.set(key, text), removeItem: (key) => map.delete(key),
    key: (index) => [...map.keys()][index] ?? null, get length() { return map.size; }, map,
  };
}
const change = (label, size = 1) => ({ label, ops: [{ kind: 'rename', name: 'x'.repeat(size) }], inverse: [{ kind: 'rename', name: 'y' }] });

test('undo is taken up on the revision it stands on, and on that of what was on its way, on no other', () => {
  const place = storage();
  const before = new History();
  before.push(change('One'));
  before.push(change('Two'));
  before.undo();
  for (const [pending, rev, isRestored] of [[0, 7, true], [0, 8, false], [1, 8, true], [1, 9, false], [0, 6, false]]) {
    new StoredHistory(place, 'ada', 'w').write(before, 7, pending);
    const after = new History();
    assert.equal(new StoredHistory(place, 'ada', 'w').read(after, rev), isRestored);
    assert.deepEqual([after.undoLabel, after.redoLabel], isRestored ? ['One', 'Two'] : ['', '']);
  }
  assert.equal(new StoredHistory(place, 'rosa', 'w').read(new History(), 7), false, 'of somebody else nothing');
});

test('what is kept is bounded: the newest changes of the newest workflows', () => {
  const place = storage();
  for (let number = 0; number < 20; number += 1) {
    const history = new History();
    for (let index = 0; index < 60; index += 1) history.push(change(`Change ${index}`, 20_000), index * 5000);
    new StoredHistory(place, 'ada', `w${number}`).write(history, 1, 0);
  }
  assert.ok(place.map.size <= 8);
  assert.ok([...place.map.values()].every((text) => text.length <= 400_000));
  const history = new History();
  new StoredHistory(place, 'ada', 'w19').read(history, 1);
  assert.equal(history.undoLabel, 'Change 59');
});
