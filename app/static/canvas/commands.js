// @ts-check
/** What a marketer does, told as ops: insert, heal, connect, duplicate, paste. Pure: they read the graph and return ops. */
import { Refused } from './graph.js';

/** @typedef {import('./graph.js').Graph} Graph @typedef {import('./graph.js').Op} Op @typedef {import('./graph.js').Point} Point */
/** @typedef {{edge?: string, source?: string, port?: string, at?: Point}} Slot where a new step goes: into an edge, behind a port, or loose */

export const GRID = 8;
export const WIDTH = 240;
/** Distance from the top of one step to the top of the next, when the builder places them. */
export const ROW = 168;
export const COLUMN = 280;

export const snap = (value) => Math.round(value / GRID) * GRID;
/** @param {Point} point */
export const snapPoint = ({ x, y }) => ({ x: snap(x), y: snap(y) });

/** Random enough for one workflow, short enough to read in `steps.<id>.…`. @param {string} stem */
export function freshId(stem) {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return `${stem.replace(/[^a-z0-9]+/gi, '-')}-${[...bytes].map((byte) => (byte % 36).toString(36)).join('')}`;
}

/** A new edge. @param {string} source @param {string} port @param {string} target @returns {Op} */
export const link = (source, port, target) => ({ kind: 'add_edge', edge: { id: freshId(`e-${source}`), source, target, sourceHandle: port } });

/** Move everything behind a new step down when it does not fit. @param {Graph} graph @returns {Op[]} */
function makeRoom(graph, first, room) {
  const top = graph.node(first)?.position.y ?? 0;
  if (room <= 0) return [];
  return [...graph.downstream(first)]
    .map((id) => /** @type {any} */ (graph.node(id)))
    .filter((node) => node.position.y >= top)
    .map((node) => ({ kind: 'move_node', nodeId: node.id, position: { x: node.position.x, y: snap(node.position.y + room) } }));
}

/**
 * Add a step of `type`. Returns the ops and the id of the new step.
 * @param {Graph} graph @param {string} type @param {Slot} slot @returns {{ops: Op[], id: string}}
 */
export function insert(graph, type, slot) {
  const presentation = graph.types[type];
  const id = freshId(type);
  const node = { id, type, position: { x: 0, y: 0 }, data: structuredClone(presentation?.defaults ?? {}) };
  /** @type {Op[]} */
  const ops = [{ kind: 'add_node', node }];
  const edge = slot.edge ? graph.edges.get(slot.edge) : slot.source ? graph.edgeAt(slot.source, slot.port) : undefined;
  if (edge) {
    const through = presentation?.ports[0]?.id;
    if (!through) throw new Refused(`“${presentation?.label}” ends the path, so it cannot go between two steps.`);
    const from = /** @type {any} */ (graph.node(edge.source)).position;
    const to = /** @type {any} */ (graph.node(edge.target)).position;
    const merge = graph.incoming(edge.target).length > 1;
    const branch = graph.ports(edge.source).length > 1;
    const x = !merge ? to.x : branch ? placeBehind(graph, edge.source, edge.sourceHandle).x : from.x;
    node.position = snapPoint({ x, y: from.y + ROW });
    ops.push({ kind: 'remove_edge', edgeId: edge.id }, link(edge.source, edge.sourceHandle, id), link(id, through, edge.target));
    ops.push(...makeRoom(graph, edge.target, node.position.y + ROW - to.y));
  } else if (slot.source && slot.port) {
    node.position = slot.at ? snapPoint(slot.at) : placeBehind(graph, slot.source, slot.port);
    ops.push(link(slot.source, slot.port, id));
  } else if (slot.at) {
    node.position = snapPoint(slot.at);
  }
  return { ops, id };
}

/**
 * One more trigger: beside the last one, or `at` a place, and leading where the first one leads.
 * @param {Graph} graph @param {string} type as in `graph.types` @param {import('./viewport.js').Point} [at]
 */
export function addTrigger(graph, type, at) {
  const id = freshId('trigger');
  const presentation = graph.types[type];
  const taken = (spot) => graph.ids().some((other) => {
    const { x, y } = /** @type {any} */ (graph.node(other)).position;
    return Math.abs(x - spot.x) < WIDTH + GRID && Math.abs(y - spot.y) < ROW - 56;
  });
  const spot = { .../** @type {any} */ (graph.node(graph.first)).position };
  while (!at && taken(spot)) spot.x += COLUMN;
  const data = structuredClone(presentation?.defaults ?? {});
  const trigger = { id, type: type.replace(/^trigger:/, ''), enabled: true, data, position: snapPoint(at ?? spot) };
  /** @type {Op[]} */
  const ops = [{ kind: 'add_trigger', trigger }];
  const [lead] = graph.outgoing(graph.first);
  if (lead) ops.push(link(id, 'next', lead.target));
  return { ops, id };
}

/** Where a new step behind this port looks right: below, fanned out for several ports, never on top of another. */
export function placeBehind(graph, source, port) {
  const from = /** @type {any} */ (graph.node(source)).position;
  const ports = graph.ports(source);
  const nth = Math.max(0, ports.findIndex((known) => known.id === port));
  const spot = { x: from.x + (nth - (ports.length - 1) / 2) * COLUMN, y: from.y + ROW };
  const taken = (x) => graph.ids().some((id) => {
    const other = /** @type {any} */ (graph.node(id)).position;
    return Math.abs(other.x - x) < WIDTH + GRID && Math.abs(other.y - spot.y) < ROW - 56;
  });
  while (taken(spot.x)) spot.x += COLUMN;
  return snapPoint(spot);
}

