// @ts-check
/** The switch on a trigger's card. */
import { make } from './elements.js';
import { gettext } from '../texts.js';

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
  button.setAttribute('aria-label', gettext('%(step)s starts runs', { step: canvas.titleOf(id) }));
  button.title = trigger.enabled ? gettext('Switch this trigger off') : gettext('Switch this trigger on');
}
