import type { Readable } from 'node:stream';

/** Characters of a line that count; a resume token has some hundred, a name 255. The rest is dropped. */
export const longestLine = 65_536;

/** Cuts text that comes in pieces into lines, however it was cut before. Holds one line at most. */
export const lineSplitter = (onLine: (line: string) => void) => {
  let begun = '';
  return {
    take: (text: string): void => {
      const parts = text.split('\n');
      const last = parts.pop() ?? '';
      for (const part of parts) {
        onLine((begun + part).slice(0, longestLine).replace(/\r$/, ''));
        begun = '';
      }
      begun = (begun + last).slice(0, longestLine);
    },
    /** Hands out what had no line break behind it. */
    flush: (): void => {
      if (begun !== '') onLine(begun.replace(/\r$/, ''));
      begun = '';
    },
  };
};

/** The lines of a stream, read no faster than they are taken; the end of a broken stream is its end. */
export async function* linesOf(stream: Readable): AsyncGenerator<string, undefined> {
  const lines: string[] = [];
  const { take, flush } = lineSplitter((line) => lines.push(line));
  stream.setEncoding('utf8');
  try {
    for await (const text of stream) {
      take(text as string);
      yield* lines.splice(0);
    }
  } catch {
    // ssh was killed, or its output closed too early: how it ended says more than this.
  }
  flush();
  yield* lines;
}
