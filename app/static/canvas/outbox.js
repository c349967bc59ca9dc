// @ts-check
/** Ops on their way to the server: what waits, what is in flight, what the server has confirmed. No DOM, no network. */
import { Graph, Refused } from './graph.js';
import { compact, subject } from './compaction.js';

/** @typedef {import('./graph.js').Op} Op */

/** The server takes at most 500 ops at once. */
const BATCH = 400;

/** `crypto.randomUUID` needs a secure context; a plain-http install on a local network has none. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The document of an answer as a graph, with what the page knows of the types. @param {any} document @param {Graph} shown */
export function shownAs(document, shown) {
  const { name, description, priority } = document;
  const graph = new Graph({ ...document.graph, name, description, priority }, shown.types);
  graph.ownPorts = shown.ownPorts;
  return graph;
}

export class Outbox {
  /** @param {Graph} confirmed the document as the server has it; it is copied @param {number} rev */
  constructor(confirmed, rev) {
    this.confirmed = confirmed.copy();
    this.rev = rev;
    /** The revision that ops taken over from a closed tab stand on. @type {number | undefined} */
    this.base = undefined;
    /** @type {Op[]} */
    this.waiting = [];
    /** @type {Op[]} */
    this.flying = [];
    /** The op of the history behind an op's id. @type {Map<string, Op>} */
    this.origin = new Map();
  }

  /** @param {Op[]} ops */
  add(ops) {
    const identified = ops.map((op) => ({ ...structuredClone(op), id: uuid() }));
    identified.forEach((op, index) => this.origin.set(op.id, ops[index]));
    this.waiting = compact([...this.waiting, ...identified]);
  }

  /** The next batch to send; it stays in flight until `confirm` or `refuse`. @returns {Op[]} */
  take() {
    if (!this.flying.length) this.flying = this.waiting.splice(0, BATCH);
    return this.flying;
  }

  /** The request did not arrive: the batch waits again, under the same ids. */
  putBack() {
    this.waiting = [...this.flying, ...this.waiting];
    this.flying = [];
  }

  /** All ops the server has not confirmed, oldest first. */
  get pending() {
    return [...this.flying, ...this.waiting];
  }

  /**
   * What is pending, decided anew under new ids. The server may have had an op before, and others changed the same since: under its
   * old id it would be taken for done. @returns {Op[]}
   */
  renewed() {
    return this.pending.map((op) => ({ ...op, id: uuid() }));
  }

  /** Does an unsent op change this card? */
  touches(id) {
    return this.waiting.some((op) => subject(op) === id && op.kind !== 'move_node');
  }

  /** The server took the batch. @param {number} rev */
  confirm(rev) {
    for (const op of this.flying) this.attempt(this.confirmed, op);
    this.flying = [];
    this.rev = rev;
  }

  attempt(graph, op) {
    try {
      graph.applyAll([op]);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return false;
    }
  }

  /** The op of the batch that an error is about: `ops[2].…` names it, `nodes[4].data…` the node it changed. */
  culprit(path) {
    const { flying, confirmed } = this;
    const [, list, index] = /^(\w+)\[(\d+)\]/.exec(path) ?? [];
    if (list === 'ops') return flying[Number(index)];
    if (list === 'nodes') {
      const after = confirmed.copy();
      for (const op of flying) this.attempt(after, op);
      const id = [...after.nodes.keys()][Number(index)];
      return id && flying.findLast((op) => (op.nodeId ?? op.node?.id) === id && op.kind !== 'move_node');
    }
    if (list === 'triggers' || path.startsWith('trigger')) {
      const after = confirmed.copy();
      for (const op of flying) this.attempt(after, op);
      const id = [...after.triggers.keys()][Number(index ?? 0)];
      return flying.findLast((op) => op.trigger && (op.trigger.id ?? after.first) === id);
    }
    const kind = { goals: 'set_goals', settings: 'set_settings' }[path.split(/[.[]/)[0]];
    return flying.findLast((op) => op.kind === kind);
  }

  /**
   * The server refused ops of the batch. Drops those and whatever cannot stand without them.
   * @param {Set<string>} ids of the refused ops; empty means all of the batch
   * @returns {{graph: Graph, lost: Op[]}} the document to show, and the history's ops that are gone
   */
  refuse(ids) {
    const bad = new Set(ids.size ? ids : this.flying.map((op) => op.id));
    return this.restart(this.confirmed, this.rev, this.pending.filter((op) => !bad.has(op.id)), bad);
  }

  /** Others changed the document: ours go on top where they still fit. @param {Graph} graph @param {Op[]} [ops] */
  restart(graph, rev, ops = this.pending, bad = new Set()) {
    this.confirmed = graph.copy();
    this.rev = rev;
    const shown = graph.copy();
    const valid = ops.filter((op) => this.attempt(shown, op));
    const ids = new Set(valid.map((op) => op.id));
    const dropped = [...this.origin].filter(([id]) => bad.has(id) || (this.pending.some((op) => op.id === id) && !ids.has(id))).map(([, op]) => op);
    this.flying = [];
    this.waiting = valid;
    return { graph: shown, dropped };
  }

  /**
   * What a tab that is gone left behind goes below what waits here; of two such tabs the older revision counts for both.
   * @param {Op[]} ops @param {number} rev what they stand on
   * @returns {{graph: Graph, lost: Op[], count: number}} the document to show, the history's ops that are gone, how many of `ops` still fit
   */
  adopt(ops, rev) {
    const { flying } = this;
    const { graph, dropped } = this.restart(this.confirmed, this.rev, [...flying, ...ops, ...this.waiting]);
    this.flying = flying;
    this.waiting = this.waiting.filter((op) => !flying.includes(op));
    const count = this.waiting.filter((op) => ops.includes(op)).length;
    if (count) this.base = Math.min(this.base ?? rev, rev);
    return { graph, dropped, count };
  }
}
