import { env } from 'node:process';
import fc from 'fast-check';
import {
  type DatasetName,
  type Guid,
  parseDatasetName,
  parseGuid,
  parseSnapshotLabel,
  type SnapshotLabel,
} from '../../../src/zfs/names.ts';

/** How many cases a property of a parser gets; scripts/nightly sets ZFERRY_CASES to more. */
export const many = { numRuns: Number(env['ZFERRY_CASES'] ?? 10_000) };

/** For properties whose single case is a whole history. */
export const some = { numRuns: Math.ceil(many.numRuns / 20) };

/** For properties that share the cases of a test, or whose cases are slow. */
export const oneIn = (parts: number) => ({ numRuns: Math.ceil(many.numRuns / parts) });

const nasty = [
  ...[' ', '.', '..', ':', '%', '-', '--', '/', '@', '#', '~', '=', '+', ',', '^', '_'],
  ...["'", '"', '`', '$', '$(id)', '${x}', ';', '&', '|', '<', '>', '*', '?', '[', ']', '{', '}'],
  ...['(', ')', '\\', '!', '!!', '\n', '\r', '\r\n', '\t', '\0', '\u001b[2J', '\u007f', '\u0085'],
  ...['\u009b', '\u2028', '\u202e', '\ufeff', 'ä', 'é', '日', '😀', '\ud800'],
];

const plain = [...'abcxyzABCXYZ0189'];

/** Text that nobody should type, between text that somebody does. */
export const hostileText = (maxLength = 40): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.oneof(fc.constantFrom(...plain), fc.constantFrom(...nasty)),
    maxLength,
    size: 'max',
  });

const characters = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.: -'];

const component = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength, size: 'max' })
    .filter((text) => text !== '.' && text !== '..');

const letter = fc.constantFrom(...'abcxyzABCXYZ');

/** Every name of a dataset that ZFS allows, up to 255 characters and any depth. */
export const datasetName: fc.Arbitrary<DatasetName> = fc
  .tuple(letter, component(12), fc.array(component(30), { maxLength: 60, size: 'max' }))
  .map(([first, rest, below]) => [`${first}${rest}`, ...below].join('/'))
  .map((name) => name.slice(0, 255))
  .filter((name) => !/(^|\/)\.{0,2}(\/|$)/.test(name))
  .map(parseDatasetName);

export const snapshotLabel: fc.Arbitrary<SnapshotLabel> = component(60).map(parseSnapshotLabel);

export const guid: fc.Arbitrary<Guid> = fc
  .bigInt({ min: 1n, max: 2n ** 64n - 1n })
  .map((value) => parseGuid(String(value)));

/** Moments to the second, as names of snapshots tell them. */
export const moment: fc.Arbitrary<Date> = fc
  .integer({ min: 0, max: 4_102_444_799 })
  .map((seconds) => new Date(seconds * 1_000));
