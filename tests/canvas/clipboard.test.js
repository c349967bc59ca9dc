/** What a clipboard may hold, why it is refused, and where what comes out of it lies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paste } from '../../app/static/canvas/paste-ops.js';
import { freeShift, stubs } from '../../app/static/canvas/free-space.js';
import { Graph } from '../../app/static/canvas/graph.js';
import { limits } from '../../app/static/canvas/limits.js';
import { readClip } from '../../app/static/canvas/read-clip.js';
import { overlaps } from '../../app/static/canvas/viewport.js';
import { TYPES, edge, node, random, small, trigger } from './make.js';

test('a workflow of the API, a file of the export and a bare list of steps are read, with what stays behind', () => {
  const graph = { triggers: [{ id: 't' }], nodes: [node('a'), node('b', 'gone')], edges: [edge('t', 'a'), edge('a', 'b')], goals: [{}] };
  for (const source of [graph, { data: { name: 'x', ...graph } }, { name: 'x', graph }, { format: 'throughline/1', workflow: { graph } }]) {
    const { clipped, left } = readClip(JSON.stringify(source), small());
    assert.deepEqual(clipped.nodes.map((one) => one.id), ['a']);
    assert.deepEqual(clipped.edges, []);
    assert.match(left.join(' '), /1 trigger left out.*1 goal left out.*1 step left out, as its type is not installed here: “gone”/);
  }
  const bare = readClip(JSON.stringify([{ id: 'a', type: 'delay' }, { id: 'b', type: 'delay' }]), small());
  assert.deepEqual(bare.clipped.nodes.map((one) => one.position.y), [0, 168], 'without places they stand below each other');
});

for (const [text, why] of [
  ['', 'The clipboard is empty.'],
  ['Dear Ada', /holds no steps/],
  ['{"nodes": [', /broken JSON/],
  ['{"rows": []}', /no list of steps/],
  ['{"nodes": [{"id": "a"}]}', /Step 1 has no type/],
  ['{"nodes": [{"id": "a", "type": "delay"}, {"id": "a", "type": "delay"}]}', /Two steps have the id “a”/],
  ['{"nodes": [{"id": "a", "type": "delay", "data": 7}]}', /settings of step 1/],
  ['{"nodes": []}', /no steps in it/],
  ['7', /holds no steps/],
  ['{"nodes": [null]}', /Step 1 has no type/],
  [JSON.stringify({ nodes: Array.from({ length: 10_000 }, (_, index) => node(`n${index}`)) }), /at most 100 steps; this one has 10,005/],
  [JSON.stringify({ nodes: [], notes: Array.from({ length: 10_000 }, () => ({})) }), /at most 100 notes, and these are 10000/],
  [`{"nodes": [{"id": "a", "type": "delay", "data": {"deep": ${'['.repeat(100_000)}${']'.repeat(100_000)}}}]}`, /nested too deep/],
]) {
  test(`a clipboard that says ${text.slice(0, 40) || 'nothing'} is refused with a reason`, () => {
    const answer = readClip(text, small());
    assert.equal(answer.clipped, null);
    assert.match(answer.why, new RegExp(why));
  });
}

test('what is put in lies on nothing, wherever it was wanted', () => {
  const dice = random(7);
  for (let round = 0; round < 200; round += 1) {
    const box = () => ({ x: dice.int(1200), y: dice.int(1200), w: 240, h: 66 + dice.int(60) });
    const taken = Array.from({ length: dice.int(60) }, box);
    const parts = Array.from({ length: 1 + dice.int(4) }, box);
    const by = freeShift(taken, parts);
    const moved = parts.map((part) => ({ ...part, x: part.x + by.x, y: part.y + by.y }));
    assert.ok(!moved.some((part) => taken.some((other) => overlaps(part, other))), `round ${round}`);
  }
});

test('a step of a type that is not installed is left out, and what led to it leads to what came behind it', () => {
  const nodes = [node('a'), node('x', 'nope'), node('y', 'nope'), node('z', 'never'), node('b', 'delay'), node('c')];
  const edges = [edge('a', 'x'), edge('x', 'y'), edge('y', 'b'), edge('b', 'c'), edge('c', 'z'), edge('z', 'z')];
  for (const own of [{ throughline: 1 }, {}]) {
    const { clipped, left } = readClip(JSON.stringify({ ...own, nodes, edges }), small());
    assert.deepEqual(clipped.nodes.map((one) => one.id), ['a', 'b', 'c']);
    assert.deepEqual(clipped.edges.map((one) => [one.source, one.target]), [['a', 'b'], ['b', 'c']]);
    assert.deepEqual(left, ['3 steps left out, as their types are not installed here: “nope”, “never”.']);
  }
  const refused = readClip(JSON.stringify({ nodes: [node('x', 'nope')] }), small());
  assert.equal(refused.clipped, null);
  assert.match(refused.why, /cannot be pasted. 1 step left out/);
});

test('the words and plus signs of open ways are places where something lies', () => {
  const graph = new Graph({ triggers: [trigger('trigger', 280)], nodes: [node('ask', 'condition', 280, 168)], edges: [edge('trigger', 'ask')],
    goals: [], settings: {}, notes: [] }, TYPES);
  const scene = { portAt: (/** @type {string} */ _id, /** @type {string} */ port) => ({ x: port === 'true' ? 340 : 460, y: 234 }) };
  const open = stubs(graph, scene);
  assert.equal(open.length, 2, 'of Yes and No; the trigger leads on');
  for (const [x, y] of [[280, 234], [420, 250], [300, 280]]) {
    const wanted = { x, y, w: 240, h: 66 };
    const by = freeShift(open, [wanted]);
    const now = { ...wanted, x: x + by.x, y: y + by.y };
    assert.ok(open.every((one) => !overlaps(one, now)), `${x} ${y}`);
  }
});

