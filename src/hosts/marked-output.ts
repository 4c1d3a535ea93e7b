import type { Readable } from 'node:stream';

/** What of a text may hold the mark, a number and line breaks. */
const endingLength = 64;

/**
 * Gathers an output up to each of its marks, which stand in a line of their own with a number behind them, or none;
 * `onEnd` gets the text, without its closing line break, and that number.
 */
export const gather = (
  output: Readable,
  mark: string,
  onEnd: (text: string, word: string) => void,
): void => {
  const ending = new RegExp(`\\n${mark} ([0-9]*)\\n$`);
  let chunks: string[] = [];
  let tail = '';
  output.setEncoding('utf8');
  output.on('data', (chunk: string) => {
    chunks.push(chunk);
    tail = (tail + chunk).slice(-endingLength);
    const found = ending.exec(tail);
    if (found === null) return;
    const text = chunks.join('').slice(0, -found[0].length);
    chunks = [];
    tail = '';
    onEnd(text.replace(/\r?\n$/, ''), found[1] ?? '');
  });
};
