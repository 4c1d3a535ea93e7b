import { type FailureKind, worstOf, ZferryError } from '../../errors.ts';
import type { DatasetName } from '../../zfs/names.ts';
import type { Story } from '../story.ts';

/** A member that is not current, and why. */
export interface MemberFailure {
  readonly source: DatasetName;
  /** Its target as a person would type it. */
  readonly target: string;
  readonly error: ZferryError;
  readonly story: Story;
}

const worst = (failures: readonly MemberFailure[]): FailureKind => {
  const code = worstOf(failures.map(({ error }) => error.exitCode));
  return failures.find(({ error }) => error.exitCode === code)?.error.kind ?? 'failed';
};

const mostNamed = 5;

/** Some members of a tree are not current; the others are. */
export class TreeIncomplete extends ZferryError {
  readonly failures: readonly MemberFailure[];

  constructor(failures: readonly MemberFailure[], members: number) {
    const names = failures.slice(0, mostNamed).map(({ source }) => source);
    const more = failures.length > mostNamed ? ` and ${failures.length - mostNamed} more` : '';
    super(
      worst(failures),
      `${failures.length} of ${members} datasets are not current: ${names.join(', ')}${more}`,
    );
    this.failures = failures;
  }
}