test('where nothing lies, nothing is moved', () => {
  assert.deepEqual(freeShift([{ x: 900, y: 900, w: 240, h: 66 }], [{ x: 0, y: 0, w: 240, h: 66 }]), { x: 0, y: 0 });
});

test('lists that are no lists are taken as empty', () => {
  for (const odd of [null, 7, 'x', {}]) {
    const { clipped } = readClip(JSON.stringify({ nodes: [node('a')], edges: odd, notes: odd }), small());
    assert.deepEqual([clipped.edges, clipped.notes], [[], []]);
  }
});

test('names that every object has are types that are not installed, and ids as any other', () => {
  for (const name of ['constructor', '__proto__', 'toString']) {
    const graph = small();
    const { clipped, left } = readClip(JSON.stringify({ nodes: [node('a', name), { ...node('b'), id: name }], edges: [edge('a', name)] }), graph);
    assert.match(left.join(' '), new RegExp(`not installed here: “${name}”`));
    const { ops, ids } = paste(clipped, { x: 0, y: 0 });
    graph.applyAll(ops);
    assert.deepEqual(ids.map((id) => graph.nodes.get(id).type), ['send_email'], 'the id is one as any other');
  }
});

test('as many steps are pasted as the operator allows, with those that are there, and not one more', () => {
  const five = JSON.stringify({ nodes: Array.from({ length: 500 }, (_, index) => node(`n${index}`)) });
  limits.steps = 500;
  try {
    const empty = new Graph({ triggers: [trigger('trigger')], nodes: [], edges: [] }, TYPES);
    const { clipped } = readClip(five, empty);
    assert.equal(clipped.nodes.length, 500);
    empty.applyAll(paste(clipped, { x: 0, y: 0 }).ops);
    assert.equal(empty.nodes.size, 500);
    assert.match(readClip(JSON.stringify({ nodes: [node('more')] }), empty).why, /at most 500 steps; this one has 501/);
    assert.throws(() => empty.applyAll([{ kind: 'add_node', node: node('more') }]), /at most 500 steps; this one has 501/);
  } finally {
    limits.steps = 100;
  }
});
