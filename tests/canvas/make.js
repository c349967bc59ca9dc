/** Random graphs and random changes for the property tests; a seed makes a failure repeatable. */
import { Graph } from '../../app/static/canvas/graph.js';

const hidden = [{ id: 'error', label: 'Error' }];
export const TYPES = {
  trigger: { label: 'Trigger', category: 'trigger', ports: [{ id: 'next', label: '' }] },
  send_email: { label: 'Email', category: 'message', ports: [{ id: 'next', label: '' }], hidden },
  delay: { label: 'Wait', category: 'timing', ports: [{ id: 'next', label: '' }], hidden, defaults: { duration: 1, unit: 'days' } },
  condition: { label: 'Condition', category: 'logic', ports: [{ id: 'true', label: 'Yes' }, { id: 'false', label: 'No' }], hidden },
  end: { label: 'End', category: 'exit', ports: [] },
};

export function random(seed) {
  let state = seed >>> 0 || 1;
  const next = () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return { next, int: (n) => Math.floor(next() * n), pick: (list) => list[Math.floor(next() * list.length)] };
}

export const node = (id, type = 'send_email', x = 0, y = 0, data = {}) => ({ id, type, position: { x, y }, data });
export const edge = (source, target, sourceHandle = 'next') => ({ id: `e-${source}-${sourceHandle}`, source, target, sourceHandle });

export const trigger = (id, x = 0, event = 'contact.created') => ({ id, type: 'event', enabled: true, data: { event }, position: { x, y: 0 } });

export const small = () =>
  new Graph({
    triggers: [trigger('trigger', 280)],
    nodes: [
      node('mail', 'send_email', 280, 168),
      node('ask', 'condition', 280, 336),
      node('yes', 'delay', 140, 504),
      node('no', 'send_email', 420, 504),
      node('end', 'end', 280, 672),
    ],
    edges: [edge('trigger', 'mail'), edge('mail', 'ask'), edge('ask', 'yes', 'true'), edge('ask', 'no', 'false'), edge('yes', 'end'), edge('no', 'end')],
    goals: [], settings: { reentry: 'after_exit' }, notes: [],
  }, TYPES);

/** Any op, sensible or not. */
export function anyOp(graph, dice, count) {
  const ids = graph.ids();
  const point = () => ({ x: dice.int(50) * 8, y: dice.int(50) * 8 });
  const edges = [...graph.edges.keys()];
  const notes = [...graph.notes.keys()];
  const kinds = {
    add_node: () => {
      const [id, type] = [dice.int(8) ? `n${count}` : dice.pick(ids), dice.pick(['send_email', 'delay', 'condition', 'end', 'gone'])];
      return { node: node(id, type, dice.int(900), dice.int(900)) };
    },
    remove_node: () => ({ nodeId: dice.pick(ids) }),
    move_node: () => ({ nodeId: dice.pick(ids), position: point() }),
    update_node: () => ({ nodeId: dice.pick(ids), ...(dice.int(2) ? { data: { v: count } } : { name: dice.int(3) ? `Name ${count}` : null }) }),
    add_edge: () => {
      const [source, target, sourceHandle] = [dice.pick(ids), dice.pick(ids), dice.pick(['next', 'true', 'false', 'error', 'nope'])];
      return { edge: { id: `e${count}`, source, target, sourceHandle } };
    },
    remove_edge: () => ({ edgeId: edges.length ? dice.pick(edges) : 'none' }),
    update_trigger: () => ({ trigger: { type: 'event', event: `e${count}`, position: point() } }),
    add_trigger: () => ({ trigger: trigger(dice.int(8) ? `t${count}` : dice.pick(ids), dice.int(900)), ...(dice.int(2) ? { index: 0 } : {}) }),
    set_trigger: () => ({ trigger: { ...trigger(dice.pick(ids), dice.int(900), `e${count}`), enabled: !!dice.int(2) } }),
    remove_trigger: () => ({ triggerId: dice.pick(ids) }),
    set_goals: () => ({ goals: [{ id: 'g', name: `G${count}` }] }),
    set_settings: () => ({ settings: { reentry: dice.pick(['once', 'always']) } }),
    add_note: () => ({ note: { id: `note${count}`, text: 'x', position: point(), width: 200, height: 80 } }),
    update_note: () => ({ noteId: notes.length ? dice.pick(notes) : 'none', ...(dice.int(2) ? { text: `t${count}` } : { position: point() }) }),
    remove_note: () => ({ noteId: notes.length ? dice.pick(notes) : 'none' }),
    rename: () => ({ name: `Flow ${count}` }),
    set_priority: () => ({ priority: dice.pick(['urgent', 'normal', 'bulk']) }),
  };
  const kind = dice.pick(Object.keys(kinds));
  return { kind, ...kinds[kind]() };
}

/** The document without the order of its parts. */
export function canonical(graph) {
  const by = (list) => [...list].sort((a, b) => (a.id < b.id ? -1 : 1));
  const doc = graph.toJSON();
  const { name, priority } = graph;
  return JSON.stringify({ ...doc, nodes: by(doc.nodes).map(sorted), edges: by(doc.edges), notes: by(doc.notes).map(sorted), name, priority });
}
const sorted = (item) => Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));

/** What must hold after any change. */
export function broken(graph) {
  const faults = [];
  const seen = new Set();
  for (const way of graph.edges.values()) {
    if (!graph.node(way.source) || !graph.nodes.has(way.target)) faults.push(`dangling ${way.id}`);
    if (seen.has(`${way.source} ${way.sourceHandle}`)) faults.push(`two edges at ${way.source} ${way.sourceHandle}`);
    seen.add(`${way.source} ${way.sourceHandle}`);
  }
  if (!graph.triggers.size) faults.push('no trigger');
  if (graph.nodes.size > 100) faults.push('too many steps');
  const order = graph.order();
  if (order.length !== graph.nodes.size + graph.triggers.size || new Set(order).size !== order.length) faults.push('order misses a step');
  const leadingBack = graph.backEdges();
  const ways = [...graph.edges.values()].filter((way) => !leadingBack.has(way.id));
  for (const way of ways) if (order.indexOf(way.source) > order.indexOf(way.target)) faults.push(`order of ${way.id}`);
  return faults;
}
