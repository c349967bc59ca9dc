// @ts-check
/** How much a workflow may have. The server refuses more by itself. */
import { gettext, language } from '../texts.js';

export const MAX_NOTES = 100;
export const MAX_TRIGGERS = 20;
/** `steps`: what the operator set; the page says it. */
export const limits = { steps: 100 };

/** The server's own sentence. @param {number} count */
export const tooManySteps = (count) => {
  const [most, number] = [limits.steps, count].map((one) => new Intl.NumberFormat(language()).format(one));
  return gettext('A workflow has at most %(most)s steps; this one has %(number)s. Split it in two.', { most, number });
};
