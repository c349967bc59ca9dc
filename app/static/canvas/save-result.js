// @ts-check
/** What an answer to a batch of ops means for them. No DOM, no network. */
import { gettext, ngettext } from '../texts.js';

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
  const unsaved = ngettext('%(number)s change is not saved.', '%(number)s changes are not saved.', count);
  if (status === 403) {
    return [gettext('You may not edit any more'),
      gettext('Your role in this workspace was changed. %(unsaved)s Keep a copy, and give it to somebody who may edit.', { unsaved })];
  }
  if (status === 404) return [gettext('This workflow is gone'),
    gettext('Somebody deleted it, or it is in another workspace. %(unsaved)s Keep a copy to draw it again.', { unsaved })];
  return [gettext('This workflow cannot be edited now'),
    gettext('It may have been archived meanwhile. %(unsaved)s Keep a copy, or load the page again.', { unsaved })];
}

/** How long to wait before the next try, in ms. @param {number} tries so far @param {string | null} after header Retry-After, seconds */
export function pause(tries, after = null) {
  const steps = [1000, 2000, 5000, 10000, 20000];
  const wanted = Number(after) * 1000;
  const usual = steps[Math.min(tries, steps.length - 1)];
  return Number.isFinite(wanted) && wanted > 0 ? Math.min(Math.max(wanted, usual), 300000) : usual;
}
