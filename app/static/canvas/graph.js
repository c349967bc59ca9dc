// @ts-check
/**
 * The working copy of the draft: apply(op) changes it and returns the ops that undo the change. No DOM.
 * Every rule the server refuses for structure is checked here first, so a gesture is never undone later.
 *
 * @typedef {{id: string, type: string, name?: string, position: Point, data?: any, retry?: any,
 *   onError?: string, timeout?: number, disabled?: boolean}} FlowNode
 * @typedef {{id: string, type: string, enabled: boolean, position: Point, data: any}} Trigger
 * @typedef {{x: number, y: number}} Point @typedef {{id: string, source: string, target: string, sourceHandle: string}} Edge
 * @typedef {{id: string, text: string, position: Point, width: number, height: number}} Note
 * @typedef {{id: string, label: string, tone?: string}} Port @typedef {{kind: string, [key: string]: any}} Op
 * @typedef {{label: string, category: string, ports: Port[], hidden?: Port[], defaults?: any, trigger?: boolean, fields?: string[],
 *   unfinished?: boolean, takesEdges?: boolean}} TypePresentation `hidden`: ways out that show once they lead somewhere
 */
import { MAX_NOTES, MAX_TRIGGERS, limits, tooManySteps } from './limits.js';
import { gettext } from '../texts.js';

/** A change that would break the graph; the message can be shown as it is. */
export class Refused extends Error {}

/** Fields of a trigger's data that `update_trigger` names beside its type. */
const BESIDE = ['event', 'conditions', 'match'];
/** Fields of a step that `update_node` changes. */
const NODE_FIELDS = ['data', 'name', 'retry', 'onError', 'timeout', 'disabled'];
/** A step whose type this server does not know keeps its edges and can still be moved or removed. */
const unknown = () => ({ label: gettext('Unknown step'), category: 'exit', ports: [{ id: 'next', label: '' }],
  hidden: [{ id: 'error', label: gettext('Error'), tone: 'error' }] });
export const LAST_TRIGGER = () => gettext('The trigger stays: it is where runs begin. Change it in its form, or add another one first.');

const clone = (value) => (value === undefined ? undefined : structuredClone(value));
const need = (condition, message) => {
  if (!condition) throw new Refused(message);
};

export class Graph {
  /** @param {any} doc the draft document @param {Record<string, TypePresentation>} types how all node types look */
  constructor(doc, types = {}) {
    // Without a prototype: `constructor` is a type that nobody has installed, not something that every object has.
    this.types = Object.getPrototypeOf(types) ? Object.assign(Object.create(null), types) : types;
    /** Ports of nodes whose ports follow from their config, told by the server's card. @type {Map<string, Port[]>} */
    this.ownPorts = new Map();
    /** Where steps lead without an edge, told by the server's card: ports, each with a step. @type {Map<string, [string, string][]>} */
    this.jumps = new Map();
    this.name = doc.name ?? '';
    this.description = doc.description ?? null;
    this.priority = doc.priority ?? 'normal';
    /** In the order of the document; a workflow has at least one. @type {Map<string, Trigger>} */
    this.triggers = new Map(doc.triggers.map((trigger) => [trigger.id, { enabled: true, data: {}, position: { x: 0, y: 0 }, ...clone(trigger) }]));
    this.goals = clone(doc.goals) ?? [];
    this.settings = clone(doc.settings) ?? {};
    /** @type {Map<string, FlowNode>} */
    this.nodes = new Map((doc.nodes ?? []).map((node) => [node.id, clone(node)]));
    /** @type {Map<string, Edge>} */
    this.edges = new Map();
    for (const edge of doc.edges ?? []) {
      const port = edge.sourceHandle ?? 'next';
      const id = edge.id ?? `e-${edge.source}-${port}`;
      this.edges.set(id, { id, source: edge.source, target: edge.target, sourceHandle: port });
    }
    /** @type {{out: Map<string, Edge[]>, in: Map<string, Edge[]>} | null} */
    this.known = null;
    /** @type {Map<string, Note>} */
    this.notes = new Map((doc.notes ?? []).map((note) => [note.id, clone(note)]));
  }

  toJSON() {
    const { goals, settings } = this;
    const [triggers, nodes, edges, notes] = [this.triggers, this.nodes, this.edges, this.notes].map((items) => [...items.values()]);
    return clone({ triggers, nodes, edges, goals, settings, notes });
  }

  /** A scratch copy that can be thrown away. */
  copy() {
    const copy = new Graph(this.toJSON(), this.types);
    Object.assign(copy, { ownPorts: this.ownPorts, jumps: this.jumps, name: this.name, description: this.description, priority: this.priority });
    return copy;
  }

