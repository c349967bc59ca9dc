import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Graph, Refused } from '../../app/static/canvas/graph.js';
import { compact } from '../../app/static/canvas/compaction.js';
import { addTrigger, remove } from '../../app/static/canvas/commands.js';
import { History } from '../../app/static/canvas/history.js';
import { TYPES, anyOp, broken, canonical, edge, node, random, small, trigger } from './make.js';

test('a change followed by its inverse changes nothing, whatever came before', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const dice = random(seed);
    const graph = small();
    for (let i = 0; i < 40; i++) {
      const before = canonical(graph);
      const op = anyOp(graph, dice, i);
      try {
        const inverse = graph.applyAll([op]);
        const after = canonical(graph);
        graph.applyAll(inverse);
        assert.equal(canonical(graph), before, `seed ${seed}, ${JSON.stringify(op)}`);
        graph.applyAll([op]);
        assert.equal(canonical(graph), after, `seed ${seed}, again ${JSON.stringify(op)}`);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        assert.equal(canonical(graph), before, `seed ${seed}, refused ${JSON.stringify(op)}`);
      }
      assert.deepEqual(broken(graph), [], `seed ${seed}, ${JSON.stringify(op)}`);
    }
  }
});

test('undoing everything gives the first document, redoing everything the last', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const dice = random(seed);
    const graph = small();
    const history = new History();
    const first = canonical(graph);
    for (let i = 0; i < 60; i++) {
      const op = anyOp(graph, dice, i);
      try {
        history.push({ label: op.kind, ops: [op], inverse: graph.applyAll([op]), key: op.kind === 'move_node' ? `move ${op.nodeId}` : undefined }, i);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
    const last = canonical(graph);
    for (let entry; (entry = history.undo()); ) graph.applyAll(entry.inverse);
    assert.equal(canonical(graph), first, `seed ${seed}`);
    for (let entry; (entry = history.redo()); ) graph.applyAll(entry.ops);
    assert.equal(canonical(graph), last, `seed ${seed}`);
  }
});

test('merging setters does not change where a list of changes leads', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const dice = random(seed);
    const [plain, squashed] = [small(), small()];
    const ops = [];
    for (let i = 0; i < 40; i++) {
      const op = anyOp(plain, dice, i);
      try {
        plain.applyAll([op]);
        ops.push(op);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
    const fewer = compact(ops);
    squashed.applyAll(fewer);
    assert.equal(canonical(squashed), canonical(plain), `seed ${seed}`);
    assert.ok(fewer.length <= ops.length);
  }
});

test('a batch is applied whole or not at all', () => {
  const graph = small();
  const before = canonical(graph);
  assert.throws(() => graph.applyAll([{ kind: 'remove_node', nodeId: 'mail' }, { kind: 'move_node', nodeId: 'mail', position: { x: 1, y: 1 } }]), Refused);
  assert.equal(canonical(graph), before);
});

test('second edges, the trigger as a target and unknown ports are refused with a reason', () => {
  const graph = small();
  assert.match(graph.whyNot('end', 'next', 'mail'), /no branch called/);
  assert.match(graph.whyNot('mail', 'next', 'mail'), /itself/);
  assert.match(graph.whyNot('mail', 'next', 'trigger'), /trigger/);
  assert.match(graph.whyNot('ask', 'maybe', 'end'), /called “maybe”/);
  assert.equal(graph.whyNot('mail', 'error', 'end'), '');
  assert.throws(() => graph.apply({ kind: 'add_edge', edge: { id: 'x', source: 'mail', target: 'end', sourceHandle: 'next' } }), /already connected/);
});

test('a branch that comes back with its line is there before the card says so', () => {
  for (const list of ['cases', 'variants']) {
    const graph = small();
    const entries = [{ id: 'one' }, { id: 'two' }];
    graph.applyAll([{ kind: 'update_node', nodeId: 'mail', data: { [list]: entries } }, { kind: 'remove_edge', edgeId: graph.edgeAt('mail', 'next').id }]);
    graph.ownPorts.set('mail', entries);
    graph.apply({ kind: 'add_edge', edge: { id: 'line', source: 'mail', target: 'end', sourceHandle: 'two' } });
    const before = canonical(graph);
    const inverse = graph.applyAll([{ kind: 'remove_edge', edgeId: 'line' }, { kind: 'update_node', nodeId: 'mail', data: { [list]: [{ id: 'one' }] } }]);
    graph.ownPorts.set('mail', [{ id: 'one' }]);
    assert.match(graph.whyNot('mail', 'two', 'end'), /no branch called/);
    graph.applyAll(inverse);
    assert.equal(canonical(graph), before);
  }
});

test('reading order finishes an arm before the next and puts a merge after both', () => {
  assert.deepEqual(small().order(), ['trigger', 'mail', 'ask', 'yes', 'no', 'end']);
});

