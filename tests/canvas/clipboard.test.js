/** What a clipboard may hold, why it is refused, and where what comes out of it lies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeShift } from '../../app/static/canvas/free-space.js';
import { readClip } from '../../app/static/canvas/read-clip.js';
import { overlaps } from '../../app/static/canvas/viewport.js';
import { edge, node, random, small } from './make.js';

test('a workflow of the API, a file of the export and a bare list of steps are read, with what stays behind', () => {
  const graph = { triggers: [{ id: 't' }], nodes: [node('a'), node('b', 'gone')], edges: [edge('t', 'a'), edge('a', 'b')], goals: [{}] };
  for (const source of [graph, { data: { name: 'x', ...graph } }, { name: 'x', graph }, { format: 'throughline/1', workflow: { graph } }]) {
    const { clipped, left } = readClip(JSON.stringify(source), small());
    assert.deepEqual(clipped.nodes.map((one) => one.id), ['a', 'b']);
    assert.deepEqual(clipped.edges.map((one) => one.target), ['b']);
    assert.match(left.join(' '), /1 trigger left out.*1 goal left out.*“gone”/);
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

test('where nothing lies, nothing is moved', () => {
  assert.deepEqual(freeShift([{ x: 900, y: 900, w: 240, h: 66 }], [{ x: 0, y: 0, w: 240, h: 66 }]), { x: 0, y: 0 });
});
