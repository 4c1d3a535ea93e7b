import { argv, exit } from 'node:process';
import { runProgram } from './cli/program.ts';
import { printError } from './cli/terminal.ts';
import { asZferryError } from './errors.ts';

// The one place that ends the process: whatever was thrown becomes one error, at most one hint, one code.
runProgram(argv.slice(2)).then(
  (code) => exit(code),
  (thrown: unknown) => {
    const error = asZferryError(thrown);
    printError(error);
    exit(error.exitCode);
  },
);
