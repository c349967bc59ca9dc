// @ts-check
/** Test: the sample walks through the draft on the server, and its way is lit as one run's is. Part of the results, loaded with them. */

/** Modes that show one way, step by step, with its story in the panel. */
export const WALKS = ['person', 'test'];

/** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {string} until the step behind which it stops, '' for the end */
export function runTest(canvas, until) {
  const into = { source: '#panel', target: '#panel', swap: 'innerHTML', values: { until } };
  return /** @type {any} */ (window).htmx.ajax('POST', `/workflows/${canvas.workflow}/test`, into);
}

/**
 * The place in the way of the step that somebody clicked; -1 when the walk did not come there. Of several visits the last.
 * @param {import('./results.js').Step[]} steps @param {string[]} ids
 */
export function placeOf(steps, ids) {
  return ids.length === 1 ? steps.findLastIndex((step) => step.nodeId === ids[0]) : -1;
}