/** Put a step that stands alone into an edge or behind a port. @param {Graph} graph @param {Slot} slot @returns {Op[]} */
export function attach(graph, id, slot) {
  const edge = graph.edges.get(slot.edge ?? '');
  if (!edge) return slot.source && slot.port ? [link(slot.source, slot.port, id)] : [];
  return [{ kind: 'remove_edge', edgeId: edge.id }, link(edge.source, edge.sourceHandle, id), link(id, graph.ports(id)[0].id, edge.target)];
}

/**
 * Another type in the place of a step: its name, what settings both know, and the lines whose ports match, by id, by word, else one for one.
 * @param {Graph} graph @param {string} id @param {string} type @returns {{ops: Op[], id: string, cut: number}} `cut`: lines that fit nowhere
 */
export function replace(graph, id, type) {
  const before = /** @type {import('./graph.js').FlowNode} */ (graph.nodes.get(id));
  const look = graph.types[type];
  const data = structuredClone(look?.defaults ?? {});
  for (const key of Object.keys(data)) if (typeof before.data?.[key] === typeof data[key]) data[key] = structuredClone(before.data[key]);
  const after = freshId(type);
  const node = { id: after, type, position: { ...before.position }, data, ...(before.name && { name: before.name }) };
  const free = [...look.ports, ...(look.hidden ?? [])];
  const take = (fits) => free.splice(free.findIndex(fits) >>> 0, 1)[0]?.id;
  const words = new Map(graph.ports(id).map((port) => [port.id, port.label]));
  const own = graph.outgoing(id).sort((a, b) => [...words.keys()].indexOf(a.sourceHandle) - [...words.keys()].indexOf(b.sourceHandle));
  /** @type {Map<string, string>} */
  const ways = new Map();
  const match = (fits) => {
    for (const edge of own) if (!ways.has(edge.id)) { const port = take((one) => fits(one, edge)); if (port) ways.set(edge.id, port); }
  };
  match((port, edge) => port.id === edge.sourceHandle);
  match((port, edge) => port.label && port.label === words.get(edge.sourceHandle));
  match((port, edge) => port.id !== 'error' && edge.sourceHandle !== 'error' && look.ports.includes(port));
  const into = look?.takesEdges === false ? [] : graph.incoming(id);
  const lines = own.filter((edge) => ways.has(edge.id)).map((edge) => link(after, ways.get(edge.id) ?? '', edge.target === id ? after : edge.target));
  /** @type {Op[]} */
  const ops = [{ kind: 'remove_node', nodeId: id }, { kind: 'add_node', node }];
  for (const edge of into) if (edge.source !== id) ops.push(link(edge.source, edge.sourceHandle, after));
  return { ops: [...ops, ...lines], id: after, cut: own.length - lines.length + graph.incoming(id).length - into.length };
}

/** @param {Graph} graph @returns {Op[]} */
export function connect(graph, source, port, target) {
  const reason = graph.whyNot(source, port, target);
  if (reason) throw new Refused(reason);
  const old = graph.edgeAt(source, port);
  if (old?.target === target) return [];
  return [...(old ? [{ kind: 'remove_edge', edgeId: old.id }] : []), link(source, port, target)];
}

/** Ways out that lead on, when removing this step must ask which one to keep. @param {Graph} graph */
export function armsToKeep(graph, id) {
  const inside = graph.incoming(id).length > 0;
  const arms = graph.outgoing(id);
  return inside && arms.length > 1 ? arms : [];
}

/**
 * Remove steps; what led to one leads to what came behind it. `keep` names the port to keep of a branch ('' keeps none).
 * @param {Graph} graph @param {string[]} ids @param {string} [keep] @returns {Op[]}
 */
export function remove(graph, ids, keep) {
  const work = graph.copy();
  /** @type {Op[]} */
  const ops = [];
  const step = (op) => {
    work.apply(op);
    ops.push(op);
  };
  for (const id of ids) {
    if (graph.notes.has(id)) step({ kind: 'remove_note', noteId: id });
    if (graph.edges.has(id) && work.edges.has(id)) step({ kind: 'remove_edge', edgeId: id });
    if (work.isTrigger(id)) step({ kind: 'remove_trigger', triggerId: id });
    if (!work.nodes.has(id)) continue;
    const before = work.incoming(id);
    const arms = work.outgoing(id).filter((edge) => edge.sourceHandle !== 'error');
    const arm = arms.length === 1 ? arms[0] : arms.find((edge) => edge.sourceHandle === keep);
    step({ kind: 'remove_node', nodeId: id });
    for (const edge of before) if (arm && !work.whyNot(edge.source, edge.sourceHandle, arm.target)) step(link(edge.source, edge.sourceHandle, arm.target));
  }
  return ops;
}

/** The selection as JSON that another workflow can read. @param {Graph} graph @param {Iterable<string>} ids */
export function clip(graph, ids) {
  const chosen = new Set(ids);
  const nodes = [...graph.nodes.values()].filter((node) => chosen.has(node.id));
  const edges = [...graph.edges.values()].filter((edge) => graph.nodes.has(edge.source) && chosen.has(edge.source) && chosen.has(edge.target));
  const notes = [...graph.notes.values()].filter((note) => chosen.has(note.id));
  return { throughline: 1, nodes: structuredClone(nodes), edges: structuredClone(edges), notes: structuredClone(notes) };
}
