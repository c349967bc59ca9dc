// @ts-check
/** Fields for tags (`data-suggest`: who knows them) offer those of the workspace in which what is typed is. Any other may be typed as well. */

const PAUSE_MS = 150;
let later = 0;
let asking = new AbortController();

/** @param {HTMLInputElement} field */
async function suggest(field) {
  // Of several tags the last one is being typed (`data-several`); an option replaces the whole text.
  const from = field.dataset.several === undefined ? 0 : field.value.lastIndexOf(',') + 1;
  const before = from ? `${field.value.slice(0, from)} ` : '';
  const letters = field.value.slice(from).trim();
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const answer = await fetch(`${field.dataset.suggest}?letters=${encodeURIComponent(letters)}`, { signal }).catch(() => null);
  if (!answer?.ok) return; // Those that were offered stay, and typing goes on.
  const tags = /** @type {string[]} */ (await answer.json().catch(() => []));
  field.list?.replaceChildren(...tags.map((tag) => Object.assign(document.createElement('option'), { value: before + tag })));
}

for (const type of ['focusin', 'input']) {
  document.addEventListener(type, (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    if (!field.matches('input[data-suggest]')) return;
    clearTimeout(later);
    later = setTimeout(() => suggest(field), PAUSE_MS);
  });
}