  // ---------------------------------------------------------------- queries

  /** The node, or a trigger in the shape of one. @param {string} id @returns {FlowNode | undefined} */
  node(id) {
    const trigger = this.triggers.get(id);
    return trigger ? { id, type: `trigger:${trigger.type}`, position: trigger.position, data: trigger.data } : this.nodes.get(id);
  }

  /** The id of the first trigger. */
  get first() {
    return /** @type {string} */ (this.triggers.keys().next().value);
  }

  isTrigger(id) {
    return this.triggers.has(id);
  }

  /** May a connection lead there? */
  takesEdges(id) {
    return !this.isTrigger(id) && this.presentation(id).takesEdges !== false;
  }

  ids() {
    return [...this.triggers.keys(), ...this.nodes.keys()];
  }

  /** Is nothing decided yet, not even what starts it? */
  get blank() {
    const [trigger, ...more] = this.triggers.values();
    const presentation = this.types[`trigger:${trigger.type}`];
    const untouched = Object.entries(trigger.data).every(([key, value]) => JSON.stringify(value) === JSON.stringify(presentation?.defaults?.[key]));
    return !this.nodes.size && !this.notes.size && !more.length && !!presentation?.unfinished && untouched;
  }

  /** @param {string} id @returns {TypePresentation} */
  presentation(id) {
    return this.types[this.node(id)?.type ?? ''] ?? (this.isTrigger(id) ? this.types.trigger : undefined) ?? unknown();
  }

  /** Ways out: those of the type, then hidden ones and ones that its config has no more, while they are in use. @param {string} id @returns {Port[]} */
  ports(id) {
    const presentation = this.presentation(id);
    const own = this.ownPorts.get(id) ?? presentation.ports;
    const extra = this.outgoing(id).filter((edge) => !own.some((port) => port.id === edge.sourceHandle));
    const hidden = (handle) => presentation.hidden?.find((port) => port.id === handle);
    return [...own, ...extra.map(({ sourceHandle }) => hidden(sourceHandle) ?? { id: sourceHandle, label: sourceHandle })];
  }

  /** Also one that its config has and its card does not say yet: it comes back with its line. @param {string} id @param {string} port */
  hasPort(id, port) {
    const entries = this.ownPorts.has(id) ? Object.values(this.node(id)?.data ?? {}).flat() : [];
    return [...this.ports(id), ...(this.presentation(id).hidden ?? []), ...entries].some((one) => one?.id === port);
  }

  /** Edges by their ends. Kept up to date by every change, as pasting asks for them once for each edge that it adds. */
  ends() {
    if (!this.known) {
      this.known = { out: new Map(), in: new Map() };
      for (const edge of this.edges.values()) this.tie(edge);
    }
    return this.known;
  }

  /** An edge came, as the last, or went. @param {Edge} edge @param {Edge[]} [come] */
  tie(edge, come = [edge]) {
    const { known } = this;
    for (const [map, id] of known ? /** @type {const} */ ([[known.out, edge.source], [known.in, edge.target]]) : []) {
      map.set(id, [...(map.get(id) ?? []).filter((one) => one !== edge), ...come]);
    }
  }

  /** @returns {Edge[]} */
  outgoing(id) {
    return [...(this.ends().out.get(id) ?? [])];
  }

  /** @returns {Edge[]} */
  incoming(id) {
    return [...(this.ends().in.get(id) ?? [])];
  }

  edgeAt(source, port) {
    return this.outgoing(source).find((edge) => edge.sourceHandle === port);
  }

  /** Ports without an edge. */
  openPorts(id) {
    return this.ports(id).filter((port) => !this.edgeAt(id, port.id));
  }

  /** All nodes that can be reached from `id`, itself included. */
  downstream(id) {
    const seen = new Set([id]);
    for (const at of seen) for (const edge of this.outgoing(at)) seen.add(edge.target);
    return seen;
  }

  /** Why this connection is not possible, or '' when it is. */
  whyNot(source, port, target) {
    if (!this.node(source) || !this.node(target)) return gettext('That step is gone.');
    if (this.isTrigger(target)) return gettext('Nothing can lead to the trigger.');
    if (!this.takesEdges(target)) return gettext('Errors lead to this step, and nothing else can.');
    if (source === target) return 'A step cannot lead to itself.';
    if (!this.hasPort(source, port)) return gettext('This step has no branch called “%(port)s”.', { port });
    return '';
  }

