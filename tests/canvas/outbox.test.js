import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox, uuid } from '../../app/static/canvas/outbox.js';
import { canonical, node, small } from './make.js';

const move = (id, x) => ({ kind: 'move_node', nodeId: id, position: { x, y: 0 } });
const tag = (id, value) => ({ kind: 'update_node', nodeId: id, data: { tag: value } });

/** A tab: what it shows, and its outbox. */
function tab(rev = 1) {
  const shown = small();
  const outbox = new Outbox(shown, rev);
  const edit = (...ops) => {
    shown.applyAll(ops);
    outbox.add(ops);
  };
  return { shown, outbox, edit };
}

test('the last move of a step wins; a batch keeps its ids when it is sent again', () => {
  const { outbox, edit } = tab();
  edit(move('mail', 8));
  edit(move('mail', 16), tag('mail', 'a'));
  edit(move('mail', 24));
  const batch = outbox.take();
  assert.deepEqual(batch.map((op) => op.kind), ['move_node', 'update_node']);
  assert.equal(batch[0].position.x, 24);
  outbox.putBack();
  assert.deepEqual(outbox.take().map((op) => op.id), batch.map((op) => op.id));
});

test('only one batch flies; later edits wait for it', () => {
  const { outbox, edit } = tab();
  edit(move('mail', 8));
  outbox.take();
  edit(move('mail', 16));
  assert.equal(outbox.take()[0].position.x, 8);
  outbox.confirm(2);
  assert.equal(outbox.rev, 2);
  assert.equal(outbox.take()[0].position.x, 16);
});

test('what is confirmed and what is pending together are what is shown', () => {
  const { shown, outbox, edit } = tab();
  edit({ kind: 'add_node', node: node('new', 'delay', 8, 8) }, move('mail', 8));
  outbox.take();
  edit(move('new', 80));
  outbox.confirm(2);
  const again = outbox.confirmed.copy();
  for (const op of outbox.pending) again.apply(op);
  assert.equal(canonical(again), canonical(shown));
});

test('a refused op goes, and what cannot stand without it', () => {
  const { outbox, edit } = tab();
  edit({ kind: 'add_node', node: node('new', 'delay', 8, 8) });
  edit(move('mail', 40));
  const batch = outbox.take();
  edit(tag('new', 'x'));
  const { graph, dropped } = outbox.refuse(new Set([batch[0].id]));
  assert.equal(graph.nodes.has('new'), false);
  assert.equal(graph.nodes.get('mail').position.x, 40);
  assert.deepEqual(outbox.pending.map((op) => op.kind), ['move_node']);
  assert.deepEqual(dropped.map((op) => op.kind).sort(), ['add_node', 'update_node']);
});

test('a batch that is refused without a culprit goes whole', () => {
  const { outbox, edit } = tab();
  edit(move('mail', 40), tag('mail', 'x'));
  outbox.take();
  edit(move('yes', 8));
  const { graph } = outbox.refuse(new Set());
  assert.equal(graph.nodes.get('mail').position.x, 280);
  assert.deepEqual(outbox.pending.map((op) => op.nodeId), ['yes']);
});

test('others’ changes go below ours; what they took away takes our edits of it along', () => {
  const { outbox, edit } = tab();
  edit(move('mail', 40), tag('yes', 'mine'));
  outbox.take();
  const remote = small();
  remote.applyAll([{ kind: 'remove_node', nodeId: 'yes' }, tag('no', 'theirs')]);
  const { graph } = outbox.restart(remote, 7);
  assert.equal(outbox.rev, 7);
  assert.equal(graph.nodes.get('no').data.tag, 'theirs');
  assert.equal(graph.nodes.get('mail').position.x, 40);
  assert.deepEqual(outbox.pending.map((op) => op.nodeId), ['mail']);
});

test('taking theirs keeps nothing of ours', () => {
  const { outbox, edit } = tab();
  edit(move('mail', 40));
  const { graph } = outbox.restart(small(), 9, []);
  assert.equal(graph.nodes.get('mail').position.x, 280);
  assert.deepEqual(outbox.pending, []);
});

test('ids are UUIDs of version 4, also without a secure context', () => {
  const ids = new Set(Array.from({ length: 200 }, uuid));
  assert.equal(ids.size, 200);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('an error names the op of the batch that it is about', () => {
  const { outbox, edit } = tab();
  edit(move('mail', 8), tag('mail', 'x'), { kind: 'set_settings', settings: {} });
  const [moved, tagged, settings] = outbox.take();
  assert.equal(outbox.culprit('ops[0].position'), moved);
  const place = [...outbox.confirmed.nodes.keys()].indexOf('mail');
  assert.equal(outbox.culprit(`nodes[${place}].data.tag`), tagged);
  assert.equal(outbox.culprit('settings.reentry'), settings);
  assert.equal(outbox.culprit('nodes[99].data'), undefined);
});
