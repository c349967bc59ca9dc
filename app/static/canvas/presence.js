// @ts-check
/** Who else has this workflow open: their initials in the header, and a ring with their name around the step that they have selected. */
import { make } from './elements.js';
import { gettext } from '../texts.js';

/** @typedef {{tab: string, user: string, name: string, initials: string, tint: number, step: string}} Tab */
/** @typedef {{name: string, initials: string, tint: number, own: boolean, steps: string[]}} Person */

const MOST_SHOWN = 3;
/** Who loads the page again is gone for a moment only. */
const GONE_MS = 2_500;
const SENT_MS = 300;

/** People by their id; their tabs but this one together. @param {Tab[]} tabs @param {string} tab of this page @param {string} user who looks */
export function peopleOf(tabs, tab, user) {
  /** @type {Map<string, Person>} */
  const people = new Map();
  for (const one of tabs) {
    if (one.tab === tab && one.user === user) continue;
    const person = people.get(one.user) ?? { name: one.name, initials: one.initials, tint: one.tint, own: one.user === user, steps: [] };
    if (one.step && !person.steps.includes(one.step)) person.steps.push(one.step);
    people.set(one.user, person);
  }
  return people;
}

/** @param {Person} person */
const called = (person) => (person.own ? gettext('You, in another tab') : person.name);

export class Presence {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {string} tab */
  constructor(canvas, tab) {
    this.canvas = canvas;
    this.tab = tab;
    /** @type {Map<string, Person>} */
    this.people = new Map();
    /** What the others know of this page. */
    this.sent = '';
    this.menu = make('details', 'menu here', { id: 'here' });
    this.menu.hidden = true;
    this.summary = make('summary', 'faces');
    this.list = make('div', 'pop', { role: 'group', 'aria-label': gettext('Also in this workflow') });
    this.menu.append(this.summary, this.list);
    document.querySelector('.builder-shell .acts')?.prepend(this.menu);
    this.list.addEventListener('click', (/** @type {any} */ event) => this.goTo(event.target.closest('[data-step]')?.dataset.step));
    canvas.addEventListener('wf:select', () => {
      this.mark();
      this.tell();
    });
  }

  /** @param {Tab[]} tabs */
  show(tabs) {
    const user = document.body.dataset.user ?? '';
    const next = peopleOf(tabs, this.tab, user);
    this.sent = tabs.find((one) => one.tab === this.tab && one.user === user)?.step ?? ''; // after a reconnection nothing is known of it
    clearTimeout(this.waiting);
    const gone = [...this.people.keys()].some((user) => !next.has(user));
    if (gone) this.waiting = setTimeout(() => this.draw(next), GONE_MS);
    this.draw(gone ? new Map([...this.people, ...next]) : next);
  }

  /** @param {Map<string, Person>} next */
  draw(next) {
    const before = this.people;
    this.people = next;
    const words = [];
    for (const [user, person] of next) {
      if (!before.has(user)) words.push(person.own ? gettext('You have this workflow open in another tab too') : gettext('%(name)s is here too', person));
    }
    for (const [user, person] of before) if (!next.has(user) && !person.own) words.push(gettext('%(name)s left', person));
    if (words.length) this.canvas.announce(words.join('. '));
    this.face();
    this.mark();
    this.tell();
  }

  /** The initials in the header, and behind them who is where. */
  face() {
    const people = [...this.people.values()];
    const had = this.menu.contains(document.activeElement);
    this.menu.hidden = !people.length;
    if (!people.length) {
      this.menu.open = false;
      if (had) this.canvas.holdFocus();
      return;
    }
    const names = people.map(called).join(', ');
    this.summary.setAttribute('aria-label', gettext('Also here: %(names)s', { names }));
    this.summary.title = names;
    this.summary.replaceChildren(...people.slice(0, MOST_SHOWN).map(avatar));
    if (people.length > MOST_SHOWN) this.summary.append(text('span', 'more num', `+${people.length - MOST_SHOWN}`));
    this.list.replaceChildren(...people.flatMap((person) => this.lines(person)));
    if (had && !this.menu.contains(document.activeElement)) this.summary.focus();
  }

  /** @param {Person} person */
  lines(person) {
    const steps = person.steps.filter((id) => this.canvas.graph.node(id));
    const line = (step = '') => {
      const item = make(step ? 'button' : 'div', 'mi', step ? { type: 'button', 'data-step': step } : {});
      const at = step ? gettext('At %(step)s', { step: this.canvas.titleOf(step) }) : gettext('Looks around');
      const words = make('span', 'tx');
      const name = text('b', '', called(person));
      name.dir = 'auto';
      words.append(name, text('span', 'cap muted', at));
      item.append(avatar(person), words);
      return item;
    };
    return steps.length ? steps.map(line) : [line()];
  }

  /** @param {string | undefined} step */
  goTo(step) {
    if (!step || !this.canvas.graph.node(step)) return;
    this.menu.open = false;
    this.canvas.select([step], { focus: true });
  }

  /** Rings around the steps that others have selected. */
  mark() {
    /** @type {Map<string, Person[]>} */
    const at = new Map();
    for (const person of this.people.values()) for (const id of person.steps) at.set(id, [...(at.get(id) ?? []), person]);
    for (const [id, { li }] of this.canvas.scene.cards) {
      const people = at.get(id);
      const old = /** @type {HTMLElement | null} */ (li.querySelector(':scope > .here-name'));
      const names = people?.map(called).join(', ') ?? '';
      li.classList.toggle('here', !!people);
      for (const name of [...li.classList]) if (name.startsWith('av-')) li.classList.remove(name);
      if (people) li.classList.add(`av-${people[0].tint}`);
      if (!people) old?.remove();
      else if (old?.textContent !== names) {
        old?.remove();
        li.append(text('span', 'here-name', names));
      }
    }
    this.canvas.scene.farMap?.refresh();
  }

  /** Say what is selected here, as long as somebody else is there to see it. */
  tell() {
    clearTimeout(this.telling);
    if (!this.people.size) return;
    this.telling = setTimeout(() => {
      const [only] = this.canvas.selection;
      const step = this.canvas.selection.size === 1 && this.canvas.graph.node(only) ? only : '';
      if (step === this.sent) return;
      this.sent = step;
      const headers = JSON.parse(document.body.getAttribute('hx-headers:inherited') ?? '{}');
      const body = new URLSearchParams({ tab: this.tab, step });
      fetch(`/workflows/${this.canvas.workflow}/presence`, { method: 'POST', body, headers, redirect: 'error' }).catch(() => (this.sent = ''));
    }, SENT_MS);
  }
}

/** @param {string} name @param {string} cls @param {string} words */
function text(name, cls, words) {
  const element = make(name, cls);
  element.textContent = words;
  return element;
}

/** @param {Person} person */
function avatar(person) {
  const element = text('span', `avatar s av-${person.tint}`, person.initials);
  element.setAttribute('aria-hidden', 'true');
  return element;
}
