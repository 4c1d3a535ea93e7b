import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseBookmarkLabel,
  parseDatasetName,
  parseGuid,
  parseSnapshotLabel,
} from '../../../src/zfs/names.ts';
import {
  type Base,
  baseName,
  parseSendLine,
  parseTokenContents,
  sendArguments,
  tokenArguments,
} from '../../../src/zfs/send.ts';
import { guid, hostileText, many, snapshotLabel } from '../support/arbitraries.ts';

const tank = parseDatasetName('tank/a vm');
const label = parseSnapshotLabel('zferry_2');
const at = { guid: parseGuid('7'), createtxg: 7 };
const snapshot: Base = {
  kind: 'snapshot',
  label: parseSnapshotLabel('zferry_1'),
  mark: undefined,
  ...at,
};
const plainly = { largeBlocks: false, asStored: false, raw: false, properties: false } as const;
const bookmark: Base = { kind: 'bookmark', label: parseBookmarkLabel('zferry_1'), ...at };

describe('the arguments of zfs send', () => {
  test('name a snapshot and a bookmark as the base in their own ways', () => {
    expect(baseName(tank, snapshot)).toBe('tank/a vm@zferry_1');
    expect(baseName(tank, bookmark)).toBe('tank/a vm#zferry_1');
  });

  test('of an increment have one base and one snapshot', () => {
    expect(sendArguments(tank, { kind: 'incremental', base: bookmark, label, ...plainly })).toEqual(
      ['send', '-v', '-P', '-i', 'tank/a vm#zferry_1', 'tank/a vm@zferry_2'],
    );
  });

  test('of a clone begin with its origin, wherever that is', () => {
    const origin = 'tank/golden one@v1';
    expect(sendArguments(tank, { kind: 'clone', origin, label, ...plainly })).toEqual([
      ...['send', '-v', '-P', '-i', origin, 'tank/a vm@zferry_2'],
    ]);
  });

  test('keep large blocks when the series has them, and only then', () => {
    expect(sendArguments(tank, { kind: 'full', label, ...plainly, largeBlocks: true })).toEqual([
      'send',
      '-v',
      '-P',
      '-L',
      'tank/a vm@zferry_2',
    ]);
    expect(sendArguments(tank, { kind: 'full', label, ...plainly })).not.toContain('-L');
  });

  test('send blocks as they are stored when asked to, and embedded ones too', () => {
    expect(
      sendArguments(tank, {
        kind: 'incremental',
        base: bookmark,
        label,
        ...plainly,
        asStored: true,
      }),
    ).toEqual(['send', '-v', '-P', '-e', '-c', '-i', 'tank/a vm#zferry_1', 'tank/a vm@zferry_2']);
  });

  test('of a resumption are the token alone, and the question about it sends nothing', () => {
    expect(
      sendArguments(tank, { kind: 'resume', token: '1-a-b-c', asStored: true, raw: true }),
    ).toEqual(['send', '-v', '-P', '-t', '1-a-b-c']);
    expect(tokenArguments('1-a-b-c')).toEqual(['send', '-nvP', '-t', '1-a-b-c']);
  });

  test('of a raw stream say that alone: it has large, compressed and embedded blocks by itself', () => {
    const raw = { ...plainly, largeBlocks: true, asStored: true, raw: true };
    expect(sendArguments(tank, { kind: 'full', label, ...raw })).toEqual([
      'send',
      '-v',
      '-P',
      '-w',
      'tank/a vm@zferry_2',
    ]);
  });

  test('take the properties along where they are wanted', () => {
    const words = sendArguments(tank, { kind: 'full', label, ...plainly, properties: true });
    expect(words).toEqual(['send', '-v', '-P', '-p', 'tank/a vm@zferry_2']);
  });

  test('never ask for properties, replication, a raw or a forced stream unasked', () => {
    for (const largeBlocks of [true, false]) {
      const words = sendArguments(tank, {
        kind: 'incremental',
        base: snapshot,
        label,
        ...plainly,
        largeBlocks,
      });
      for (const word of ['-p', '-R', '-w', '-I', '-b', '-e', '-c', '-F']) {
        expect(words).not.toContain(word);
      }
    }
  });
});

describe('a line of zfs send -v -P', () => {
  test.each([
    ['size\t12345', { total: 12345 }],
    ['08:15:01\t4096\ttank/vm@a', { sent: 4096 }],
    ['full\ttank/vm@a\t12345', 'header'],
    ['incremental\tb\ttank/vm@a\t12345', 'header'],
    ["warning: cannot send 'tank/vm@a': Input/output error", undefined],
    ['cannot open: dataset does not exist', undefined],
    // OpenZFS 2.3.9 for a token at the end of its stream
    ['size\t18446744073709412368', 'header'],
    ['size\tmany', undefined],
    ['08:15:01\t', undefined],
    ['', undefined],
  ])('%j means %j', (line, meaning) => {
    expect(parseSendLine(line)).toEqual(meaning);
  });

  test('never becomes a number that is none', () => {
    fc.assert(
      fc.property(fc.constantFrom('size\t', '08:15:01\t'), hostileText(), (head, rest) => {
        const read = parseSendLine(`${head}${rest}`);
        if (typeof read === 'object') {
          for (const value of Object.values(read)) expect(value).toBeGreaterThanOrEqual(0);
        }
      }),
      many,
    );
  });
});

