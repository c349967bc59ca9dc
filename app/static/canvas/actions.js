// @ts-check
/** The verbs of the builder, the same for pointer, keyboard and menus: add, delete, duplicate, paste, rename, tidy, note. */
import { askOne } from './ask.js';
import { Clipboard } from './clipboard.js';
import { addTrigger, armsToKeep, connect, freshId, insert, remove, replace, snapPoint } from './commands.js';
import { freeShift, stubs } from './free-space.js';
import { LAST_TRIGGER, Refused } from './graph.js';
import { make } from './elements.js';
import { later } from './later.js';
import { toFlow } from './viewport.js';
import { gettext, ngettext } from '../texts.js';

/** @typedef {import('./commands.js').Slot} Slot */

const fixesPart = later(() => import('./quick-fixes.js'));
const tidyPart = later(() => import('./tidy.js'));

export class Actions {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.clipboard = new Clipboard(canvas);
    document.addEventListener('click', (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const button = target.closest('[data-do]');
      if (button) this.run(/** @type {any} */ (button).dataset.do, button);
      const start = target.closest('[data-start], [data-flow]');
      if (start) this.begin(/** @type {any} */ (start).dataset);
    });
    const name = /** @type {HTMLElement | null} */ (document.querySelector('[data-workflow-name][contenteditable]'));
    name?.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== 'Escape') return;
      event.preventDefault();
      if (event.key === 'Escape') name.textContent = canvas.graph.name;
      canvas.focus({ preventScroll: true });
    });
    name?.addEventListener('blur', () => {
      name.scrollLeft = 0; // its beginning is seen again
      const text = name.textContent?.trim();
      if (!text) name.textContent = canvas.graph.name;
      else if (text !== canvas.graph.name) canvas.perform([{ kind: 'rename', name: text.slice(0, 255) }], gettext('Renamed the workflow'));
    });
  }

  /** What a button with `data-do` does. @param {string} verb @param {Element} button */
  run(verb, button) {
    const { canvas } = this;
    const about = /** @type {any} */ (button).dataset.id ?? [...canvas.selection][0];
    const verbs = {
      undo: () => canvas.undo(),
      redo: () => canvas.redo(),
      fit: () => canvas.fit(),
      'zoom-in': () => canvas.zoom(1.25),
      'zoom-out': () => canvas.zoom(0.8),
      tidy: () => this.tidy(),
      note: () => this.addNote(),
      find: () => canvas.palette.find(),
      delete: () => this.remove([about]),
      'switch-trigger': () => this.switchTrigger(about),
      'switch-step': () => this.switchStep(about),
      'add-trigger': () => canvas.palette.openTriggers(),
      duplicate: () => this.clipboard.duplicate([about]),
      rename: () => this.rename(about),
      after: () => this.addAfter(about),
      'error-path': () => canvas.palette.open({ source: about, port: 'error' }),
      'go-to': () => this.goTo(about, /** @type {any} */ (button).dataset.field),
      fix: () => this.fix(Number(/** @type {any} */ (button).dataset.index)),
      look: () => canvas.select([about], { focus: true }),
      mode: () => canvas.setMode(/** @type {any} */ (button).dataset.modeButton),
      shortcuts: () => /** @type {any} */ (document.getElementById('shortcuts'))?.showModal(),
      close: () => canvas.panel.close(),
    };
    verbs[verb]?.();
  }

  /** From the empty canvas: a trigger, or a whole flow to begin with. @param {DOMStringMap} chosen */
  begin({ start, flow }) {
    const { canvas } = this;
    const first = /** @type {import('./graph.js').Trigger} */ (canvas.graph.triggers.get(canvas.graph.first));
    if (flow !== undefined) {
      const { triggers, nodes, edges, goals, settings } = JSON.parse(document.getElementById('wf-flows')?.textContent ?? '[]')[Number(flow)];
      const [own, ...others] = triggers;
      const from = (edge) => (edge.source === own.id ? { ...edge, source: first.id } : edge);
      /** @type {import('./graph.js').Op[]} */
      const ops = [
        { kind: 'set_trigger', trigger: { ...own, id: first.id } },
        ...others.map((trigger) => ({ kind: 'add_trigger', trigger })),
        ...nodes.map((node) => ({ kind: 'add_node', node })),
        ...edges.map((edge) => ({ kind: 'add_edge', edge: from(edge) })),
      ];
      if (goals?.length) ops.push({ kind: 'set_goals', goals });
      if (settings) ops.push({ kind: 'set_settings', settings });
      if (canvas.perform(ops, gettext('Began with a flow'))) canvas.fit();
      return canvas.focusOn(first.id);
    }
    const { type, title, data, field } = JSON.parse(start ?? '{}');
    const trigger = { ...first, type, data: { ...canvas.graph.types[`trigger:${type}`]?.defaults, ...data } };
    if (data) canvas.perform([{ kind: 'set_trigger', trigger }], gettext('Starts when: %(title)s', { title }));
    canvas.stage.removeAttribute('data-empty');
    canvas.fit();
    if (!data) canvas.panel.wanted = field ?? '';
    return canvas.select([first.id], { open: true, into: !data });
  }

  /** Switch a trigger on or off. @param {string} id */
  switchTrigger(id) {
    const { canvas } = this;
    const trigger = canvas.graph.triggers.get(id);
    if (!trigger || !canvas.editable) return;
    const step = canvas.titleOf(id);
    canvas.panel.commit();
    const now = /** @type {any} */ (canvas.graph.triggers.get(id));
    canvas.perform([{ kind: 'set_trigger', trigger: { ...now, enabled: !trigger.enabled } }],
      trigger.enabled ? gettext('Switched %(step)s off', { step }) : gettext('Switched %(step)s on', { step }));
    canvas.announce(trigger.enabled ? gettext('%(step)s is switched off.', { step }) : gettext('%(step)s is switched on.', { step }));
  }

  /** Switch a step off, so that runs pass it by, or on again. @param {string} id */
  switchStep(id) {
    const { canvas } = this;
    if (!canvas.graph.nodes.has(id) || !canvas.editable) return;
    canvas.panel.commit();
    const off = !canvas.graph.nodes.get(id)?.disabled;
    const step = canvas.titleOf(id);
    const label = off ? gettext('Switched %(step)s off', { step }) : gettext('Switched %(step)s on', { step });
    canvas.perform([{ kind: 'update_node', nodeId: id, disabled: off || null }], label);
    canvas.announce(off ? gettext('%(step)s is switched off: runs pass it by.', { step }) : gettext('%(step)s is switched on.', { step }));
    canvas.panel.reload(id);
  }

  try(work) {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.canvas.announce(error.message, 'err');
      return undefined;
    }
  }

  /** Add a step and open its form. @param {string} type @param {Slot} slot */
  add(type, slot) {
    const { canvas } = this;
    return this.try(() => {
      const { ops, id } = canvas.graph.types[type]?.trigger ? addTrigger(canvas.graph, type, slot.at) : insert(canvas.graph, type, slot);
      const before = slot.source ?? canvas.graph.edges.get(slot.edge ?? '')?.source;
      const label = canvas.graph.types[type]?.label ?? type;
      if (!canvas.perform(ops, before ? gettext('Added %(label)s after %(step)s', { label, step: canvas.titleOf(before) }) : gettext('Added %(label)s',
        { label }))) return '';
      canvas.select([id], { focus: true, open: true });
      return id;
    });
  }

  /** The menu of steps for the first open way out, or for the edge that is there. @param {string} id */
  addAfter(id) {
    const { graph, palette } = this.canvas;
    if (!graph.node(id)) return palette.open({});
    const port = graph.openPorts(id)[0] ?? graph.ports(id)[0];
    if (!port) return this.canvas.announce(gettext('This step ends the path. Nothing can come after it.'), 'err');
    const edge = graph.edgeAt(id, port.id);
    palette.open(edge ? { edge: edge.id } : { source: id, port: port.id });
  }

  /** Another type in the place of a step; lines whose ports match stay. @param {string} id @param {string} type */
  replaceBy(id, type) {
    const { canvas } = this;
    const label = canvas.graph.types[type]?.label ?? type;
    return this.try(() => {
      canvas.panel.commit();
      const { ops, id: after, cut } = replace(canvas.graph, id, type);
      const title = canvas.titleOf(id);
      if (!canvas.perform(ops, gettext('Replaced %(title)s by %(label)s', { title, label }))) return;
      canvas.select([after], { focus: true, open: true });
      if (cut) {
        canvas.announce(ngettext('Replaced %(title)s by %(label)s. %(number)s connection has no place there.',
          'Replaced %(title)s by %(label)s. %(number)s connections have no place there.', cut, { title, label }), 'note');
      }
    });
  }

  connect(source, port, target) {
    const { canvas } = this;
    return this.try(() => {
      const ops = connect(canvas.graph, source, port, target);
      const word = canvas.graph.ports(source).find((known) => known.id === port)?.label;
      return canvas.perform(ops, word
        ? gettext('Connected %(branch)s of %(step)s to %(target)s', { branch: word, step: canvas.titleOf(source), target: canvas.titleOf(target) })
        : gettext('Connected %(step)s to %(target)s', { step: canvas.titleOf(source), target: canvas.titleOf(target) }));
    });
  }

  /** Delete steps, notes and edges; a branch asks which arm to keep. @param {string[]} ids */
  async remove(ids) {
    const { canvas } = this;
    const stays = [...canvas.graph.triggers.keys()].every((id) => ids.includes(id)) ? canvas.graph.first : '';
    const chosen = ids.filter((id) => id !== stays && canvas.exists(id));
    if (!chosen.length) return !!stays && canvas.announce(LAST_TRIGGER(), 'err');
    const [only] = chosen;
    const arms = chosen.length === 1 ? armsToKeep(canvas.graph, only) : [];
    const keep = arms.length ? await this.askArm(only, arms) : undefined;
    if (keep === null) return false;
    const steps = chosen.filter((id) => canvas.graph.node(id));
    const neighbour = canvas.graph.incoming(only)[0]?.source ?? [...canvas.graph.triggers.keys()].find((id) => !chosen.includes(id));
    const one = () => (canvas.graph.node(only) ? canvas.titleOf(only) : canvas.graph.notes.has(only) ? 'the note' : 'the connection');
    const what = chosen.length > 1 ? gettext('%(number)s items', { number: chosen.length }) : one();
    const had = canvas.contains(document.activeElement);
    const done = this.try(() => canvas.perform(remove(canvas.graph, chosen, keep), gettext('Deleted %(what)s', { what }), { select: [] }));
    if (done && had && steps.length) canvas.focusOn(neighbour);
    return done;
  }

  /** @returns {Promise<string | null>} the port to keep, '' for none, null when the dialog was left */
  askArm(id, arms) {
    const { canvas } = this;
    const ports = canvas.graph.ports(id);
    const word = (port) => ports.find((known) => known.id === port)?.label || port;
    const keeps = arms.map(({ sourceHandle, target }) => {
      return { value: sourceHandle, text: gettext('Keep “%(branch)s”', { branch: word(sourceHandle) }), note: gettext('Continue to %(step)s',
        { step: canvas.titleOf(target) }) };
    });
    return askOne('ask-arm', canvas.titleOf(id), [...keeps, { value: '', text: gettext('Keep none'),
      note: gettext('Steps behind stay on the canvas, unconnected') }]);
  }

  /** Move the selection; a burst of arrow keys is one entry of the history. */
  nudge(dx, dy) {
    const { canvas } = this;
    const ids = [...canvas.selection].filter((id) => canvas.scene.boxes.has(id));
    const what = ids.length > 1 ? gettext('%(number)s items', { number: ids.length }) : canvas.titleOf(ids[0]);
    canvas.perform(this.moves(ids, dx, dy), gettext('Moved %(what)s', { what }), { key: `move ${ids}`, quiet: true });
  }

  /** Ops that move cards and notes by a distance, or to where they are shown now. @returns {import('./graph.js').Op[]} */
  moves(ids, dx = 0, dy = 0) {
    const { graph, scene } = this.canvas;
    return ids.filter((id) => scene.boxes.has(id)).map((id) => {
      const box = /** @type {any} */ (scene.boxes.get(id));
      const position = { x: Math.round(box.x + dx), y: Math.round(box.y + dy) };
      return graph.notes.has(id) ? { kind: 'update_note', noteId: id, position } : { kind: 'move_node', nodeId: id, position };
    });
  }

  /** A note where nothing lies: beside the one selected card, else near the middle of the view. @param {import('./graph.js').Point} [at] */
  addNote(at) {
    const { canvas } = this;
    const { boxes, size } = canvas.scene;
    const [only, more] = canvas.selection;
    const beside = !more && canvas.graph.node(only) ? boxes.get(only) : undefined;
    const wanted = at ?? (beside ? { x: beside.x + beside.w + 40, y: beside.y } : toFlow(canvas.view, { x: size.w / 2 - 100, y: size.h / 4 }));
    const free = freeShift([...boxes.values(), ...stubs(canvas.graph, canvas.scene)], [{ ...wanted, w: 200, h: 72 }]);
    const note = { id: freshId('note'), text: '', position: snapPoint({ x: wanted.x + free.x, y: wanted.y + free.y }), width: 200, height: 72 };
    if (!canvas.perform([{ kind: 'add_note', note }], gettext('Added a note'), { select: [note.id] })) return;
    canvas.show(note.id);
    /** @type {any} */ (canvas.scene.notes.get(note.id)?.firstElementChild)?.focus({ preventScroll: true });
  }

  /** Edit the name on the card. */
  rename(id) {
    const { canvas } = this;
    const entry = canvas.scene.cards.get(id);
    if (!entry || canvas.graph.isTrigger(id) || !canvas.editable) return;
    const before = canvas.graph.node(id)?.name ?? '';
    const input = make('input', 'rename', { type: 'text', maxlength: '200', 'aria-label': gettext('Name of the step'), placeholder: canvas.titleOf(id) });
    input.value = before || canvas.titleOf(id);
    entry.li.append(input);
    input.select();
    let finished = false;
    const finish = (keep) => {
      if (finished) return;
      finished = true; // removing a focused input blurs it once more
      const name = input.value.trim();
      input.remove();
      if (keep && name !== before && !(name === canvas.titleOf(id) && !before)) {
        canvas.perform([{ kind: 'update_node', nodeId: id, name: name || null }], gettext('Renamed %(label)s',
          { label: before || canvas.graph.presentation(id).label }));
      }
      entry.card.focus({ preventScroll: true });
    };
    input.addEventListener('blur', () => finish(true));
    input.addEventListener('keydown', (event) => {
      event.stopPropagation();
      if (event.key !== 'Enter' && event.key !== 'Escape') return;
      event.preventDefault(); // else the Enter would press the card that gets the focus
      finish(event.key === 'Enter');
    });
  }

  /** Bring a step into sight, open it, and point at a field. */
  goTo(id, field = '') {
    const { canvas } = this;
    canvas.panel.wanted = field;
    if (!canvas.graph.node(id)) return canvas.panel.openWorkflow();
    for (const menu of document.querySelectorAll('details[open].menu')) /** @type {any} */ (menu).open = false;
    for (const dialog of document.querySelectorAll('dialog[open]')) /** @type {any} */ (dialog).close('no');
    canvas.select([id], { focus: true, open: true });
  }

  /** Mend what a line of the list of errors and warnings says, as its button says. @param {number} index */
  fix(index) {
    const { canvas } = this;
    const diagnostic = canvas.overlay.diagnostics[index];
    if (diagnostic?.fix && canvas.editable) canvas.using(fixesPart, ({ fix }) => fix(canvas, diagnostic));
  }

  /** Lay everything out from top to bottom. */
  tidy() {
    return this.canvas.using(tidyPart, ({ tidy }) => tidy(this.canvas));
  }
}
