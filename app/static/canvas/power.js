// @ts-check
/** The switch on a trigger's card. */
import { make } from './scene.js';

/** A trigger that is switched off is shown so; where there are several, each card has its switch. */
export function showPower(canvas, id, li) {
  const { graph, editable } = canvas;
  const trigger = graph.triggers.get(id);
  li.classList.toggle('off', !!trigger && !trigger.enabled);
  const wanted = !!trigger && (graph.triggers.size > 1 || !trigger.enabled);
  let power = li.querySelector('.power');
  if (!wanted) return power?.remove();
  if (!power) {
    power = make('button', 'power', { type: 'button', role: 'switch', tabindex: '-1', 'data-do': 'power', 'data-id': id });
    li.append(power);
  }
  power.disabled = !editable;
  power.setAttribute('aria-checked', String(trigger.enabled));
  power.setAttribute('aria-label', `${canvas.titleOf(id)} starts runs`);
  power.title = trigger.enabled ? 'Switch this trigger off' : 'Switch this trigger on';
}