const hex = (text: string): string => `0x${BigInt(text).toString(16)}`;

/** As `zfs send -nvP -t` prints it (libnvpair's nvlist_print), for a token with these pairs. */
const printed = (pairs: Readonly<Record<string, string>>): string =>
  [
    'resume token contents:',
    'nvlist version: 0',
    ...Object.entries(pairs).map(([name, value]) => `\t${name} = ${value}`),
    'incremental\tzferry_1\ttank/vm@zferry_2\t4096',
    'size\t4096',
    '',
  ].join('\n');

describe('the contents of a resume token', () => {
  test('are read exactly, guids in decimal', () => {
    fc.assert(
      fc.property(
        guid,
        fc.option(guid),
        fc.boolean(),
        fc.boolean(),
        snapshotLabel,
        (to, from, raw, asStored, name) => {
          const output = printed({
            ...(from === null ? {} : { fromguid: hex(from) }),
            object: '0x80',
            ...(raw ? { rawok: '1' } : {}),
            ...(asStored ? { compressok: '1' } : {}),
            offset: '0x0',
            bytes: '0x1000',
            toguid: hex(to),
            toname: `tank/vm@${name}`,
          });
          expect(parseTokenContents(output)).toEqual({
            toName: `tank/vm@${name}`,
            toGuid: to,
            fromGuid: from ?? undefined,
            raw,
            asStored,
            position: '0x80 0x0',
            sends: 'tank/vm@zferry_2',
          });
        },
      ),
      many,
    );
  });

  test('are unknown when zfs printed none, or not the name or the guid', () => {
    expect(parseTokenContents('')).toBeUndefined();
    expect(parseTokenContents('cannot resume send: token is corrupt\n')).toBeUndefined();
    expect(parseTokenContents(printed({ toname: 'tank/vm@a' }))).toBeUndefined();
    expect(parseTokenContents(printed({ toguid: '0x1' }))).toBeUndefined();
    expect(parseTokenContents(printed({ toname: 'a@b', toguid: 'first' }))).toBeUndefined();
  });

  test('are unknown when a name in the token holds line breaks and poses as other fields', () => {
    const lies = '\n\ttoguid = 0x7\n\ttoname = tank/vm@zferry_2';
    for (const end of ['', '\n', '\r', '\u2028']) {
      const toname = `tank/secret@x${lies.replaceAll('\n', end === '' ? '\n' : end)}`;
      expect(parseTokenContents(printed({ toguid: '0x666', toname }))).toBeUndefined();
      expect(parseTokenContents(printed({ toname, toguid: '0x666' }))).toBeUndefined();
    }
  });

  test('never tell another guid or less rawness than the token has, whatever its name is', () => {
    const lie = fc.constantFrom(
      ...['toguid = 0x7', 'fromguid = 0x8', 'rawok = 0', 'toname = tank/vm@a', ' = ', '\n', '\t'],
    );
    const name = fc.array(fc.oneof(lie, hostileText(10)), { maxLength: 8 });
    fc.assert(
      fc.property(name, fc.boolean(), (parts, nameFirst) => {
        const toname = parts.join('\n\t');
        const real = { toguid: '0x666', fromguid: '0x999', rawok: '1' };
        const pairs = nameFirst ? { toname, ...real } : { ...real, toname };
        const contents = parseTokenContents(printed(pairs));
        if (contents !== undefined) {
          expect(contents).toMatchObject({ toGuid: '1638', fromGuid: '2457', raw: true });
        }
      }),
      many,
    );
  });

  test('name the snapshot that zfs would send, unless a name in the token poses as that line', () => {
    const real = { toguid: '0x7', toname: 'tank/vm@zferry_2' };
    expect(parseTokenContents(printed(real))?.sends).toBe('tank/vm@zferry_2');
    const full = printed(real).replace('incremental\tzferry_1', 'full');
    expect(parseTokenContents(full)?.sends).toBe('tank/vm@zferry_2');
    const broken = '\ttoguid = 0x7\n\ttoname = a@b\ncannot resume send: no longer exists\n';
    expect(parseTokenContents(broken)?.sends).toBeUndefined();
    for (const lie of ['full\ttank/vm@lie\t1', 'incremental\tx\ttank/vm@lie\t1']) {
      const toname = `tank/vm@a\n${lie}\n`;
      expect(parseTokenContents(printed({ ...real, toname }))?.sends).toBeUndefined();
    }
  });

  test('never throw, whatever zfs printed', () => {
    fc.assert(
      fc.property(hostileText(200), (text) => {
        expect(() => parseTokenContents(`\ttoguid = 0x${text}\n\ttoname = ${text}`)).not.toThrow();
      }),
      many,
    );
  });
});
