// @ts-check
/** What the sample of the workflow has in each field, by path: asked once for each form that is opened, and for each sample. */

/** @typedef {{who: string, event: string, values: Record<string, string>}} Samples */

const NOTHING = { who: '', event: '', values: {} };
/** @type {WeakMap<Element, Promise<Samples>>} */
let requests = new WeakMap();
document.addEventListener('wf:sample', () => (requests = new WeakMap()));

/** @param {HTMLElement | null} form @returns {Promise<Samples>} nothing while it cannot be asked */
export function samplesOf(form) {
  const workflow = /** @type {any} */ (document.querySelector('flow-canvas'))?.workflow;
  const about = form?.dataset.about;
  if (!form || !about || !workflow) return Promise.resolve(NOTHING);
  const known = requests.get(form);
  if (known) return known;
  const coming = fetch(`/workflows/${workflow}/nodes/${encodeURIComponent(about)}/sample-values`, { headers: { Accept: 'application/json' } })
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.statusText))))
    .catch(() => {
      requests.delete(form);
      return NOTHING;
    });
  requests.set(form, coming);
  return coming;
}