  /** Edges that lead back to a step on the way to them: one of each circle. @returns {Set<string>} their ids */
  backEdges() {
    const leadingBack = new Set();
    /** Steps on the way to where the search is now: true; those behind it: false. @type {Map<string, boolean>} */
    const open = new Map();
    for (const start of this.ids()) {
      if (open.has(start)) continue;
      open.set(start, true);
      const path = [{ id: start, next: this.outgoing(start) }];
      while (path.length) {
        const { id, next } = path[path.length - 1];
        const edge = next.shift();
        if (!edge) {
          open.set(id, false);
          path.pop();
        } else if (open.get(edge.target)) {
          leadingBack.add(edge.id);
        } else if (!open.has(edge.target)) {
          open.set(edge.target, true);
          path.push({ id: edge.target, next: this.outgoing(edge.target) });
        }
      }
    }
    return leadingBack;
  }

  /** Ids in reading order: triggers first, an arm to its end before the next, a merge after all its arms, loose steps last. */
  order() {
    const leadingBack = this.backEdges();
    const waiting = new Map(this.ids().map((id) => [id, this.incoming(id).filter((edge) => !leadingBack.has(edge.id)).length]));
    const place = (id) => /** @type {FlowNode} */ (this.node(id)).position;
    const byPlace = (a, b) => place(a).y - place(b).y || place(a).x - place(b).x;
    const triggersFirst = (a, b) => Number(this.isTrigger(b)) - Number(this.isTrigger(a)) || (this.isTrigger(a) ? 0 : byPlace(a, b));
    const roots = this.ids().filter((id) => !waiting.get(id)).sort(triggersFirst);
    const stack = roots.reverse();
    const order = [];
    while (stack.length) {
      const id = /** @type {string} */ (stack.pop());
      order.push(id);
      const ports = this.ports(id).map((port) => port.id);
      const next = this.outgoing(id).filter((edge) => !leadingBack.has(edge.id)).sort((a, b) => ports.indexOf(a.sourceHandle) - ports.indexOf(b.sourceHandle));
      for (const edge of next.reverse()) {
        const unvisited = (waiting.get(edge.target) ?? 0) - 1;
        waiting.set(edge.target, unvisited);
        if (!unvisited) stack.push(edge.target);
      }
    }
    return order;
  }

  // ---------------------------------------------------------------- changes

  /** Apply all or nothing. @param {Op[]} ops @returns {Op[]} the ops that undo them, in the order to apply */
  applyAll(ops) {
    /** @type {Op[]} */
    const undo = [];
    try {
      for (const op of ops) undo.unshift(...this.apply(op));
    } catch (error) {
      for (const op of undo) this.apply(op);
      throw error;
    }
    return undo;
  }

  /** @param {Op} op @returns {Op[]} its inverse */
  apply(op) {
    const change = /** @type {any} */ (this)[`_${op.kind}`];
    need(change, gettext('This page does not know the change “%(kind)s”. Reload it.', { kind: op.kind }));
    return change.call(this, op);
  }

  _add_node({ node }) {
    need(!this.node(node.id), gettext('There is already a step with that id.'));
    if (this.nodes.size >= limits.steps) need(false, tooManySteps(this.nodes.size + 1)); // to write the sentence takes longer than all the rest
    this.nodes.set(node.id, clone(node));
    return [{ kind: 'remove_node', nodeId: node.id }];
  }

  _remove_node({ nodeId }) {
    const node = this.nodes.get(nodeId);
    need(node, gettext('That step is already gone.'));
    const cut = [...new Set([...this.incoming(nodeId), ...this.outgoing(nodeId)])];
    for (const edge of cut) this._remove_edge({ edgeId: edge.id });
    this.nodes.delete(nodeId);
    return [{ kind: 'add_node', node }, ...cut.map((edge) => ({ kind: 'add_edge', edge }))];
  }

  _move_node({ nodeId, position }) {
    const to = { x: position.x, y: position.y };
    const node = this.triggers.get(nodeId) ?? this.nodes.get(nodeId);
    need(node, gettext('That step is gone.'));
    const before = /** @type {FlowNode} */ (node).position;
    /** @type {FlowNode} */ (node).position = to;
    return [{ kind: 'move_node', nodeId, position: before }];
  }

  _update_node({ nodeId, ...fields }) {
    const node = /** @type {any} */ (this.nodes.get(nodeId));
    need(node, gettext('That step is gone.'));
    const inverse = /** @type {Op} */ ({ kind: 'update_node', nodeId });
    for (const [key, value] of Object.entries(fields)) {
      if (value === undefined || !NODE_FIELDS.includes(key)) continue;
      inverse[key] = node[key] ?? (key === 'data' ? {} : null);
      if (value === null) delete node[key];
      else node[key] = clone(value);
    }
    return [inverse];
  }

