// @ts-check
/** The chip in the top bar that says whether everything is saved, and the button beside it for when it cannot be. */
import { gettext, ngettext } from '../texts.js';

const ICONS = { saved: 'check', saving: 'loader-circle', offline: 'cloud-off', conflict: 'triangle-alert', refused: 'circle-alert' };

/** The words of the chip. @param {{count: number, stalled: boolean, stuck: boolean, signedOut: boolean, tries: number, online: boolean}} now */
export function chipOf({ count, stalled, stuck, signedOut, tries, online }) {
  const unsaved = ngettext('%(number)s change kept', '%(number)s changes kept', count);
  if (!count && !stalled) return ['saved', gettext('Saved')];
  if (stuck) return ['conflict', gettext('Not saved, %(unsaved)s', { unsaved })];
  if (stalled) return ['conflict', gettext('Conflict')];
  if (signedOut) return ['offline', gettext('Signed out, %(unsaved)s', { unsaved })];
  if (!online) return ['offline', gettext('Offline, %(unsaved)s', { unsaved })];
  if (tries) return ['offline', gettext('Not saved yet, %(unsaved)s', { unsaved })];
  return ['saving', gettext('Saving')];
}

/** @param {import('./sync.js').Sync} sync */
export function showChip({ canvas, page: { document, navigator }, outbox, stalled, signedOut, tries, stuck }) {
  const chip = document.getElementById('save-chip');
  if (!chip) return;
  const [state, text] = chipOf({ count: outbox.pending.length, stalled, stuck: stuck > 0, signedOut, tries, online: navigator.onLine });
  const act = document.getElementById('save-act');
  if (act) act.hidden = !((signedOut && state === 'offline') || stuck);
  if (act) act.textContent = stuck ? gettext('Keep a copy') : gettext('Sign in');
  if (chip.dataset.state === state && chip.lastElementChild?.textContent === text) return;
  chip.dataset.state = state;
  chip.querySelector('use')?.setAttribute('href', `${canvas.sprite}#i-${ICONS[state]}`);
  if (chip.lastElementChild) chip.lastElementChild.textContent = text;
}
