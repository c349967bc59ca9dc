// @ts-check
/** The switch on a trigger's card. */
import { make } from './elements.js';

/** A trigger or a step that is switched off is shown so; where there are several triggers, each card has its switch. */
export function showTriggerSwitch(canvas, id, li) {
  const { graph, editable } = canvas;
  const trigger = graph.triggers.get(id);
  li.classList.toggle('off', trigger ? !trigger.enabled : !!graph.nodes.get(id)?.disabled);
  const wanted = !!trigger && (graph.triggers.size > 1 || !trigger.enabled);
  let button = li.querySelector('.trigger-switch');
  if (!wanted) return button?.remove();
  if (!button) {
    button = make('button', 'trigger-switch', { type: 'button', role: 'switch', tabindex: '-1', 'data-do': 'switch-trigger', 'data-id': id });
    li.append(button);
  }
  button.disabled = !editable;
  button.setAttribute('aria-checked', String(trigger.enabled));
  button.setAttribute('aria-label', `${canvas.titleOf(id)} starts runs`);
  button.title = trigger.enabled ? 'Switch this trigger off' : 'Switch this trigger on';
}
