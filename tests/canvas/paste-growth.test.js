import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Graph, Refused } from '../../app/static/canvas/graph.js';
import { limits } from '../../app/static/canvas/limits.js';
import { paste } from '../../app/static/canvas/paste-ops.js';
import { readClip } from '../../app/static/canvas/read-clip.js';
import { TYPES, anyOp, edge, node, random, small, trigger } from './make.js';

const COLUMNS = 20;
const empty = () => new Graph({ triggers: [trigger('trigger')] }, TYPES);

/** A workflow of `count` steps in columns, as text. */
const text = (count) => JSON.stringify({
  nodes: Array.from({ length: count }, (_, i) => node(`n${i}`, 'send_email', (i % COLUMNS) * 280, Math.floor(i / COLUMNS) * 168)),
  edges: Array.from({ length: count - COLUMNS }, (_, i) => edge(`n${i}`, `n${i + COLUMNS}`)),
});

/** What `work` does on a graph: walks through all edges, and formats of numbers made. */
function counted(graph, work) {
  const counts = { walks: 0, formats: 0 };
  const { edges } = graph;
  const { NumberFormat } = Intl;
  edges.values = function values() {
    counts.walks += 1;
    return Map.prototype.values.call(this);
  };
  Intl.NumberFormat = function counting(...of) {
    counts.formats += 1;
    return new NumberFormat(...of);
  };
  try {
    work();
  } finally {
    Intl.NumberFormat = NumberFormat;
    delete edges.values;
  }
  return counts;
}

test('500 steps are put in and taken out again with as few walks through all edges as 100', () => {
  limits.steps = 500;
  try {
    const all = [100, 500].map((count) => {
      const graph = empty();
      const { ops } = paste(readClip(text(count), graph).clipped, { x: 0, y: 0 });
      const counts = counted(graph, () => {
        const undo = graph.applyAll(ops);
        assert.equal(graph.nodes.size, count);
        assert.equal(graph.edges.size, count - COLUMNS);
        graph.applyAll(undo);
      });
      assert.equal(graph.nodes.size + graph.edges.size, 0);
      return counts;
    });
    assert.deepEqual(all, [{ walks: 1, formats: 0 }, { walks: 1, formats: 0 }]);
  } finally {
    limits.steps = 100;
  }
});

test('what is too much is refused before anything is put in', () => {
  limits.steps = 500;
  try {
    const graph = empty();
    const { clipped, why } = readClip(text(501), graph);
    assert.equal(clipped, null);
    assert.match(why, /at most 500 steps; this one has 501/);
    graph.applyAll(paste(readClip(text(500), graph).clipped, { x: 0, y: 0 }).ops);
    const before = JSON.stringify(graph);
    assert.throws(() => graph.applyAll([{ kind: 'add_node', node: node('more') }]), Refused);
    assert.equal(JSON.stringify(graph), before);
  } finally {
    limits.steps = 100;
  }
});

test('edges by their ends stay those of the document, whatever comes and goes', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const dice = random(seed);
    const graph = small();
    for (let i = 0; i < 40; i++) {
      try {
        graph.applyAll([anyOp(graph, dice, i)]);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
    const anew = new Graph(graph.toJSON(), TYPES);
    for (const id of graph.ids()) {
      assert.deepEqual(graph.outgoing(id), anew.outgoing(id), `seed ${seed}, out of ${id}`);
      assert.deepEqual(graph.incoming(id), anew.incoming(id), `seed ${seed}, into ${id}`);
    }
  }
});
