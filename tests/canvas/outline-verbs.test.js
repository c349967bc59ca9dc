import assert from 'node:assert/strict';
import { test } from 'node:test';
import { movable, movedTo, placesFor } from '../../app/static/canvas/outline-verbs.js';
import { small } from './make.js';

const ways = (graph) => [...graph.edges.values()].map((edge) => `${edge.source}.${edge.sourceHandle}>${edge.target}`).sort();

function moved(id, source, port) {
  const graph = small();
  graph.applyAll(movedTo(graph, id, { source, port }));
  return graph;
}

test('a step goes between two others, and its old place is healed', () => {
  assert.deepEqual(ways(moved('mail', 'ask', 'true')), ways({ edges: new Map([
    ['trigger', 'next', 'ask'], ['ask', 'true', 'mail'], ['mail', 'next', 'yes'], ['ask', 'false', 'no'], ['yes', 'next', 'end'], ['no', 'next', 'end'],
  ].map(([source, sourceHandle, target], at) => [at, { source, sourceHandle, target }])) }));
});

test('a step that goes behind itself stays where it is', () => {
  assert.deepEqual(ways(moved('yes', 'ask', 'true')), ways(small()));
});

test('every place that is offered keeps all steps in the flow, once each, without a circle', () => {
  for (const id of ['mail', 'yes', 'no', 'end']) {
    assert.ok(movable(small(), id));
    for (const way of placesFor(small(), id)) {
      const graph = moved(id, way.source, way.port);
      assert.equal(graph.nodes.size, small().nodes.size);
      assert.ok(graph.incoming(id).length >= 1, `${id} ${way.source}`);
      assert.ok(!graph.downstream(id).has(id) || graph.downstream(id).size === 0 || !graph.incoming(id).some((edge) => graph.downstream(id).has(edge.source)));
    }
  }
});

test('a branch is not moved as a whole, a trigger never', () => {
  assert.ok(!movable(small(), 'ask') && !movable(small(), 'trigger'));
  assert.deepEqual(placesFor(small(), 'end').filter(({ source }) => small().outgoing(source).length === small().ports(source).length), []);
});
