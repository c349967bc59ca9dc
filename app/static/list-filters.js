// @ts-check
/** Filters of a list on a phone: a button opens them below the search and says how many are in use. What they do is the list's own form. */

const OPEN = 'filters-open';
const button = () => /** @type {HTMLElement | null} */ (document.querySelector('.filters-button'));
const panel = () => /** @type {HTMLElement | null} */ (document.getElementById('list-filters'));
/** @returns {HTMLSelectElement[]} */
const choices = () => [...(panel()?.querySelectorAll('select') ?? [])];
const inUse = () => choices().filter((choice) => choice.selectedIndex > 0);

function count() {
  const place = button()?.querySelector('.n');
  const clear = /** @type {HTMLElement | null} */ (panel()?.querySelector('[data-clear-filters]') ?? null);
  const number = inUse().length;
  if (place) place.textContent = number ? String(number) : '';
  if (clear) clear.hidden = !number;
}

/** @param {boolean} open */
function turn(open) {
  panel()?.classList.toggle('open', open);
  button()?.setAttribute('aria-expanded', String(open));
}

function close() {
  turn(false);
  button()?.focus();
}

/** All that are in use as they are when nobody chose; the list hears of it once. */
function clear() {
  const changed = inUse();
  for (const choice of changed) choice.selectedIndex = 0;
  // What belongs to a workflow goes with it (`data-clears`).
  const speaker = changed.find((choice) => choice.dataset.clears) ?? changed.at(-1);
  for (const type of ['input', 'change']) speaker?.dispatchEvent(new Event(type, { bubbles: true }));
  count();
  panel()?.querySelector('select')?.focus();
}

/** A list that is loaded anew by each choice goes on where the choice was made. */
function goOn() {
  const stored = sessionStorage.getItem(OPEN);
  sessionStorage.removeItem(OPEN);
  const { path, name } = JSON.parse(stored ?? '{}');
  if (path !== location.pathname || !panel()) return;
  turn(true);
  choices()
    .find((choice) => choice.name === name)
    ?.focus();
}

/** Browsers that go back bring choices as they were when the page was left, and not those of its address. */
function showServed() {
  for (const choice of choices()) choice.selectedIndex = Math.max([...choice.options].findIndex((option) => option.defaultSelected), 0);
}

function listen() {
  document.addEventListener('click', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest('.filters-button')) turn(button()?.getAttribute('aria-expanded') !== 'true');
    else if (target.closest('[data-close-filters]')) close();
    else if (target.closest('[data-clear-filters]')) clear();
  });
  document.addEventListener('keydown', (event) => {
    const within = /** @type {HTMLElement} */ (event.target).closest('.filters-button, #list-filters');
    if (event.key !== 'Escape' || event.defaultPrevented || !within || !panel()?.classList.contains('open')) return;
    event.preventDefault();
    close();
  });
  document.addEventListener('change', count);
  addEventListener('submit', (event) => {
    const name = /** @type {any} */ (document.activeElement)?.name ?? '';
    const within = /** @type {HTMLElement} */ (event.target).contains(panel());
    if (within && !event.defaultPrevented && panel()?.classList.contains('open'))
      sessionStorage.setItem(OPEN, JSON.stringify({ path: location.pathname, name }));
  });
  document.addEventListener('htmx:after:swap', count);
  addEventListener('pageshow', ({ persisted }) => {
    const [visit] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType('navigation'));
    const replaced = !panel()?.closest('form')?.hasAttribute('hx-get');
    if (persisted ? replaced : visit?.type === 'back_forward') showServed();
    count();
  });
}

// htmx runs the scripts of a page once more that it goes back to.
const { dataset } = document.documentElement;
if (!dataset.filters) listen();
dataset.filters = 'heard';
count();
goOn();
