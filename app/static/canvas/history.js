// @ts-check
/** Undo and redo: a stack of changes with their inverses. Bursts (a drag, arrow keys, typing) become one entry. No DOM. */
import { compact } from './compaction.js';

/** @typedef {import('./graph.js').Op} Op @typedef {{label: string, ops: Op[], inverse: Op[], key?: string, at: number}} Entry */

const BURST_MS = 900;
const DEPTH = 200;

export class History {
  constructor() {
    /** @type {Entry[]} */
    this.past = [];
    /** @type {Entry[]} */
    this.future = [];
  }

  /** @param {Omit<Entry, 'at'>} change entries with the same `key` in quick succession are one @param {number} [at] */
  push(change, at = Date.now()) {
    const last = this.past.at(-1);
    if (change.key && last?.key === change.key && at - last.at < BURST_MS && !this.future.length) {
      last.ops = compact([...last.ops, ...change.ops]);
      last.inverse = compact([...change.inverse, ...last.inverse]);
      last.at = at;
      return;
    }
    this.past.push({ ...change, at });
    if (this.past.length > DEPTH) this.past.shift();
    this.future = [];
  }

  /** The entry to take back; apply its `inverse`. @returns {Entry | undefined} */
  undo() {
    const entry = this.past.pop();
    if (entry) this.future.push({ ...entry, key: undefined });
    return entry;
  }

  /** The entry to do again; apply its `ops`. @returns {Entry | undefined} */
  redo() {
    const entry = this.future.pop();
    if (entry) this.past.push(entry);
    return entry;
  }

  /** Changes that the server refused or that others overtook cannot be undone. @param {Set<Op>} ops */
  forget(ops) {
    const stays = (entry) => !entry.ops.some((op) => ops.has(op));
    this.past = this.past.filter(stays);
    this.future = this.future.filter(stays);
  }

  clear() {
    this.past = [];
    this.future = [];
  }

  get undoLabel() {
    return this.past.at(-1)?.label ?? '';
  }

  get redoLabel() {
    return this.future.at(-1)?.label ?? '';
  }
}
