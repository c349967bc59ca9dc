import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chipOf } from '../../app/static/canvas/save-chip.js';
import { StoredEdits } from '../../app/static/canvas/stored-edits.js';
import { pause, reason, saveResult } from '../../app/static/canvas/save-result.js';
import { Storage } from './tabs.js';

const op = { kind: 'move_node', nodeId: 'mail', position: { x: 1, y: 2 } };
const LOST = new Set(['refused']);

test('no answer but a wrong edit lets an edit go', () => {
  for (let status = 0; status < 600; status += 1) {
    for (const session of [null, 'over', 'changed']) {
      const result = saveResult(status, {}, session);
      if (LOST.has(result)) assert.ok([400, 413, 415, 422, 428].includes(status) && !session, `${status} ${session}`);
      if (result === 'saved') assert.fail('nothing is saved without a revision');
    }
  }
});

test('what an answer means', () => {
  assert.equal(saveResult(200, { rev: 4 }), 'saved');
  assert.equal(saveResult(409, { conflict: true, rev: 9 }), 'conflict');
  assert.equal(saveResult(401), 'signed-out');
  assert.equal(saveResult(403, {}, 'changed'), 'signed-out');
  assert.equal(saveResult(403, { message: 'role' }), 'stuck');
  assert.equal(saveResult(404), 'stuck');
  assert.equal(saveResult(409, { code: 'workflow_archived' }), 'stuck');
  assert.equal(saveResult(422, { errors: [] }), 'refused');
  for (const status of [0, 200, 303, 408, 429, 500, 502, 503, 504]) assert.equal(saveResult(status), 'later', String(status));
});

test('the chip says Saved only when nothing is kept back', () => {
  const calm = { count: 0, stalled: false, stuck: false, signedOut: false, tries: 0, online: true };
  assert.deepEqual(chipOf(calm), ['saved', 'Saved']);
  for (const more of [{ signedOut: true }, { tries: 2 }, { online: false }, { stalled: true, stuck: true }, { stalled: true }, {}]) {
    assert.notEqual(chipOf({ ...calm, count: 2, ...more })[0], 'saved', JSON.stringify(more));
  }
  assert.deepEqual(chipOf({ ...calm, count: 1, signedOut: true, tries: 1 }), ['offline', 'Signed out, 1 change kept']);
  assert.deepEqual(chipOf({ ...calm, count: 3, tries: 1 }), ['offline', 'Not saved yet, 3 changes kept']);
  assert.deepEqual(chipOf({ ...calm, count: 3, stalled: true, stuck: true }), ['conflict', 'Not saved, 3 changes kept']);
});

test('a person who cannot save is told why and how much', () => {
  for (const status of [403, 404, 409]) {
    const [title, text] = reason(status, 2);
    assert.ok(title && text.includes('2 changes are not saved'), String(status));
  }
});

test('tries come slower and slower, and never sooner than the server asks', () => {
  const pauses = [0, 1, 2, 3, 4, 50].map((tries) => pause(tries));
  assert.deepEqual(pauses, [...pauses].sort((a, b) => a - b));
  assert.equal(pause(0, '7'), 7000);
  assert.equal(pause(4, '1'), 20000);
  assert.equal(pause(0, '86400'), 300000);
  for (const odd of ['', 'soon', '-3', null]) assert.equal(pause(1, odd), 2000);
});

test('kept edits belong to one user and one workflow', () => {
  const storage = new Storage();
  const edits = new StoredEdits(storage, 'ada', 'w1', 'tab1');
  edits.write(5, [op]);
  assert.deepEqual(new StoredEdits(storage, 'ada', 'w1', 'tab2').keys(), [edits.own]);
  for (const [user, workflow] of [['bob', 'w1'], ['ada', 'w2'], ['ad', 'w1'], ['', 'w1']]) {
    assert.deepEqual(new StoredEdits(storage, user, workflow, 'tab1').keys(), [], `${user} ${workflow}`);
  }
  assert.deepEqual(edits.take(edits.own), { rev: 5, ops: [op] });
  assert.equal(edits.take(edits.own), null);
});

test('nothing is left behind once all is saved, and what is broken is passed over', () => {
  const storage = new Storage();
  const edits = new StoredEdits(storage, 'ada', 'w1', 'tab');
  edits.write(5, [op]);
  edits.write(6, []);
  assert.equal(storage.length, 0);
  for (const odd of ['{', 'null', '{"ops":[]}', '{"ops":[1]}', '{"rev":"x","ops":[1]}', '[]']) {
    storage.setItem(edits.own, odd);
    assert.equal(edits.take(edits.own), null, odd);
  }
});

test('a browser that takes nothing is known', () => {
  const storage = new Storage();
  const edits = new StoredEdits(storage, 'ada', 'w1', 'tab');
  storage.full = true;
  edits.write(5, [op]);
  assert.equal(edits.safe, false);
  storage.full = false;
  edits.write(5, [op]);
  assert.equal(edits.safe, true);
});
