import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { src } from '../lab/support/host.ts';
import { OWN } from '../lab/support/labs.ts';
import { wire } from '../lab/support/wire.ts';
import { installFloor } from './contenders.ts';
import { type Section, table } from './figures.ts';
import { options } from './options.ts';
import { scenarios } from './scenarios.ts';

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const machine = async (): Promise<string> => {
  const [processor] = cpus();
  const versions = await src.ok(
    "zfs version | head -n 1; uname -r; ssh -V 2>&1; dpkg-query -W -f '${Package} ${Version}, ' sanoid simplesnap 2>/dev/null || echo none",
  );
  const [zfs = '', kernel = '', ssh = '', peers = ''] = versions.split('\n');
  return table(
    ['', ''],
    [
      ['measured', new Date().toISOString().slice(0, 10)],
      ['machine', `${cpus().length} x ${processor?.model ?? 'unknown'}`],
      [
        'hosts',
        OWN
          ? "namespaces over this machine's OpenZFS"
          : 'User Mode Linux guests, each on one processor of its own',
      ],
      ['OpenZFS, kernel', `${zfs}, ${kernel}`],
      ['ssh', ssh],
      ['other tools', peers.replace(/,$/, '')],
    ],
  );
};

const report = (head: string, sections: readonly Section[]): string => {
  const goals = sections.flatMap((section) => section.goals);
  return [
    head,
    '### Goals',
    table(
      ['goal', 'figure', 'reached'],
      goals.map(({ what, figure, reached }) => [what, figure, reached ? 'yes' : '**no**']),
    ),
    ...sections.flatMap(({ title, text }) => [`### ${title}`, text]),
  ].join('\n\n');
};

const PAGE = fileURLToPath(new URL('../../docs/BENCHMARKS.md', import.meta.url));
const BEGIN = '<!-- figures: scripts/bench writes from here -->';
const END = '<!-- to here -->';

/** Puts the figures between the two marks; what people wrote around them stays. */
const writePage = (figures: string): void => {
  const page = readFileSync(PAGE, 'utf8');
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${PAGE} lacks its marks`);
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${figures}\n\n${END}${after}`);
};

const { only } = options;
const chosen = scenarios.filter((scenario) => only?.includes(scenario) ?? true);
await wire.clear();
await installFloor();
const sections: Section[] = [];
for (const { name, run } of chosen) {
  say(`bench: ${name}`);
  const section = await run(options.rounds);
  sections.push(section);
  say(`\n${section.text}\n`);
}
const figures = report(await machine(), sections);
say(figures);
if (options.write) writePage(figures);
