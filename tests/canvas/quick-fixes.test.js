import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fixingOps } from '../../app/static/canvas/quick-fixes.js';

const GRAPH = {
  nodes: new Map([
    ['tag', { id: 'tag', data: { tag: '{{ contact.pln }} of {{ contact.plnet }}, {{contact.pln|upcase}}' } }],
    ['ask', { id: 'ask', data: { conditions: [{ conditions: [{ field: 'contact.pln' }, { field: 'x' }] }], match: 'any' } }],
    ['switch', { id: 'switch', data: { cases: [{ id: 'first', conditions: [{ field: 'x' }] }, { id: 'second', conditions: [{ field: 'x' }] }] } }],
    ['set', { id: 'set', data: { set: { 'attributes.plan': 'a {{ pln }}', other: 1 } } }],
  ]),
  triggers: new Map([['trigger', { id: 'trigger', type: 'event', enabled: true, data: { event: 'cart_left', conditions: [{ field: 'event.totl' }] } }]]),
  goals: [{ id: 'a', event: 'x' }, { id: 'b', event: 'order.payed', conditions: [] }],
  edges: new Map(['first', 'second', 'default'].map((port) => [port, { id: port, source: 'switch', sourceHandle: port, target: 'tag' }])),
  settings: { entryKey: 'event.totl', reentry: 'once' },
};
const fix = (find, put) => ({ label: 'Use it', find, put });
const ops = (path, nodeId, how) => fixingOps(/** @type {any} */ (GRAPH), { path, nodeId, fix: how });

test('a whole word of a text is changed, wherever it stands', () => {
  const data = { tag: '{{ contact.plan }} of {{ contact.plnet }}, {{contact.plan|upcase}}' };
  assert.deepEqual(ops('nodes[7].data.tag', 'tag', fix('contact.pln', 'contact.plan')), [{ kind: 'update_node', nodeId: 'tag', data }]);
});

test('only what the path leads to is changed, in groups and below keys with dots', () => {
  const [group] = ops('nodes[0].data.conditions[0].conditions[0].field', 'ask', fix('contact.pln', 'contact.plan'));
  assert.deepEqual(group.data, { conditions: [{ conditions: [{ field: 'contact.plan' }, { field: 'x' }] }], match: 'any' });
  assert.equal(GRAPH.nodes.get('ask').data.conditions[0].conditions[0].field, 'contact.pln');
  const [dotted] = ops('nodes[2].data.set.attributes.plan', 'set', fix('pln', 'contact.plan'));
  assert.deepEqual(dotted.data, { set: { 'attributes.plan': 'a {{ contact.plan }}', other: 1 } });
});

test('triggers in both forms, goals and settings', () => {
  for (const path of ['trigger.event', 'triggers[0].data.event']) {
    const [op] = ops(path, 'trigger', fix('cart_left', 'cart.left'));
    assert.deepEqual([op.kind, op.trigger.data.event, op.trigger.enabled], ['set_trigger', 'cart.left', true]);
  }
  const [goals] = ops('goals[1].event', null, fix('order.payed', 'order.paid'));
  assert.deepEqual(goals, { kind: 'set_goals', goals: [{ id: 'a', event: 'x' }, { id: 'b', event: 'order.paid', conditions: [] }] });
  const [settings] = ops('settings.entryKey', null, fix('event.totl', 'event.total'));
  assert.deepEqual(settings, { kind: 'set_settings', settings: { entryKey: 'event.total', reentry: 'once' } });
});

test('what has changed in the meantime is left alone', () => {
  assert.equal(ops('nodes[7].data.tag', 'tag', fix('contact.gone', 'x')), null);
  assert.equal(ops('nodes[7].data.nothing', 'tag', fix('contact.pln', 'x')), null);
  assert.equal(ops('nodes[7].data', 'lost', { label: 'Remove', removeStep: true }), null);
});

test('a step is taken out', () => {
  assert.deepEqual(ops('nodes[1]', 'ask', { label: 'Remove the step', removeStep: true }), [{ kind: 'remove_node', nodeId: 'ask' }]);
});

test('a condition is taken out of its group, of a step and of a goal', () => {
  const takeOut = 'nodes[1].data.conditions[0].conditions[1]';
  const [op] = ops(takeOut, 'ask', { label: 'Remove', takeOut, entry: { field: 'x' } });
  assert.deepEqual(op.data.conditions, [{ conditions: [{ field: 'contact.pln' }] }]);
  const of = 'goals[0]';
  const [goals] = ops('goals[0].event', null, { label: 'Remove', takeOut: of, entry: { event: 'x', id: 'a' } });
  assert.deepEqual(goals.goals.map(({ id }) => id), ['b']);
});

test('a case goes with the line that leaves it, and one that is gone with nothing', () => {
  const cases = GRAPH.nodes.get('switch').data.cases;
  const how = (index, entry) => ({ label: 'Remove', takeOut: `nodes[2].data.cases[${index}]`, entry, beside: cases[0] });
  const [line, op] = ops('nodes[2].data.cases[1].conditions', 'switch', how(1, cases[1]));
  assert.deepEqual([line, op.data.cases.map(({ id }) => id)], [{ kind: 'remove_edge', edgeId: 'second' }, ['first']]);
  assert.equal(ops('nodes[2].data.cases[1].conditions', 'switch', how(1, { ...cases[1], id: 'third' })), null);
});

/** What is left of a list of conditions when one that was checked goes. */
function left(list, place, entry, beside) {
  const takeOut = `nodes[0].data.conditions[${place}]`;
  const graph = { ...GRAPH, nodes: new Map([['ask', { id: 'ask', data: { conditions: list } }]]) };
  const changes = fixingOps(/** @type {any} */ (graph), { path: takeOut, nodeId: 'ask', fix: { label: 'Remove', takeOut, entry, beside } });
  return changes && changes[0].data.conditions.map(({ value }) => value).join(' ');
}

test('what goes is what was checked, wherever it stands by now', () => {
  const [pro, free, team] = ['pro', 'free', 'team'].map((value) => ({ field: 'plan', value, of: [1, { a: null }] }));
  assert.equal(left([pro, free], 1, { of: [1, { a: null }], value: 'free', field: 'plan' }, pro), 'pro');
  assert.equal(left([team, pro, free], 1, free, pro), 'team pro', 'one came before it');
  assert.equal(left([free, pro], 1, free, pro), 'pro', 'they changed places');
  assert.equal(left([pro, team], 1, free, pro), null, 'it became another one');
  assert.equal(left([free, team], 1, free, pro), null, 'nothing stands against it any more');
  assert.equal(left([pro, team, pro], 2, pro, pro), 'pro team');
  assert.equal(left([pro, team], 1, pro, pro), null, 'the other of two was taken out already');
});
