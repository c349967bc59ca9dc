// @ts-check
/** One press that mends what a diagnostic says: a word of a text becomes another, or a step, a condition or a case goes away. */
import { gettext } from '../texts.js';

/** @typedef {{label: string, find?: string, put?: string, removeStep?: boolean, takeOut?: string, entry?: any, beside?: any}} Fix */

/**
 * The edits that mend it; null when the text has changed since the server looked at it, or the step is gone.
 * @param {import('./graph.js').Graph} graph @param {{path: string, nodeId?: string | null, fix: Fix}} diagnostic
 * @returns {import('./graph.js').Op[] | null}
 */
export function fixingOps(graph, { path: warned, nodeId, fix }) {
  const path = fix.takeOut || warned;
  const node = nodeId ? graph.nodes.get(nodeId) : undefined;
  if (fix.removeStep) return node ? [{ kind: 'remove_node', nodeId: node.id }] : null;
  const mend = (value, below) => changed(value, parts(below), fix);
  if (node) {
    const data = mend(node.data, path.replace(/^nodes\[\d+\]\.data\./, ''));
    return data && [...linesOfRemovedCases(graph, node, data), { kind: 'update_node', nodeId: node.id, data }];
  }
  const trigger = nodeId ? graph.triggers.get(nodeId) : undefined;
  if (trigger) {
    const data = mend(trigger.data, path.replace(/^triggers\[\d+\]\.data\.|^trigger\./, ''));
    return data && [{ kind: 'set_trigger', trigger: { ...trigger, data } }];
  }
  if (path.startsWith('goals')) {
    const goals = mend(graph.goals, path.slice('goals'.length));
    return goals && [{ kind: 'set_goals', goals }];
  }
  const settings = mend(graph.settings, path.replace(/^settings\./, ''));
  return settings && [{ kind: 'set_settings', settings }];
}

/** Mend it, and show the step. @param {import('./flow-canvas.js').FlowCanvas} canvas @param {any} diagnostic one with a fix */
export function fix(canvas, diagnostic) {
  canvas.panel.commit(); // what is being typed counts, too
  const ops = fixingOps(canvas.graph, diagnostic);
  const gone = diagnostic.fix.takeOut ? gettext('What was to be removed has changed or is gone. Nothing was removed.')
    : gettext('This has changed in the meantime. Look at the step itself.');
  if (!ops) return canvas.announce(gone, 'err');
  canvas.perform(ops, diagnostic.fix.label);
  canvas.panel.reload(diagnostic.nodeId ?? 'workflow'); // its form shows what is mended
  if (diagnostic.nodeId && canvas.graph.node(diagnostic.nodeId)) canvas.select([diagnostic.nodeId], { focus: true, open: true });
  return undefined;
}

/** `conditions[0].field` → conditions, 0, field. */
const parts = (path) => path.replace(/\[(\d+)\]/g, '.$1').split('.').filter(Boolean);

/** Lines that leave a case which goes. @param {import('./graph.js').Graph} graph @param {any} node @param {any} data */
function linesOfRemovedCases(graph, node, data) {
  const ids = (config) => (Array.isArray(config.cases) ? config.cases.map((one) => one.id) : []);
  const removed = ids(node.data).filter((id) => !ids(data).includes(id));
  const edges = removed.length ? [...graph.edges.values()] : [];
  return edges.filter((edge) => edge.source === node.id && removed.includes(edge.sourceHandle)).map((edge) => ({ kind: 'remove_edge', edgeId: edge.id }));
}

/** A copy in which the text at a path has its word changed; null where there is no such text. Keys may have dots in them. */
function changed(value, names, fix) {
  if (!names.length) return typeof value === 'string' ? replaced(value, fix) : null;
  if (value === null || typeof value !== 'object') return null;
  if (fix.takeOut && names.length === 1) return Array.isArray(value) ? without(value, Number(names[0]), fix) : null;
  for (let count = names.length; count > 0; count -= 1) {
    const key = names.slice(0, count).join('.');
    if (Object.hasOwn(value, key)) {
      const inner = changed(value[key], names.slice(count), fix);
      if (inner === null) return null;
      const copy = Array.isArray(value) ? [...value] : { ...value };
      copy[key] = inner;
      return copy;
    }
  }
  return null;
}

/**
 * A list without the entry that was checked, wherever it stands now; null where it is gone, or the one because of which it was to go.
 * @param {any[]} list @param {number} place where it stood @param {Fix} fix
 */
function without(list, place, { entry, beside }) {
  const at = alike(list[place], entry) ? place : list.findLastIndex((one) => alike(one, entry));
  const left = list.filter((_, index) => index !== at);
  return at < 0 || (beside && !left.some((one) => alike(one, beside))) ? null : left;
}

/** Are two values of JSON the same? */
function alike(one, other) {
  if (one === other || !one || !other || typeof one !== 'object' || typeof other !== 'object') return one === other;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => Object.hasOwn(other, key) && alike(one[key], other[key]));
}

/** Whole words only: `contact.plan` is not in `contact.planet`. @param {string} text @param {Fix} fix */
function replaced(text, { find = '', put = '' }) {
  const word = new RegExp(`(?<![\\p{L}\\p{N}_.])${find.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\p{L}\\p{N}_])`, 'gu');
  const mended = text.replace(word, () => put);
  return mended === text ? null : mended;
}
