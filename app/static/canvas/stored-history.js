// @ts-check
/**
 * Undo and redo of one tab, stored while its page is loaded anew: by a reload, an activation, a way to another page and back. They stand on
 * a revision of the draft; once others have changed it, they are not taken up. No DOM.
 */

/** @typedef {import('./history.js').History} History */

/** Characters: a tab may keep some five million, for all workflows together. */
const MOST = 400_000;
const WORKFLOWS = 8;

export class StoredHistory {
  /** @param {Storage} storage of the tab @param {string} user @param {string} workflow */
  constructor(storage, user, workflow) {
    this.storage = storage;
    this.prefix = 'undo:';
    this.own = `${this.prefix}${user}:`;
    this.key = `${this.own}${workflow}`;
  }

  /** @param {History} history @param {number} rev that the server has confirmed @param {number} pending ops on their way */
  write({ past, future }, rev, pending) {
    const plain = ({ label, ops, inverse, at }) => ({ label, ops, inverse, at });
    const stored = { rev, pending: pending > 0, at: Date.now(), past: past.map(plain), future: future.map(plain) };
    let text = JSON.stringify(stored);
    while (text.length > MOST && stored.past.length + stored.future.length) {
      stored.past.splice(0, Math.max(1, stored.past.length >> 1));
      if (!stored.past.length) stored.future = [];
      text = JSON.stringify(stored);
    }
    try {
      if (past.length + future.length) this.storage.setItem(this.key, text);
      else this.storage.removeItem(this.key);
      this.forgetOthers();
    } catch {
      this.storage.removeItem(this.key); // full: nothing to undo is better than half of it
    }
  }

  /** What other people left in this tab, and of one's own the workflows that were left longest ago. */
  forgetOthers() {
    const all = Array.from({ length: this.storage.length }, (_, index) => this.storage.key(index) ?? '').filter((key) => key.startsWith(this.prefix));
    const keys = all.filter((key) => key.startsWith(this.own));
    for (const key of all) if (!key.startsWith(this.own)) this.storage.removeItem(key);
    const left = (key) => JSON.parse(this.storage.getItem(key) ?? '{}').at ?? 0;
    for (const key of keys.sort((a, b) => left(b) - left(a)).slice(WORKFLOWS)) this.storage.removeItem(key);
  }

  /** Take up what stands on this revision. @param {History} history @param {number} rev of the page */
  read(history, rev) {
    let stored;
    try {
      this.forgetOthers();
      stored = JSON.parse(this.storage.getItem(this.key) ?? 'null');
    } catch {
      return false;
    }
    // What was on its way when the page went has arrived by now, as one revision more.
    const same = stored && (stored.rev === rev || (stored.pending && stored.rev + 1 === rev));
    if (!same || !Array.isArray(stored.past) || !Array.isArray(stored.future)) return false;
    Object.assign(history, { past: stored.past, future: stored.future });
    return true;
  }
}
