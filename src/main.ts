import { argv, exit } from 'node:process';
import { runProgram } from './cli/program.ts';
import { bearLostOutput, printError } from './cli/terminal.ts';
import { asZferryError } from './errors.ts';

bearLostOutput();

// The one place that ends the process: whatever was thrown becomes one error, at most one hint, one code.
runProgram(argv.slice(2)).then(
  (code) => exit(code),
  (thrown: unknown) => {
    const error = asZferryError(thrown);
    printError(error);
    exit(error.exitCode);
  },
);
