// @ts-check
/** What a form changes in a step: whether two values are the same, the rule of retries, the field that a path names. No DOM. */

export const same = (a, b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (value) => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!value || typeof value !== 'object') return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
};

/** The retry rule that a form shows; what the form does not show (a longest wait, jitter) stays as it was. */
export const retryOf = (shown, before) => (shown?.attempts
  ? { attempts: shown.attempts, backoff: { maxDelay: 86400000, jitter: true, ...before?.backoff, type: 'exponential', delay: 60000, ...shown.backoff } }
  : null);

/** The part of a path that is inside the form: `nodes[3].data.duration` is `duration`, `trigger.event` is `event`. */
export const below = (path) => path.replace(/^(nodes|triggers|ops)\[\d+\]\.(trigger\.)?(data\.)?/, '').replace(/^trigger\./, '');
