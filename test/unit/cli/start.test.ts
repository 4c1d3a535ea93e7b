import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');

/** All that is loaded together with a module: what it imports, and what that imports, unless by `import()`. */
const loadedWith = (
  { inputs }: Metafile,
  path: string,
  seen = new Set<string>(),
): ReadonlySet<string> => {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const each of inputs[path]?.imports ?? []) {
    if (each.kind !== 'dynamic-import') loadedWith({ inputs, outputs: {} }, each.path, seen);
  }
  return seen;
};

// A twentieth of a second on a small host, and for each cron line of each minute.
test('what runs programs is loaded when one is to be run, not when the command line is read', async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    metafile: true,
    define: { __VERSION__: '""' },
  });
  const loaded = [...loadedWith(metafile, 'src/main.ts')];
  expect(loaded).toContain('node_modules/commander/lib/command.js');
  expect(loaded.filter((path) => /execa|ssh-config|hosts\/command/.test(path))).toEqual([]);
  expect(Object.keys(metafile.inputs)).toContain('node_modules/execa/index.js');
});
