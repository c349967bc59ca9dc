/** The outline: each way out in the order of its ports, each before its arm; joins are said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
globalThis.document = /** @type {any} */ ({});
const { rowsOf } = await import('../../app/static/canvas/outline.js');
const { Graph } = await import('../../app/static/canvas/graph.js');
const { TYPES, edge, node, small, trigger } = await import('./make.js');

const inWords = ({ id, port, target, before, behind }) => `${id} ${port} ${before ? `before ${before}` : `behind ${behind}`}${target && ` joins ${target}`}`;
const lines = (graph) => rowsOf(graph, graph.order()).map(inWords);

test('two arms that meet: both say that they continue at the join', () => {
  assert.deepEqual(lines(small()), [
    'trigger next before mail', 'mail next before ask', 'ask true before yes', 'ask false before no',
    'yes next behind yes joins end', 'no next behind no joins end',
  ]);
});

test('an open Yes stands before the steps of No, an open No behind those of Yes', () => {
  const graph = (handle) => new Graph({
    triggers: [trigger('t')], nodes: [node('ask', 'condition', 0, 168), node('a', 'delay', 0, 336), node('b', 'end', 0, 504)],
    edges: [edge('t', 'ask'), edge('ask', 'a', handle), edge('a', 'b')],
  }, TYPES);
  assert.deepEqual(lines(graph('false')), ['t next before ask', 'ask false before a', 'ask true behind ask', 'a next before b']);
  assert.deepEqual(lines(graph('true')), ['t next before ask', 'ask true before a', 'ask false behind b', 'a next before b']);
});
