// @ts-check
/** What an answer to a batch of ops means for them. No DOM, no network. */

/**
 * - `saved`, `conflict`: as the server says.
 * - `signed-out`: nobody, or somebody else, or another workspace is signed in; kept until the right session is back.
 * - `stuck`: this person cannot save here (any more); kept, and offered as a file.
 * - `refused`: these ops are wrong; they are taken back, with the reason.
 * - `later`: nothing was decided; kept and sent again.
 * @typedef {'saved' | 'conflict' | 'signed-out' | 'stuck' | 'refused' | 'later'} SaveResult
 */

/** @param {number} status 0: no answer @param {any} reply the JSON of the answer @param {string | null} session header X-Session @returns {SaveResult} */
export function saveResult(status, reply = {}, session = null) {
  if (status === 401 || session) return 'signed-out';
  if (status === 200 && reply.rev) return 'saved';
  if (status === 409 && reply.conflict) return 'conflict';
  if ([403, 404, 409].includes(status)) return 'stuck';
  if ([400, 413, 415, 422, 428].includes(status)) return 'refused';
  return 'later';
}

/** Why somebody is stuck, in words: title and sentence. @param {number} status */
export function reason(status, count) {
  const unsaved = `${count} ${count === 1 ? 'change is' : 'changes are'} not saved.`;
  if (status === 403) {
    return ['You may not edit any more', `Your role in this workspace was changed. ${unsaved} Keep a copy, and give it to somebody who may edit.`];
  }
  if (status === 404) return ['This workflow is gone', `Somebody deleted it, or it is in another workspace. ${unsaved} Keep a copy to draw it again.`];
  return ['This workflow cannot be edited now', `It may have been archived meanwhile. ${unsaved} Keep a copy, or load the page again.`];
}

/** How long to wait before the next try, in ms. @param {number} tries so far @param {string | null} after header Retry-After, seconds */
export function pause(tries, after = null) {
  const steps = [1000, 2000, 5000, 10000, 20000];
  const wanted = Number(after) * 1000;
  const usual = steps[Math.min(tries, steps.length - 1)];
  return Number.isFinite(wanted) && wanted > 0 ? Math.min(Math.max(wanted, usual), 300000) : usual;
}

/** The words of the chip. @param {{count: number, stalled: boolean, stuck: boolean, signedOut: boolean, tries: number, online: boolean}} now */
export function chipOf({ count, stalled, stuck, signedOut, tries, online }) {
  const unsaved = `${count} ${count === 1 ? 'change' : 'changes'} kept`;
  if (!count && !stalled) return ['saved', 'Saved'];
  if (stuck) return ['conflict', `Not saved, ${unsaved}`];
  if (stalled) return ['conflict', 'Conflict'];
  if (signedOut) return ['offline', `Signed out, ${unsaved}`];
  if (!online) return ['offline', `Offline, ${unsaved}`];
  if (tries) return ['offline', `Not saved yet, ${unsaved}`];
  return ['saving', 'Saving'];
}
