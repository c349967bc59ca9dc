// @ts-check
/**
 * Edits that the server has not confirmed, kept in the browser: they outlive the tab, and belong to one user and one workflow.
 * Whoever signs in next on the same machine is never shown them.
 */

/** @typedef {import('./graph.js').Op} Op */

export class StoredEdits {
  /** @param {Storage} storage @param {string} user @param {string} workflow @param {string} client which tab */
  constructor(storage, user, workflow, client) {
    this.storage = storage;
    this.prefix = `draft:${user}:${workflow}:`;
    this.own = this.prefix + client;
    /** False when the browser did not take them: then closing the tab loses them. */
    this.safe = true;
  }

  /** @param {number} rev what the ops stand on @param {Op[]} ops */
  write(rev, ops) {
    try {
      if (ops.length) this.storage.setItem(this.own, JSON.stringify({ rev, ops }));
      else this.storage.removeItem(this.own);
      this.safe = true;
    } catch {
      this.safe = false; // full, or switched off
    }
  }

  /** The keys of all tabs of this user and workflow. */
  keys() {
    const keys = [];
    for (let index = 0; index < this.storage.length; index += 1) {
      const key = this.storage.key(index);
      if (key?.startsWith(this.prefix)) keys.push(key);
    }
    return keys;
  }

  /** What stands under a key; it is gone from there then. @returns {{rev: number, ops: Op[]} | null} */
  take(key) {
    const text = this.storage.getItem(key);
    this.storage.removeItem(key);
    try {
      const edits = JSON.parse(text ?? 'null');
      return Array.isArray(edits?.ops) && edits.ops.length && Number.isInteger(edits.rev) ? edits : null;
    } catch {
      return null;
    }
  }
}
