/**
 * Makes dist/zferry for this machine's architecture, and dist/zferry-linux-ARCH for the other one.
 *
 *   npm run build [-- --force]
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import pkgSea from '@yao-pkg/pkg/lib-es5/sea.js';
import { build } from 'esbuild';

const ARCHITECTURES = ['x64', 'arm64'] as const;
type Architecture = (typeof ARCHITECTURES)[number];

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
const STAMP = join(DIST, '.inputs');
const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'zferry-build');

const run = promisify(execFile);

const main = async (): Promise<void> => {
  const program = await bundle();
  const stamp = await hashOfInputs(program);
  if (!process.argv.includes('--force') && (await isBuiltFrom(stamp))) {
    say('dist/zferry is up to date');
    return;
  }

  await mkdir(DIST, { recursive: true });
  await rm(STAMP, { force: true });
  const work = await mkdtemp(join(tmpdir(), 'zferry-build-'));
  try {
    const entry = join(work, 'zferry.cjs');
    await writeFile(entry, program);
    await packForThisMachine(entry, work);
    await packForTheOther(entry, work);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  await writeFile(STAMP, `${stamp}\n`);
};

/** CommonJS, because the code cache of a single executable works for nothing else. */
const bundle = async (): Promise<string> => {
  const { version } = await readJson<{ version: string }>('package.json');
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/main.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: `node${process.versions.node}`,
    // The packages' ES modules, where they have both: only those can be cut down to what is used.
    mainFields: ['module', 'main'],
    minify: true,
    legalComments: 'none',
    define: { __VERSION__: JSON.stringify(version) },
    logLevel: 'warning',
  });
  return outputFiles.map((file) => file.text).join('');
};

const hashOfInputs = async (program: string): Promise<string> => {
  const hash = createHash('sha256').update(program);
  // The lock file stands for Node and the packer.
  for (const file of ['package-lock.json', 'scripts/build.ts']) {
    hash.update(await readFile(join(ROOT, file)));
  }
  return hash.digest('hex');
};

const isBuiltFrom = async (stamp: string): Promise<boolean> =>
  existsSync(join(DIST, 'zferry')) &&
  existsSync(STAMP) &&
  (await readFile(STAMP, 'utf8')).trim() === stamp;

const packForThisMachine = async (entry: string, work: string): Promise<void> => {
  const output = join(work, 'zferry');
  await pkgSea.default(entry, {
    targets: [
      { nodeRange: `node${process.versions.node}`, platform: 'linux', arch: process.arch, output },
    ],
    nodePath: await stripped(process.execPath, work),
    seaConfig: { ...SEA, useCodeCache: true },
  });
  await deliver(output, 'zferry');
};

/**
 * pkg asks every base for its version by running it, which a foreign one cannot answer; so these
 * are pkg's own two steps without the question. A code cache is valid for one architecture only.
 */
const packForTheOther = async (entry: string, work: string): Promise<void> => {
  for (const arch of ARCHITECTURES.filter((one) => one !== process.arch)) {
    const name = `zferry-linux-${arch}`;
    const base = await foreignNode(arch).catch((error: Error) => error);
    if (base instanceof Error) {
      await rm(join(DIST, name), { force: true });
      say(`no dist/${name}: ${firstLine(base)}`);
      continue;
    }
    const config = join(work, `${arch}.json`);
    const blob = join(work, `${arch}.blob`);
    await writeFile(config, JSON.stringify({ ...SEA, main: entry, output: blob }));
    await run(process.execPath, ['--experimental-sea-config', config]);

    const output = join(work, name);
    await copyFile(base, output);
    await run('postject', [output, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE]);
    await deliver(output, name);
  }
};

const SEA = {
  disableExperimentalSEAWarning: true,
  useSnapshot: false,
  useCodeCache: false,
  // What NODE_OPTIONS says is meant for the programs of its author, not for this one.
  execArgvExtension: 'none',
};

/** The mark in every Node executable that says whether it carries a program. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** Before the injection: strip does not know what is put in after it. */
const stripped = async (node: string, work: string): Promise<string> => {
  const output = join(work, 'node');
  try {
    await run('strip', ['--strip-unneeded', '-o', output, node]);
    return output;
  } catch (error) {
    say(`not stripped, so larger than need be: ${firstLine(error)}`);
    return node;
  }
};

/** npm installs the Node of this architecture only; the other one comes as a file, once. */
const foreignNode = async (arch: Architecture): Promise<string> => {
  const { version, integrity } = await locked(`node-linux-${arch}`);
  const folder = join(CACHE, `node-linux-${arch}-${version}`);
  const node = join(folder, 'package', 'bin', 'node');
  if (existsSync(node)) {
    return node;
  }

  await mkdir(CACHE, { recursive: true });
  const unpacked = await mkdtemp(`${folder}.`);
  try {
    // Without a network this must fail at once, not after npm's minutes of trying again.
    const asked = ['--silent', '--prefer-offline', '--fetch-retries=0'];
    await run('npm', ['pack', ...asked, `node-linux-${arch}@${version}`], { cwd: unpacked });
    const archive = join(unpacked, `node-linux-${arch}-${version}.tgz`);
    await verify(archive, integrity);
    await run('tar', ['-xzf', archive, '-C', unpacked, 'package/bin/node']);
    await rm(archive);
    await rename(unpacked, folder);
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
  return node;
};

const locked = async (name: string): Promise<{ version: string; integrity: string }> => {
  const { packages } = await readJson<{
    packages: Record<string, { version: string; integrity: string }>;
  }>('package-lock.json');
  const entry = packages[`node_modules/${name}`];
  if (!entry) {
    throw new Error(`${name} is not in package-lock.json`);
  }
  return entry;
};

const verify = async (archive: string, integrity: string): Promise<void> => {
  const digest = createHash('sha512')
    .update(await readFile(archive))
    .digest('base64');
  if (`sha512-${digest}` !== integrity) {
    throw new Error(`${archive} is not the file that package-lock.json names`);
  }
};

/** By renaming: whoever runs the old binary at this moment keeps it. */
const deliver = async (output: string, name: string): Promise<void> => {
  const file = join(DIST, name);
  await copyFile(output, `${file}.new`);
  await rename(`${file}.new`, file);
  const { size } = await stat(file);
  say(`dist/${name} ${Math.round(size / 1e6)} MB`);
};

const readJson = async <T>(file: string): Promise<T> =>
  JSON.parse(await readFile(join(ROOT, file), 'utf8')) as T;

const firstLine = (error: unknown): string => String(error).split('\n', 1).join('');

const say = (line: string): void => {
  process.stdout.write(`build: ${line}\n`);
};

await main();
