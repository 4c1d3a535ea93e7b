import { type DatasetName, parseDatasetName } from './names.ts';

/** What `prime --replace` receives into, beside the replica that it replaces. */
export const freshSuffix = '.zferry_new';

/** Where `prime --replace` puts the old replica until it is destroyed. */
export const asideSuffix = '.zferry_old';

/** The dataset beside a target. Throws a usage error where ZFS would find its name too long. */
export const siblingOf = (
  target: DatasetName,
  suffix: typeof freshSuffix | typeof asideSuffix,
): DatasetName => parseDatasetName(`${target}${suffix}`);
