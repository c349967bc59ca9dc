// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sizeInWords } from '../../app/static/file-field.js';

test('sizes are said in the unit and the language of their reader', () => {
  const cases = [[0, 'en', '0 B'], [1, 'en', '1 B'], [999, 'en', '999 B'], [1900, 'en', '1.9 KB'], [3_240_000, 'en', '3.2 MB'],
    [1900, 'de', '1,9 KB'], [64_000_000, 'de', '64 MB'], [5_000_000_000, 'en', '5,000 MB']]; // prettier-ignore
  for (const [bytes, locale, words] of cases) assert.equal(sizeInWords(Number(bytes), String(locale)).replace(/\u00a0/g, ' '), words);
});
