/** What came of a command. */
export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  /** Of the command; 255 also when the host did not answer or went away. */
  readonly exitCode: number;
}
