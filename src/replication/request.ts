import type { WantedCompression } from '../hosts/compressors.ts';
import type { Place } from '../hosts/place.ts';
import type { DatasetName } from '../zfs/names.ts';
import type { RetentionPolicy } from './retention.ts';
import type { Series } from './series.ts';

/** One source and one target. */
export interface Pair {
  readonly source: Place;
  readonly target: Place;
}

/** Which datasets below the source take part (`--recursive`). */
export interface Tree {
  /** Glob patterns for the path below the source; what one matches is left out, with all below it. */
  readonly exclude: readonly string[];
  /** How many levels below the source; undefined for all. */
  readonly maxDepth: number | undefined;
  /** How many datasets are sent at a time (`--parallel`). */
  readonly parallel: number;
}

/** What a person or a crontab asked for: one cycle for one pair. */
export interface Request {
  readonly pair: Pair;
  readonly intent: 'prime' | 'run';
  /** `--recursive`: the pair is the root of a tree. */
  readonly tree?: Tree | undefined;
  /** The root's target, where this pair is part of a tree: its bookmarks are made under that one's id. */
  readonly partOf?: DatasetName | undefined;
  /** True for a part of a tree where the one above it goes raw: what is plain below that finds no key on the target. */
  readonly isBelowRaw?: boolean;
  readonly series: Series;
  readonly compression: {
    readonly wanted: WantedCompression;
    /** False for the default, which gives way to `none` where a side lacks it. */
    readonly named: boolean;
  };
  /** Bytes a second on the wire; undefined for no limit. */
  readonly rate: number | undefined;
  /** How many snapshots of the series stay on the source; undefined: just the base goes. */
  readonly keep: number | undefined;
  readonly keepTarget: RetentionPolicy | undefined;
  /** Glob patterns (`--include-snapshots`): snapshots of others that go to the target too. */
  readonly includeSnapshots: readonly string[];
  /** Milliseconds. */
  readonly stall: number;
  readonly sudo: boolean;
  readonly sshOptions: readonly string[];
  /** How long (milliseconds) ssh keeps the connection for later runs; undefined: it ends with the run. */
  readonly persist: number | undefined;
  /** An encrypted source is sent in the clear; without it, raw. */
  readonly decrypt: boolean;
  /** The source's properties are sent too. */
  readonly properties: boolean;
  /** `prime --abort-partial`: gives up a partial receive first. */
  readonly abortPartial: boolean;
  /** `run --rollback`: a target whose head was changed goes back to the base first. */
  readonly rollback: boolean;
  /** `prime --replace`: a full send beside the old replica, which goes when the new one is verified. */
  readonly replace: boolean;
  /** How this command is called, for hints. */
  readonly self: string;
}
