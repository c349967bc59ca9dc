// @ts-check
/** A part of the page that could not be loaded says so in its place, and offers to try again. */
import { gettext } from '../texts.js';

/** The last request of each place: what a newer one replaced is not lost. @type {WeakMap<Element, Promise<any>>} */
const newest = new WeakMap();

/** Wait for a request that fills `place`. @param {Element} place @param {Promise<any>} request @param {() => void} whenMissing when nothing came */
export async function unlessLost(place, request, whenMissing) {
  newest.set(place, request);
  let came = false;
  const seen = () => (came = true);
  place.addEventListener('htmx:after:swap', seen);
  await Promise.resolve(request).catch(() => {});
  place.removeEventListener('htmx:after:swap', seen);
  if (!came && newest.get(place) === request) whenMissing();
}

/** @param {Element} place @param {() => void} again */
export function offerAgain(place, again) {
  const line = Object.assign(document.createElement('p'), { className: 'panel-note', textContent: `${gettext('This could not be loaded.')} ` });
  const button = Object.assign(document.createElement('button'), { className: 'btn sec sm', type: 'button', textContent: gettext('Try again') });
  button.addEventListener('click', again);
  line.setAttribute('role', 'alert');
  line.append(button);
  place.removeAttribute('aria-busy');
  place.replaceChildren(line);
}
