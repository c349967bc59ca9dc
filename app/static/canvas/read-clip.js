// @ts-check
/** What a clipboard holds, as steps: a clip of this builder, a workflow as the API has it, or a file of the export. No DOM. */
import { MAX_NOTES, limits, tooManySteps } from './limits.js';
import { gettext, ngettext } from '../texts.js';

/** @typedef {import('./graph.js').Graph} Graph */

/** Levels of a step: settings, and conditions in groups, with much to spare. */
const MAX_DEPTH = 100;

const notSteps = () => gettext('The clipboard holds no steps. Copy steps in a builder, or a workflow as JSON.');
const isPoint = (at) => Number.isFinite(at?.x) && Number.isFinite(at?.y);

/** The part of a document that has the steps. */
const graphOf = (value) => [value, value?.data, value?.graph, value?.workflow, value?.workflow?.graph].find((part) => Array.isArray(part?.nodes));

/** Is anything nested deeper than a browser can copy and send safely? The server refuses what is nested less deep. @param {any[]} parts */
function tooDeep(parts) {
  let level = parts;
  for (let depth = 0; level.length; depth += 1) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((value) => (value && typeof value === 'object' ? Object.values(value) : []));
  }
  return false;
}

/** Why these steps cannot be taken, or ''. @param {any[]} nodes @param {any[]} notes @param {number} present steps that are there already */
function fault(nodes, notes, present) {
  if (present + nodes.length > limits.steps) return tooManySteps(present + nodes.length);
  if (notes.length > MAX_NOTES) {
    return gettext('A workflow has at most %(most)s notes, and these are %(number)s.', { most: MAX_NOTES, number: notes.length });
  }
  if (tooDeep([...nodes, ...notes])) return gettext('Something in it is nested too deep.');
  const ids = new Set();
  for (const [index, node] of nodes.entries()) {
    if (typeof node?.type !== 'string' || !node.type) return gettext('Step %(number)s has no type.', { number: index + 1 });
    if (typeof node.id !== 'string' || !node.id) return gettext('Step %(number)s has no id.', { number: index + 1 });
    if (ids.has(node.id)) return gettext('Two steps have the id “%(id)s”.', { id: node.id });
    if (node.data !== undefined && (typeof node.data !== 'object' || !node.data || Array.isArray(node.data))) {
      return gettext('The settings of step %(number)s (“data”) are no object.', { number: index + 1 });
    }
    ids.add(node.id);
  }
  return '';
}

/** Steps without a place stand below each other. */
const placed = (nodes) => nodes.map((node, index) => ({ ...node, position: isPoint(node.position) ? node.position : { x: 0, y: index * 168 } }));

/**
 * @param {string} text @param {Graph} graph where the steps should go
 * @returns {{clipped: any, why: string, left: string[]}} the clip or why there is none, and in sentences what does not come with it
 */
export function readClip(text, graph) {
  const refused = (why) => ({ clipped: null, why, left: [] });
  if (!text.trim()) return refused(gettext('The clipboard is empty.'));
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const looksLikeJson = /^\s*[[{]/.test(text);
    return refused(looksLikeJson ? gettext('The clipboard holds broken JSON: %(message)s', { message: /** @type {Error} */ (error).message }) : notSteps());
  }
  const source = graphOf(Array.isArray(value) ? { nodes: value } : value);
  if (!source) return refused(value && typeof value === 'object' ? gettext('This JSON has no list of steps (“nodes”).') : notSteps());
  const { nodes } = source;
  const [edges, notes] = [source.edges, source.notes].map((list) => (Array.isArray(list) ? list : []));
  const wrong = fault(nodes, notes, graph.nodes.size);
  if (wrong) return refused(gettext('This cannot be pasted. %(wrong)s', { wrong }));
  if (!nodes.length && !notes.length) return refused(gettext('There are no steps in it.'));
  const known = new Set(nodes.map((node) => node.id));
  const own = edges.filter((edge) => known.has(edge?.source) && known.has(edge?.target));
  const all = { throughline: 1, nodes: placed(nodes), edges: own, notes: notes.filter((note) => isPoint(note?.position)) };
  const { clipped, unknown } = onlyKnown(all, graph);
  const missing = unknown.length ? [notInstalled(unknown)] : [];
  if (unknown.length && !clipped.nodes.length && !clipped.notes.length) return refused(gettext('This cannot be pasted. %(wrong)s', { wrong: missing[0] }));
  return { clipped, why: '', left: [...(value?.throughline === 1 ? [] : leftOut(source, edges.length - own.length)), ...missing] };
}

/** What has a type that is not installed, in words. @param {any[]} nodes */
export function notInstalled(nodes) {
  const types = [...new Set(nodes.map(({ type }) => `“${type}”`))].join(', ');
  return ngettext('%(number)s step left out, as its type is not installed here: %(types)s.',
    '%(number)s steps left out, as their types are not installed here: %(types)s.', nodes.length, { types });
}

/** A clip without the steps that cannot be added here: what led to one leads to what comes behind it.
 * @param {any} all @param {Graph} graph @returns {{clipped: any, unknown: any[]}} */
export function onlyKnown(all, graph) {
  const unknown = all.nodes.filter((node) => !graph.types[node.type]);
  let { edges } = all;
  for (const { id } of unknown) {
    const next = edges.find((edge) => edge.source === id && edge.target !== id && edge.sourceHandle !== 'error')?.target;
    edges = edges.filter((edge) => edge.source !== id).map((edge) => (edge.target === id ? { ...edge, target: next } : edge))
      .filter((edge) => edge.target && edge.source !== edge.target);
  }
  return { clipped: { ...all, nodes: all.nodes.filter((node) => !unknown.includes(node)), edges }, unknown };
}

/** @returns {string[]} */
function leftOut(source, cut) {
  const triggers = source.triggers?.length ?? (source.trigger ? 1 : 0);
  const lines = [];
  if (triggers) lines.push(ngettext('%(number)s trigger left out: this workflow has its own.',
    '%(number)s triggers left out: this workflow has its own.', triggers));
  if (source.goals?.length) lines.push(ngettext('%(number)s goal left out.', '%(number)s goals left out.', source.goals.length));
  if (cut > (triggers ? 1 : 0)) {
    lines.push(ngettext('%(number)s connection led out of these steps and is left out.',
      '%(number)s connections led out of these steps and are left out.', cut));
  }
  return lines;
}