test('a way may lead back: it is one of each circle, and the order is that without it', () => {
  const graph = small();
  assert.equal(graph.whyNot('yes', 'next', 'mail'), '');
  const before = graph.edgeAt('yes', 'next');
  graph.apply({ kind: 'remove_edge', edgeId: before.id });
  graph.apply({ kind: 'add_edge', edge: { id: 'back', source: 'yes', target: 'mail', sourceHandle: 'next' } });
  assert.deepEqual([...graph.backEdges()], ['back']);
  assert.deepEqual(graph.order(), ['trigger', 'mail', 'ask', 'yes', 'no', 'end']);
});

test('policies of a step are changed and cleared, and undone', () => {
  const graph = small();
  const undo = graph.applyAll([{ kind: 'update_node', nodeId: 'mail', onError: 'hold', timeout: 9, disabled: true }]);
  assert.deepEqual([graph.nodes.get('mail').onError, graph.nodes.get('mail').timeout, graph.nodes.get('mail').disabled], ['hold', 9, true]);
  graph.apply({ kind: 'update_node', nodeId: 'mail', disabled: null });
  assert.equal('disabled' in graph.nodes.get('mail'), false);
  graph.applyAll(undo);
  assert.equal('onError' in graph.nodes.get('mail'), false);
});

test('a step of an unknown type keeps its edges and ports', () => {
  const [nodes, edges] = [[node('a', 'from_a_plugin'), node('b')], [edge('trigger', 'a'), edge('a', 'b', 'odd')]];
  const graph = new Graph({ triggers: [trigger('trigger')], nodes, edges, notes: [] }, TYPES);
  assert.deepEqual(graph.ports('a').map((port) => port.id), ['next', 'odd']);
  assert.equal(graph.presentation('a').label, 'Unknown step');
  assert.equal(graph.toJSON().nodes.length, 2);
});

test('a burst of moves is one entry and goes back to where the burst began', () => {
  const graph = small();
  const history = new History();
  const before = canonical(graph);
  for (let i = 1; i <= 5; i++) {
    const ops = [{ kind: 'move_node', nodeId: 'mail', position: { x: i * 8, y: 0 } }];
    history.push({ label: 'Moved', ops, inverse: graph.applyAll(ops), key: 'move mail' }, 1000 + i * 100);
  }
  assert.equal(history.past.length, 1);
  assert.equal(history.past[0].ops.length, 1);
  graph.applyAll(history.undo().inverse);
  assert.equal(canonical(graph), before);
});

test('a change after an undo drops what could be done again', () => {
  const history = new History();
  history.push({ label: 'a', ops: [], inverse: [] });
  history.push({ label: 'b', ops: [], inverse: [] });
  history.undo();
  assert.equal(history.redoLabel, 'b');
  history.push({ label: 'c', ops: [], inverse: [] });
  assert.equal(history.redoLabel, '');
  assert.equal(history.undoLabel, 'c');
});

test('a second trigger leads to the same first step, and both can go but one', () => {
  const graph = small();
  const { ops, id } = addTrigger(graph, 'trigger:event');
  const undo = graph.applyAll(ops);
  assert.deepEqual([...graph.triggers.keys()], ['trigger', id]);
  assert.equal(graph.edgeAt(id, 'next')?.target, 'mail');
  assert.deepEqual(graph.order().slice(0, 3), ['trigger', id, 'mail']);
  assert.match(graph.whyNot('mail', 'next', id), /trigger/);
  assert.notDeepEqual(graph.node(id)?.position, graph.node('trigger')?.position);
  graph.applyAll(remove(graph, ['trigger']));
  assert.deepEqual([...graph.triggers.keys()], [id]);
  assert.ok(graph.edgeAt(id, 'next'));
  assert.throws(() => graph.apply({ kind: 'remove_trigger', triggerId: id }), /The trigger stays/);
  assert.ok(undo.some((op) => op.kind === 'remove_trigger'));
});

test('what an older page sent about the trigger is understood', () => {
  const graph = small();
  graph.apply({ kind: 'update_trigger', trigger: { type: 'event', event: 'order.placed', conditions: [], match: 'all', position: { x: 8, y: 0 } } });
  const data = { event: 'order.placed', conditions: [], match: 'all' };
  assert.deepEqual(graph.triggers.get('trigger'), { id: 'trigger', type: 'event', enabled: true, data, position: { x: 8, y: 0 } });
});

test('a draft is blank until somebody chose what starts it', () => {
  const types = { ...TYPES, 'trigger:event': { label: 'Trigger', category: 'trigger', ports: [], defaults: { conditions: [] }, unfinished: true } };
  const blank = (data) => new Graph({ triggers: [{ id: 'trigger', type: 'event', data }], nodes: [], edges: [] }, types).blank;
  assert.equal(blank({}), true);
  assert.equal(blank({ conditions: [] }), true);
  assert.equal(blank({ event: 'order.placed' }), false);
});