  _add_edge({ edge }) {
    const port = edge.sourceHandle ?? 'next';
    need(!this.edges.has(edge.id), gettext('There is already a connection with that id.'));
    const reason = this.whyNot(edge.source, port, edge.target);
    need(!reason, reason);
    need(!this.edgeAt(edge.source, port), gettext('This branch is already connected.'));
    const added = { id: edge.id, source: edge.source, target: edge.target, sourceHandle: port };
    this.edges.set(edge.id, added);
    this.tie(added);
    return [{ kind: 'remove_edge', edgeId: edge.id }];
  }

  _remove_edge({ edgeId }) {
    const edge = /** @type {Edge} */ (this.edges.get(edgeId));
    need(edge, gettext('That connection is already gone.'));
    this.edges.delete(edgeId);
    this.tie(edge, []);
    return [{ kind: 'add_edge', edge }];
  }

  _add_trigger({ trigger, index = this.triggers.size }) {
    need(!this.node(trigger.id), gettext('There is already a step with that id.'));
    need(this.triggers.size < MAX_TRIGGERS, gettext('A workflow has at most %(most)s triggers.', { most: MAX_TRIGGERS }));
    const all = [...this.triggers.values()];
    all.splice(index, 0, clone(trigger));
    this.triggers = new Map(all.map((one) => [one.id, one]));
    return [{ kind: 'remove_trigger', triggerId: trigger.id }];
  }

  _set_trigger({ trigger }) {
    const before = this.triggers.get(trigger.id);
    need(before, gettext('That trigger is gone.'));
    this.triggers.set(trigger.id, clone(trigger));
    return [{ kind: 'set_trigger', trigger: before }];
  }

  /** What pages sent before a workflow could have several triggers: an outbox may still hold one. */
  _update_trigger({ trigger: { type, position, ...beside } }) {
    const before = /** @type {Trigger} */ (this.triggers.get(this.first));
    const data = Object.fromEntries(BESIDE.filter((key) => beside[key] !== undefined && beside[key] !== null).map((key) => [key, beside[key]]));
    return this._set_trigger({ trigger: { ...before, type, data, position: position ?? before.position } });
  }

  _remove_trigger({ triggerId }) {
    const trigger = this.triggers.get(triggerId);
    need(trigger, gettext('That trigger is already gone.'));
    need(this.triggers.size > 1, LAST_TRIGGER());
    const index = [...this.triggers.keys()].indexOf(triggerId);
    const cut = this.outgoing(triggerId);
    for (const edge of cut) this.edges.delete(edge.id);
    this.known = null;
    this.triggers.delete(triggerId);
    return [{ kind: 'add_trigger', trigger, index }, ...cut.map((edge) => ({ kind: 'add_edge', edge }))];
  }

  _set_goals({ goals }) {
    const before = this.goals;
    this.goals = clone(goals);
    return [{ kind: 'set_goals', goals: before }];
  }

  _set_settings({ settings }) {
    const before = this.settings;
    this.settings = clone(settings);
    return [{ kind: 'set_settings', settings: before }];
  }

  _add_note({ note }) {
    need(!this.notes.has(note.id), gettext('There is already a note with that id.'));
    this.notes.set(note.id, clone(note));
    return [{ kind: 'remove_note', noteId: note.id }];
  }

  _update_note({ noteId, ...changes }) {
    const note = /** @type {any} */ (this.notes.get(noteId));
    need(note, gettext('That note is gone.'));
    const inverse = /** @type {Op} */ ({ kind: 'update_note', noteId });
    for (const key of ['text', 'position', 'width', 'height']) {
      if (changes[key] === undefined) continue;
      inverse[key] = note[key];
      note[key] = clone(changes[key]);
    }
    return [inverse];
  }

  _remove_note({ noteId }) {
    const note = this.notes.get(noteId);
    need(note, gettext('That note is already gone.'));
    this.notes.delete(noteId);
    return [{ kind: 'add_note', note }];
  }

  _set_priority({ priority }) {
    const inverse = { kind: 'set_priority', priority: this.priority };
    this.priority = priority;
    return [inverse];
  }

  _rename({ name, description }) {
    const inverse = { kind: 'rename', name: this.name, description: this.description };
    this.name = name;
    if (description !== undefined) this.description = description;
    return [inverse];
  }
}
