import { sh } from './quote.ts';

/**
 * A shell command that writes a script to stand in front of a program: a file of its name in that folder. `$real` in the
 * script is the program's own path, which runs where the script does not exit.
 */
export const wrapping = (folder: string, program: string, script: string): string =>
  sh`mkdir -p ${folder} && { printf '#!/bin/sh\nreal=%s\n' "$(PATH=$PATH:/usr/sbin:/sbin command -v ${program})"; printf '%s\nexec $real "$@"\n' ${script}; } >${`${folder}/${program}`} && chmod 755 ${`${folder}/${program}`}`;
