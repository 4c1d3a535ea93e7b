/**
 * Many bookmarks and snapshots in one process and one transaction group: a channel program (`zfs program`), which only
 * root may run. It takes three words for each: `bookmark SNAPSHOT BOOKMARK`, or `destroy SNAPSHOT GUID`, where GUID may be
 * `-` for a snapshot that was just listed. Its answer is a number for each, 0 where it was done. What it could not do it
 * leaves as it is: a single command then tells the reason, and is the way back where there are no channel programs.
 *
 * zfs.sync.destroy takes snapshots and whole datasets, and no bookmarks: a name without `@` is refused here.
 * zfs.sync.bookmark came with OpenZFS 2.0. Numbers are signed there, and a guid is not: it is written out by halves.
 *
 * The text is a parameter of the target's agent too, and has none of what agent-program.ts says is not to be in one.
 */
export const channelProgram = [
  'local words = (...).argv; local said = "done";',
  'local function guid(name) local n = zfs.get_prop(name, "guid"); if n >= 0 then return tostring(n); end;',
  'local m = -(n + 1); local high = 18446744073 - m / 1000000000; local low = 709551615 - m % 1000000000;',
  'if low < 0 then high = high - 1; low = low + 1000000000; end;',
  'return tostring(high) .. string.sub(tostring(1000000000 + low), 2); end;',
  'for at = 1, #words - 2, 3 do local verb, name, other = words[at], words[at + 1], words[at + 2]; local code = -1;',
  'if verb == "bookmark" then if zfs.sync.bookmark then code = zfs.sync.bookmark(name, other); end;',
  'elseif string.find(name, "@", 1, true) and zfs.exists(name) and (other == "-" or guid(name) == other) then',
  'code = zfs.sync.destroy(name); end;',
  'said = said .. " " .. tostring(code); end; return said .. " ";',
].join(' ');

/** How many go into one program: it holds up its pool's transaction group. */
export const mostInProgram = 100;

/** The words for a zfs command that such a program can do; undefined for any other. */
export const programWords = (
  parameters: readonly string[],
): readonly [string, string, string] | undefined => {
  const [verb, name = '', other, ...more] = parameters;
  if (more.length > 0) return undefined;
  if (verb === 'bookmark' && other !== undefined) return [verb, name, other];
  return verb === 'destroy' && name.includes('@') && other === undefined
    ? [verb, name, '-']
    : undefined;
};

/** Reads what `zfs program -j` printed: which of so many were done. Undefined where it was not run to its end. */
export const parseDone = (printed: string, count: number): readonly boolean[] | undefined => {
  const codes = /"return":"done ([-0-9 ]*)"/.exec(printed)?.[1]?.trim().split(' ');
  return codes?.length === count ? codes.map((code) => code === '0') : undefined;
};
