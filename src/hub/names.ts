import { CandleEmbedError } from "../errors.js";

/** `org/name` as the hub writes it; the part before the slash is needed, for names without one are catalogue names. */
const repositoryPattern = /^[\w-][\w.-]{0,95}\/[\w-][\w.-]{0,95}$/;

/** Whether `name` can be a model on a hub. */
export function isRepository(name: string): boolean {
  return repositoryPattern.test(name) && !/--|\.\.|\.git$/.test(name);
}

/** A full commit, whose content never changes. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** A name that means a device or a stream to Windows, whatever follows its first dot. */
const windowsDevice = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** Whether a relative path with `/` stays inside the folder it is joined to, on every operating system. */
export function isInside(name: string): boolean {
  if (name.length === 0 || name.length > 512) return false;
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\\:*?"<>|\u0000-\u001f\u007f]/.test(name)) return false;
  return name
    .split("/")
    .every((part) => part !== "" && !/^\.+$|[. ]$/.test(part) && !windowsDevice.test(part));
}

/** Gives `name` back, or refuses one that a server or a model's file made up to lead elsewhere. */
export function checkInside(name: string): string {
  if (isInside(name)) return name;
  throw new CandleEmbedError(
    "MODEL_INVALID",
    `the model names a file that would lie outside of its folder: ${JSON.stringify(name.slice(0, 100))}`,
  );
}
