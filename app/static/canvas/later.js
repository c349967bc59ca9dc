// @ts-check
/**
 * Parts of the page that are loaded when they are first used: an argument of `later` is `() => import(…)`. All of them are loaded ahead once
 * the page has nothing else to do, so that none is slow, and none is missing when the connection goes. `BUNDLES` of `app/web/bundles.py` says
 * which modules come in one file.
 */

/** Until it is tried again to load ahead what could not be loaded. */
const AGAIN_MS = 10_000;

/** @type {(() => Promise<any>)[]} */
const parts = [];

/** @template T @param {() => Promise<T>} load @returns {() => Promise<T>} what loads it, once */
export function later(load) {
  /** @type {Promise<T> | undefined} */
  let loading;
  const part = () => (loading ??= load().catch((error) => {
    loading = undefined;
    throw error;
  }));
  parts.push(part);
  return part;
}

/** Load one part after the other, also those that a part names. */
export async function loadAll() {
  for (const part of parts) await part();
}

/** Styles that no first look needs: they stand in the head, at their place among the others, and are asked for now. @param {Document} [page] */
export function loadLateStyles(page = document) {
  for (const link of /** @type {NodeListOf<HTMLLinkElement>} */ (page.querySelectorAll('link[data-late]'))) {
    Object.assign(link, { rel: 'stylesheet', href: link.dataset.late });
    delete link.dataset.late;
  }
}

/** Load everything as soon as nothing else is going on. @param {Window} [page] */
export function loadAhead(page = window) {
  const load = () => loadAll().catch(() => page.setTimeout(load, AGAIN_MS));
  if (page.requestIdleCallback) page.requestIdleCallback(load, { timeout: 2_000 });
  else page.setTimeout(load, 500);
}
