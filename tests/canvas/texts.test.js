/** Texts of scripts in the reader's language. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { gettext, language, ngettext } from '../../app/static/texts.js';

const page = (lang, texts) => ({ documentElement: { lang }, querySelector: () => texts && { textContent: JSON.stringify(texts) } });
afterEach(() => { delete globalThis.document; });

test('without texts of another language English stands, filled', () => {
  assert.equal(gettext('Copied %(name)s to %(place)s', { name: '%(place)s' }), 'Copied %(place)s to %(place)s');
  assert.equal(ngettext('%(number)s step', '%(number)s steps', 1), '1 step');
  assert.equal(ngettext('%(number)s step', '%(number)s steps', 1200), '1,200 steps');
});

test('a page in another language has its texts, and the next page its own', () => {
  globalThis.document = page('de', { Undo: ['Rückgängig'], '%(number)s step': ['%(number)s Schritt', '%(number)s Schritte'] });
  assert.equal(gettext('Undo'), 'Rückgängig');
  assert.equal(ngettext('%(number)s step', '%(number)s steps', 1), '1 Schritt');
  assert.equal(ngettext('%(number)s step', '%(number)s steps', 1200), '1.200 Schritte');
  assert.equal(gettext('Redo'), 'Redo');
  assert.equal(language(), 'de');
  globalThis.document = page('en', undefined);
  assert.equal(gettext('Undo'), 'Undo');
});
