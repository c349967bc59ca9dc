import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Graph, Refused } from '../../app/static/canvas/graph.js';
import { armsToKeep, clip, connect, insert, remove, replace } from '../../app/static/canvas/commands.js';
import { paste } from '../../app/static/canvas/paste-ops.js';
import { readClip } from '../../app/static/canvas/read-clip.js';
import { TYPES, broken, canonical, node, random, small, trigger } from './make.js';

const leads = (graph, from, to) => graph.outgoing(from).some((way) => way.target === to);

test('a step dropped on an edge stands between its two steps and pushes the rest down', () => {
  const graph = small();
  const { ops, id } = insert(graph, 'delay', { edge: 'e-mail-next' });
  graph.applyAll(ops);
  assert.ok(leads(graph, 'mail', id) && leads(graph, id, 'ask'));
  assert.deepEqual(graph.nodes.get(id).data, { duration: 1, unit: 'days' });
  assert.equal(graph.nodes.get('ask').position.y, 504);
  assert.equal(graph.nodes.get('end').position.y, 840);
  assert.equal(graph.nodes.get('mail').position.y, 168, 'what is above stays');
  assert.deepEqual(broken(graph), []);
});

test('a branch dropped on an edge leads on by its first way out', () => {
  const graph = small();
  const { ops, id } = insert(graph, 'condition', { edge: 'e-mail-next' });
  graph.applyAll(ops);
  assert.equal(graph.edgeAt(id, 'true').target, 'ask');
  assert.equal(graph.edgeAt(id, 'false'), undefined);
});

test('an end cannot go between two steps', () => {
  assert.throws(() => insert(small(), 'end', { edge: 'e-mail-next' }), /ends the path/);
});

test('a step added behind an open port stands below and never on another', () => {
  const edges = [{ id: 'e', source: 'trigger', target: 'ask' }];
  const graph = new Graph({ triggers: [trigger('trigger')], nodes: [node('ask', 'condition', 0, 168)], edges }, TYPES);
  const places = [];
  for (const port of ['true', 'false']) {
    const { ops, id } = insert(graph, 'send_email', { source: 'ask', port });
    graph.applyAll(ops);
    places.push(graph.nodes.get(id).position);
  }
  assert.deepEqual(places, [{ x: -136, y: 336 }, { x: 144, y: 336 }]);
});

test('removing a step in the middle heals the path', () => {
  const graph = small();
  graph.applyAll(remove(graph, ['mail']));
  assert.ok(leads(graph, 'trigger', 'ask'));
  assert.deepEqual(broken(graph), []);
});

test('removing a branch asks which arm to keep, and keeps it', () => {
  const graph = small();
  assert.deepEqual(armsToKeep(graph, 'ask').map((arm) => arm.sourceHandle), ['true', 'false']);
  assert.deepEqual(armsToKeep(graph, 'mail'), []);
  const one = small();
  one.applyAll(remove(one, ['ask'], 'false'));
  assert.ok(leads(one, 'mail', 'no'));
  const none = small();
  none.applyAll(remove(none, ['ask'], ''));
  assert.deepEqual(none.outgoing('mail'), []);
});

test('removing several neighbours heals across all of them; a merge keeps every path', () => {
  const graph = small();
  graph.applyAll(remove(graph, ['yes', 'no']));
  assert.equal(graph.edgeAt('ask', 'true').target, 'end');
  assert.equal(graph.edgeAt('ask', 'false').target, 'end');
  graph.applyAll(remove(graph, ['mail', 'ask'], 'true'));
  assert.ok(leads(graph, 'trigger', 'end'));
});

test('any removal leaves a sound graph, and its inverse brings everything back', () => {
  for (let seed = 1; seed < 200; seed++) {
    const dice = random(seed);
    const graph = small();
    for (let i = 0; i < 12; i++) {
      const ids = [...graph.nodes.keys()];
      const slot = dice.int(2) ? { edge: dice.pick([...graph.edges.keys()]) } : { source: dice.pick(['trigger', ...ids]), port: 'next' };
      try {
        graph.applyAll(insert(graph, dice.pick(['delay', 'send_email', 'condition', 'end']), slot).ops);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
    const before = canonical(graph);
    const chosen = [...graph.nodes.keys()].filter(() => dice.int(3) === 0);
    const inverse = graph.applyAll(remove(graph, chosen, dice.pick(['true', 'false', ''])));
    assert.deepEqual(broken(graph), [], `seed ${seed}`);
    assert.ok(chosen.every((id) => !graph.nodes.has(id)));
    graph.applyAll(inverse);
    assert.equal(canonical(graph), before, `seed ${seed}`);
  }
});

test('connecting a port that already leads somewhere turns it', () => {
  const graph = small();
  graph.applyAll(connect(graph, 'ask', 'true', 'end'));
  assert.equal(graph.edgeAt('ask', 'true').target, 'end');
  assert.deepEqual(connect(graph, 'ask', 'true', 'end'), []);
  assert.throws(() => connect(graph, 'end', 'next', 'mail'), Refused);
});

test('a copied part keeps its inner paths and gets fresh ids in another workflow', () => {
  const graph = small();
  const text = JSON.stringify(clip(graph, ['ask', 'yes', 'no', 'trigger']));
  const other = new Graph({ triggers: [trigger('trigger')], nodes: [], edges: [] }, TYPES);
  const { ops, ids } = paste(readClip(text, graph).clipped, { x: 40, y: 40 });
  other.applyAll(ops);
  assert.equal(ids.length, 3);
  assert.equal(other.nodes.size, 3);
  assert.equal(other.edges.size, 2);
  assert.ok(ids.every((id) => !graph.nodes.has(id)));
});

test('another type takes the place of a step with the lines whose ports match; the others are counted', () => {
  const graph = small();
  graph.applyAll([{ kind: 'update_node', nodeId: 'mail', name: 'Hello', data: { duration: 7, unit: 3 } }]);
  const one = replace(graph, 'mail', 'delay');
  const undo = graph.applyAll(one.ops);
  assert.deepEqual([graph.edgeAt('trigger', 'next').target, graph.edgeAt(one.id, 'next').target, one.cut], [one.id, 'ask', 0]);
  assert.deepEqual(graph.nodes.get(one.id), { id: one.id, type: 'delay', name: 'Hello', position: { x: 280, y: 168 }, data: { duration: 7, unit: 'days' } });
  graph.applyAll(undo);
  assert.equal(graph.edgeAt('mail', 'next').target, 'ask');
  const branch = replace(graph, 'ask', 'delay');
  graph.applyAll(branch.ops);
  assert.deepEqual([graph.edgeAt(branch.id, 'next').target, branch.cut], ['yes', 1], 'of two ways the first stays');
  const end = replace(graph, branch.id, 'end');
  graph.applyAll(end.ops);
  assert.deepEqual([graph.outgoing(end.id).length, graph.incoming(end.id).length, end.cut], [0, 1, 1]);
});
