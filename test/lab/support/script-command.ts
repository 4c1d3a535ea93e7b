import process from 'node:process';
import { Command, InvalidArgumentError } from 'commander';

/** The command line of a script of this project: what is wrong with it is one line, and exit code 2. */
export const scriptCommand = (name: string): Command =>
  new Command(name)
    .allowExcessArguments(false)
    .showHelpAfterError(`(${name} --help says what there is)`)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

/** For an option whose value is a count, or the number of one. */
export const wholeNumber = (text: string): number => {
  const number = Number(text);
  if (!(/^[0-9]+$/.test(text) && Number.isSafeInteger(number) && number > 0)) {
    throw new InvalidArgumentError('It has to be a whole number above 0.');
  }
  return number;
};
