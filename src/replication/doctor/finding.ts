import type { ZferryError } from '../../errors.ts';

/** What one check came to. */
export interface Finding {
  /** What was looked at, in a word or two: fixed words that programs may look for. */
  readonly check: string;
  /** `warn`: a cycle copes with it. `bad`: the next cycle could fail by it. */
  readonly level: 'ok' | 'warn' | 'bad';
  /** What was seen, in one line. */
  readonly seen: string;
  /** How to mend it; where a command does, that exact command. */
  readonly hint: string | undefined;
  /** True where a person has to decide before anything can go on. */
  readonly decide: boolean;
}

export const ok = (check: string, seen: string): Finding => ({
  ...{ check, level: 'ok', seen },
  ...{ hint: undefined, decide: false },
});

export const warn = (check: string, seen: string, hint?: string): Finding => ({
  ...{ check, level: 'warn', seen, hint },
  decide: false,
});

export const bad = (check: string, seen: string, hint?: string, decide = false): Finding => ({
  ...{ check, level: 'bad', seen, hint, decide },
});

/** What a cycle would end with. */
export const badAs = (check: string, { message, hint, kind }: ZferryError): Finding =>
  bad(check, message, hint, kind === 'decide');
