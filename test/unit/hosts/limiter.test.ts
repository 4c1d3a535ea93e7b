import { expect, test } from 'vitest';
import { limiter } from '../../../src/hosts/limiter.ts';
import { install } from '../support/programs.ts';

test('the limiter leaves room for what goes over the wire beside the stream, and never stops it', () => {
  install('pv');
  expect(limiter(10_000_000)).toEqual(['pv', '-q', '-L', '9700000']);
  expect(limiter(1)).toEqual(['pv', '-q', '-L', '1']);
});
