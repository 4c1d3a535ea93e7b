/** Lines by the section that they came in; what comes before the first stands under ''. */
export const bySection = (lines: readonly string[]): ReadonlyMap<string, readonly string[]> => {
  const sections = new Map<string, string[]>([['', []]]);
  let name = '';
  for (const line of lines) {
    const opened = /^section ([a-z]+)$/.exec(line)?.[1];
    if (opened === undefined) {
      sections.get(name)?.push(line);
    } else {
      name = opened;
      sections.set(name, []);
    }
  }
  return sections;
};

/** What follows a word in the lines that begin with it. */
export const values = (lines: readonly string[], word: string): string[] =>
  lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

/** True where a property has a value. */
export const isSet = (text: string | undefined): text is string =>
  text !== undefined && text !== '-' && text !== '';

/** A token goes back into a command of ours: nothing else than its own alphabet may get there. */
export const isToken = (text: string): boolean =>
  /^[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+$/.test(text);

/** How a step ended, out of the line `status STEP N`; undefined where no such line came whole. */
export const statusOf = (lines: readonly string[], step: string): number | undefined => {
  const text = values(lines, `status ${step}`)[0];
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : undefined;
};
